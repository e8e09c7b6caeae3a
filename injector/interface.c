#include "injector/interface.h"

#include <pthread.h>
#include <string.h>

#include "elfscan/model_new.h"
#include "injector/worker.h"

/* --- nothing to look at ---------------------------------------------------- */

/* What of a symbol a host or the loader can tell. */
static bool is_same_symbol(const struct hi_symbol *old,
			   const struct hi_symbol *new)
{
	bool is_function = old->type == HI_SYM_FUNC ||
			   old->type == HI_SYM_IFUNC;

	return old->exported == new->exported && old->type == new->type &&
	       old->elf_bind == new->elf_bind &&
	       old->visibility == new->visibility &&
	       old->default_version == new->default_version &&
	       (is_function || old->size == new->size) &&
	       !strcmp(old->name, new->name) &&
	       !strcmp(old->version, new->version);
}

static const struct hi_symbol *next_exported(const struct hi_symbol *symbols,
					     size_t n, size_t *at)
{
	while (*at < n) {
		const struct hi_symbol *symbol = &symbols[(*at)++];

		if (symbol->exported)
			return symbol;
	}
	return NULL;
}

/* In the order of their places, which seldom changes. */
static bool have_same_symbols(const struct hi_symbol *old, size_t n_old,
			      const struct hi_symbol *new, size_t n_new)
{
	size_t at_old = 0, at_new = 0;

	for (;;) {
		const struct hi_symbol *a = next_exported(old, n_old, &at_old);
		const struct hi_symbol *b = next_exported(new, n_new, &at_new);

		if (!a || !b)
			return a == b;
		if (!is_same_symbol(a, b))
			return false;
	}
}

static bool have_same_exports(const struct hi_build *old,
			      const struct hi_build *new)
{
	size_t n_old, n_new;
	const struct hi_symbol *a, *b;

	a = hi_symtab_get_functions(old->symtab, &n_old);
	b = hi_symtab_get_functions(new->symtab, &n_new);
	if (!have_same_symbols(a, n_old, b, n_new))
		return false;
	a = hi_symtab_get_variables(old->symtab, &n_old);
	b = hi_symtab_get_variables(new->symtab, &n_new);
	return have_same_symbols(a, n_old, b, n_new);
}

static bool is_unchanged(const struct hi_build *old, const struct hi_build *new)
{
	return old->units &&
	       new->units &&hi_units_all_same(old->units, new->units) &&
	       have_same_exports(old, new);
}

/* --- models ---------------------------------------------------------------- */

/* Variables that builds share are one: worker.h. */
static uint64_t get_key(void *context, const struct hi_symbol *symbol)
{
	const struct hi_build *build = context;
	const struct hi_variable *variable =
		build->variables[hi_build_variable_index(build, symbol)];

	return variable && !variable->identity ? (uintptr_t)variable : 0;
}

struct reading {
	struct hi_build *build;
	struct hi_err err;
	int code;
};

static void *read_model(void *context)
{
	struct reading *reading = context;
	struct hi_build *build = reading->build;
	struct hi_model_kept kept = { get_key, build };

	reading->code = build->model ?
				0 :
				hi_model_new_from(build->image, build->symtab,
						  &kept, &build->model,
						  &reading->err);
	return NULL;
}

static int read_models(struct hi_build *old, struct hi_build *new,
		       struct hi_err *err)
{
	struct reading first = { .build = old }, second = { .build = new };
	pthread_t thread;
	bool has_thread = !old->model &&
			  pthread_create(&thread, NULL, read_model, &first) ==
				  0;

	if (!has_thread)
		(void)read_model(&first);
	(void)read_model(&second);
	if (has_thread)
		pthread_join(thread, NULL);
	*err = first.code < 0 ? first.err : second.err;
	return first.code < 0 ? first.code : second.code;
}

int hi_interface_compare(struct hi_build *old, struct hi_build *new,
			 const struct hi_drift_options *options,
			 struct hi_drift *ret_drift, struct hi_err *err)
{
	int code;

	*ret_drift = (struct hi_drift){ 0 };
	if (is_unchanged(old, new))
		return 0;
	code = read_models(old, new, err);
	if (code < 0)
		return code;
	return hi_drift_find(old->model, new->model, options, ret_drift, err);
}
