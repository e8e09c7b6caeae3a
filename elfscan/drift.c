#include "elfscan/drift.h"

#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "elfscan/drift_parts.h"

struct hi_drift_block {
	struct hi_drift_block *next;
	char bytes[];
};

void *hi_drift_alloc(struct hi_drift_run *run, size_t len)
{
	struct hi_drift_block *block = calloc(1, sizeof(*block) + len);

	if (!block) {
		run->failed = true;
		return NULL;
	}
	block->next = run->drift->blocks;
	run->drift->blocks = block;
	return block->bytes;
}

static char *keep(struct hi_drift_run *run, const char *text)
{
	size_t len = strlen(text) + 1;
	char *copy = hi_drift_alloc(run, len);

	return copy ? memcpy(copy, text, len) : (char *)"";
}

/* Room for one element more in *LIST; false when there is none. */
static bool make_room(struct hi_drift_run *run, void *list, size_t n,
		      size_t *cap, size_t size)
{
	bool has_room = hi_grow(list, n, cap, size);

	run->failed = run->failed || !has_room;
	return has_room;
}

/* --- pairs ----------------------------------------------------------------- */

static size_t find_slot(const struct hi_drift_run *run, uint32_t old,
			uint32_t new, bool by_export)
{
	uint64_t key = (uint64_t)old << 32 | new;
	size_t at = (key * 0x9e3779b97f4a7c15 >> 20) & (run->cap_table - 1);

	for (; run->table[at]; at = (at + 1) & (run->cap_table - 1)) {
		const struct hi_pair *pair = &run->pairs[run->table[at] - 1];

		if (pair->old == old && pair->new == new &&
		    pair->by_export == by_export)
			break;
	}
	return at;
}

static bool make_table(struct hi_drift_run *run)
{
	size_t cap = run->cap_table ? run->cap_table * 2 : 1024;
	uint32_t *table;

	if (run->n_pairs * 2 < run->cap_table)
		return true;
	table = calloc(cap, sizeof(*table));
	if (!table) {
		run->failed = true;
		return false;
	}
	free(run->table);
	run->table = table;
	run->cap_table = cap;
	for (size_t i = 0; i < run->n_pairs; i++) {
		const struct hi_pair *pair = &run->pairs[i];

		table[find_slot(run, pair->old, pair->new, pair->by_export)] =
			(uint32_t)i + 1;
	}
	return true;
}

uint32_t hi_drift_add_pair(struct hi_drift_run *run, uint32_t old, uint32_t new,
			   bool by_export)
{
	size_t slot;

	if (!make_table(run) ||
	    !make_room(run, &run->pairs, run->n_pairs, &run->cap_pairs,
		       sizeof(*run->pairs)))
		return 0;
	slot = find_slot(run, old, new, by_export);
	if (!run->table[slot]) {
		run->pairs[run->n_pairs] = (struct hi_pair){
			.old = old,
			.new = new,
			.by_export = by_export,
		};
		run->table[slot] = (uint32_t)++run->n_pairs;
	}
	return run->table[slot] - 1;
}

void hi_drift_add_way(struct hi_drift_run *run, const struct hi_way_to *way)
{
	if (make_room(run, &run->ways, run->n_ways, &run->cap_ways,
		      sizeof(*run->ways)))
		run->ways[run->n_ways++] = *way;
}

/* --- findings -------------------------------------------------------------- */

void hi_drift_add(struct hi_drift_run *run, const char *kind, const char *root,
		  enum hi_severity severity, struct hi_buf *text,
		  const char *effect, uint32_t place)
{
	struct hi_drift *drift = run->drift;
	const struct hi_pair *pair = place == HI_NO_PLACE ? NULL :
							    &run->pairs[place];
	struct hi_buf id = HI_BUF_INIT;
	struct hi_finding *finding;

	if (make_room(run, &drift->findings, drift->n_findings,
		      &run->cap_findings, sizeof(*drift->findings))) {
		hi_buf_printf(&id, "%s:%s", kind, root);
		finding = &drift->findings[drift->n_findings++];
		*finding = (struct hi_finding){
			.id = keep(run, hi_buf_str(&id)),
			.kind = kind,
			.root = keep(run, root),
			.text = keep(run, hi_buf_str(text)),
			.effect = keep(run, effect),
			.severity = severity,
			.place = place,
		};
		if (pair && !pair->by_export) {
			finding->old_type = pair->old;
			finding->new_type = pair->new;
			finding->old_source =
				hi_model_get_type(run->old, pair->old)->source;
			finding->new_source =
				hi_model_get_type(run->new, pair->new)->source;
		}
		run->failed = run->failed || id.failed;
	}
	hi_buf_done(&id);
	hi_buf_done(text);
}

