#include "elfscan/signature.h"

#include <stdio.h>
#include <stdlib.h>

#include "elfscan/drift.h"
#include "elfscan/model_parts.h"

/* An interface of functions that are called by their number. */
static int read_side(const struct hi_signature_pair *pairs, size_t n, bool old,
		     struct hi_model **ret_model, struct hi_err *err)
{
	struct hi_die_units entries;
	struct hi_model_reader reader = { .by_value = true,
					  .entries = &entries };
	int code = hi_model_new(&reader.model, err);

	if (code < 0)
		return code;
	hi_die_units_init(&entries);
	for (size_t i = 0; i < n; i++) {
		struct hi_model_export export = { .version = "",
						  .is_default = true,
						  .kind = HI_SYM_FUNC };
		char name[24];

		snprintf(name, sizeof(name), "%zu", i);
		export.name = hi_model_copy(reader.model, name);
		export.type = hi_model_read_function(
			&reader, old ? &pairs[i].old : &pairs[i].new);
		hi_model_add_export(reader.model, &export);
	}
	hi_model_read_rest(&reader);
	hi_model_reader_done(&reader);
	hi_die_units_done(&entries);
	hi_model_finish(reader.model);
	hi_model_mark_passing(reader.model);
	if (reader.model->failed) {
		hi_model_free(reader.model);
		return hi_fail(err, HI_E_NOMEM, "no memory for signatures");
	}
	*ret_model = reader.model;
	return 0;
}

static void mark(struct hi_signature_pair *pairs, const char *number)
{
	pairs[strtoul(number, NULL, 10)].differs = true;
}

static void mark_all(struct hi_signature_pair *pairs,
		     const struct hi_drift *drift)
{
	for (size_t i = 0; i < drift->n_findings; i++) {
		const struct hi_finding *finding = &drift->findings[i];

		if (finding->severity != HI_INCOMPATIBLE)
			continue;
		if (!finding->old_type)
			mark(pairs, finding->root);
		for (size_t j = 0; j < finding->n_exports; j++)
			mark(pairs, finding->exports[j]);
	}
}

int hi_signatures_compare(struct hi_signature_pair *pairs, size_t n,
			  struct hi_err *err)
{
	struct hi_model *old = NULL, *new = NULL;
	struct hi_drift drift = { 0 };
	int code = n ? read_side(pairs, n, true, &old, err) : 0;

	if (code == 0 && n)
		code = read_side(pairs, n, false, &new, err);
	if (code == 0 && n)
		code = hi_drift_find(old, new, NULL, &drift, err);
	if (code == 0)
		mark_all(pairs, &drift);
	hi_drift_done(&drift);
	hi_model_free(old);
	hi_model_free(new);
	return code;
}
