#include "elfscan/changes.h"

#include <stdlib.h>
#include <string.h>

#include "elfscan/changes_parts.h"

static int no_memory(struct hi_err *err)
{
	return hi_fail(err, HI_E_NOMEM,
		       "out of memory for the comparison of two builds");
}

static int side_init(struct hi_side *side, const struct hi_build_facts *facts)
{
	side->facts = facts;
	side->functions =
		hi_symtab_get_functions(facts->symtab, &side->n_functions);
	side->twins = calloc(side->n_functions + 1, sizeof(void *));
	side->changed = calloc(side->n_functions + 1, sizeof(bool));
	return side->twins && side->changed ? 0 : HI_E_NOMEM;
}

static void side_done(struct hi_side *side)
{
	free(side->twins);
	free(side->changed);
	free(side->marks);
	free(side->regions);
}

/* Functions are pairs only when each is the other's counterpart. */
static void pair_functions(struct hi_comparison *comparison)
{
	struct hi_side *old = &comparison->old, *new = &comparison->new;

	for (size_t i = 0; i < new->n_functions; i++) {
		bool ambiguous;
		const struct hi_symbol *twin = hi_symtab_find_same(
			old->facts->symtab, new->facts->symtab,
			&new->functions[i], &ambiguous);

		if (!twin || ambiguous || old->twins[twin - old->functions])
			continue;
		new->twins[i] = twin;
		old->twins[twin - old->functions] = &new->functions[i];
	}
}

/* The function that CLONE was cut from ("f.part.0" -> "f"), or NULL. */
static const struct hi_symbol *find_parent(const struct hi_side *side,
					   const struct hi_symbol *clone)
{
	size_t len = strcspn(clone->name, ".");
	const struct hi_symbol *found = NULL;

	for (size_t i = 0; i < side->n_functions; i++) {
		const struct hi_symbol *function = &side->functions[i];

		if (function->clone || strlen(function->base) != len ||
		    strncmp(function->base, clone->name, len) != 0)
			continue;
		/* gcc makes clones local; their file is their parent's */
		if (!found || !function->file[0] ||
		    !strcmp(function->file, clone->file))
			found = function;
	}
	return found;
}

/* A clone differs, came or went: its parent, which names it, has changed. */
static void fold_into_parent(struct hi_comparison *comparison,
			     const struct hi_side *side,
			     const struct hi_symbol *clone)
{
	struct hi_side *new = &comparison->new;
	const struct hi_symbol *parent = find_parent(side, clone);

	if (parent && side == &comparison->old)
		parent = side->twins[parent - side->functions];
	if (parent)
		new->changed[parent - new->functions] = true;
}

/*
 * Clones come first, until no more are found to differ: who calls a clone calls
 * it directly, so that a changed one makes its callers changed, of which some
 * are clones.
 */
static void compare_clones(struct hi_comparison *comparison)
{
	struct hi_side *old = &comparison->old, *new = &comparison->new;
	bool again;

	do {
		again = false;
		for (size_t i = 0; i < new->n_functions; i++) {
			const struct hi_symbol *clone = &new->functions[i];

			if (!clone->clone || new->changed[i] ||
			    (new->twins[i] &&
			     hi_comparison_same_body(comparison, new->twins[i],
						     clone)))
				continue;
			new->changed[i] = again = true;
			fold_into_parent(comparison, new, clone);
		}
		if (again)
			hi_comparison_forget(comparison);
	} while (again);
	for (size_t i = 0; i < old->n_functions; i++)
		if (old->functions[i].clone && !old->twins[i])
			fold_into_parent(comparison, old, &old->functions[i]);
}

/*
 * What gcc and clang make of the initializers of a file's variables, thread-locals
 * among them (Itanium C++ ABI 2.8 and 3.3.5): no function of a source.
 */
static bool is_initializer(const char *name)
{
	static const char *const starts[] = {
		"_GLOBAL__sub_I_",
		"_GLOBAL__sub_D_",
		"_GLOBAL__I_",
		"_GLOBAL__D_",
		"_Z41__static_initialization_and_destruction_0",
		"__cxx_global_var_init",
		"__cxx_global_array_dtor",
		"__tls_init",
		"_ZTH",
		"_ZTW",
	};

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (strncmp(name, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

static bool is_reported(const struct hi_symbol *function)
{
	return !function->clone && !function->compiler_made &&
	       !is_initializer(function->name);
}

static void compare_functions(struct hi_comparison *comparison)
{
	struct hi_side *new = &comparison->new;

	for (size_t i = 0; i < new->n_functions; i++)
		if (is_reported(&new->functions[i]) && new->twins[i] &&
		    !new->changed[i])
			new->changed[i] = !hi_comparison_same_body(
				comparison, new->twins[i], &new->functions[i]);
}

static int collect(const struct hi_comparison *comparison,
		   struct hi_changes *changes)
{
	const struct hi_side *old = &comparison->old, *new = &comparison->new;

	changes->changed = calloc(new->n_functions + 1, sizeof(void *));
	changes->added = calloc(new->n_functions + 1, sizeof(void *));
	changes->removed = calloc(old->n_functions + 1, sizeof(void *));
	if (!changes->changed || !changes->added || !changes->removed)
		return HI_E_NOMEM;
	for (size_t i = 0; i < new->n_functions; i++) {
		const struct hi_symbol *function = &new->functions[i];

		if (!is_reported(function))
			continue;
		if (!new->twins[i])
			changes->added[changes->n_added++] = function;
		else if (new->changed[i])
			changes->changed[changes->n_changed++] = function;
		else
			changes->n_same++;
	}
	for (size_t i = 0; i < old->n_functions; i++)
		if (is_reported(&old->functions[i]) && !old->twins[i])
			changes->removed[changes->n_removed++] =
				&old->functions[i];
	return 0;
}

static int compare_builds(struct hi_comparison *comparison,
			  const struct hi_build_facts *old,
			  const struct hi_build_facts *new,
			  struct hi_changes *changes)
{
	if (side_init(&comparison->old, old) < 0 ||
	    side_init(&comparison->new, new) < 0)
		return HI_E_NOMEM;
	pair_functions(comparison);
	compare_clones(comparison);
	compare_functions(comparison);
	if (comparison->failed)
		return HI_E_NOMEM;
	return collect(comparison, changes);
}

int hi_changes_find(const struct hi_build_facts *old,
		    const struct hi_build_facts *new,
		    struct hi_changes *ret_changes, struct hi_err *err)
{
	struct hi_comparison comparison = { 0 };
	struct hi_changes changes = { 0 };
	int code = compare_builds(&comparison, old, new, &changes);

	side_done(&comparison.old);
	side_done(&comparison.new);
	free(comparison.verdicts);
	if (code < 0) {
		hi_changes_done(&changes);
		return no_memory(err);
	}
	*ret_changes = changes;
	return 0;
}

void hi_changes_done(struct hi_changes *changes)
{
	free(changes->changed);
	free(changes->added);
	free(changes->removed);
	memset(changes, 0, sizeof(*changes));
}