void hi_drift_add_unverified(struct hi_drift_run *run, const char *name)
{
	struct hi_drift *drift = run->drift;

	if (make_room(run, &drift->unverified, drift->n_unverified,
		      &run->cap_unverified, sizeof(*drift->unverified)))
		drift->unverified[drift->n_unverified++] = name;
}

/* --- one root, one finding ------------------------------------------------- */

static bool has_kind(const struct hi_drift *drift, const char *kind)
{
	for (size_t i = 0; i < drift->n_findings; i++)
		if (!strcmp(drift->findings[i].kind, kind))
			return true;
	return false;
}

/* What follows from another finding: a table that grew with its class, a struct
   whose members moved because one inside it grew. */
static bool is_consequence(const struct hi_drift_run *run, const bool *caused,
			   bool has_tables, const struct hi_finding *finding)
{
	if (!strcmp(finding->kind, "object-size"))
		return caused[finding->place] ||
		       (has_tables && hi_model_is_made(finding->root));
	return !strcmp(finding->kind, "layout") &&
	       run->pairs[finding->place].is_moved && caused[finding->place];
}

static void drop_consequences(struct hi_drift_run *run)
{
	struct hi_drift *drift = run->drift;
	bool *caused = calloc(run->n_pairs + 1, sizeof(*caused));
	bool has_tables = has_kind(drift, "vtable");
	size_t n = 0;

	if (!caused) {
		run->failed = true;
		return;
	}
	for (size_t i = 0; i < run->n_ways; i++)
		if (run->ways[i].way == HI_WAY_VALUE &&
		    run->pairs[run->ways[i].to].is_resized)
			caused[run->ways[i].from] = true;
	for (size_t i = 0; i < drift->n_findings; i++)
		if (!is_consequence(run, caused, has_tables,
				    &drift->findings[i]))
			drift->findings[n++] = drift->findings[i];
	drift->n_findings = n;
	free(caused);
}

/* --- the whole ------------------------------------------------------------- */

static int compare_findings(const void *left, const void *right)
{
	const struct hi_finding *a = left, *b = right;

	if (a->severity != b->severity)
		return a->severity > b->severity ? -1 : 1;
	if (a->scope != b->scope)
		return a->scope < b->scope ? -1 : 1;
	return strcmp(a->id, b->id);
}

static int compare_texts(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

int hi_drift_find(const struct hi_model *old, const struct hi_model *new,
		  const struct hi_drift_options *options,
		  struct hi_drift *ret_drift, struct hi_err *err)
{
	static const struct hi_drift_options none;
	struct hi_drift_run run = {
		.old = old,
		.new = new,
		.options = options ? options : &none,
		.drift = ret_drift,
	};

	*ret_drift = (struct hi_drift){ 0 };
	hi_drift_compare_exports(&run);
	for (; run.n_done < run.n_pairs && !run.failed; run.n_done++)
		if (!run.pairs[run.n_done].by_export)
			hi_drift_compare_pair(&run, (uint32_t)run.n_done);
	if (!run.failed)
		hi_drift_judge_scopes(&run);
	if (!run.failed)
		drop_consequences(&run);
	if (ret_drift->n_findings)
		qsort(ret_drift->findings, ret_drift->n_findings,
		      sizeof(*ret_drift->findings), compare_findings);
	if (ret_drift->n_unverified)
		qsort(ret_drift->unverified, ret_drift->n_unverified,
		      sizeof(*ret_drift->unverified), compare_texts);
	free(run.pairs);
	free(run.table);
	free(run.ways);
	if (!run.failed)
		return 0;
	hi_drift_done(ret_drift);
	return hi_fail(err, HI_E_NOMEM, "no memory to compare %s with %s",
		       new->name, old->name);
}

void hi_drift_done(struct hi_drift *drift)
{
	while (drift->blocks) {
		struct hi_drift_block *next = drift->blocks->next;

		free(drift->blocks);
		drift->blocks = next;
	}
	free(drift->findings);
	free(drift->unverified);
	*drift = (struct hi_drift){ 0 };
}

bool hi_drift_breaks(const struct hi_drift *drift)
{
	for (size_t i = 0; i < drift->n_findings; i++)
		if (drift->findings[i].severity == HI_INCOMPATIBLE &&
		    drift->findings[i].scope == HI_SCOPE_INTERFACE)
			return true;
	return false;
}
