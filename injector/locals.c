#include "injector/locals.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/dies.h"

struct hi_locals_build {
	const struct hi_build *build;
	struct hi_dies dies;
};

static bool is_numbered(const struct hi_symbol *symbol)
{
	return !symbol->exported && symbol->type >= HI_SYM_OBJECT &&
	       symbol->file[0] && strcmp(symbol->name, symbol->base) != 0;
}

static bool are_namesakes(const struct hi_symbol *a, const struct hi_symbol *b)
{
	return is_numbered(a) && is_numbered(b) &&
	       strcmp(a->base, b->base) == 0 && strcmp(a->file, b->file) == 0;
}

static void open_dies(struct hi_dies *dies, const struct hi_build *build)
{
	struct hi_err err;
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_variables(build->symtab, &n);

	hi_dies_init(dies, build->image, build->units);
	for (size_t i = 0; i < n; i++)
		if (is_numbered(&symbols[i]) &&
		    hi_dies_want(dies, &symbols[i], &err) < 0)
			break; /* the others are not known */
	hi_dies_find(dies);
}

static const struct hi_dies *get_dies(struct hi_locals *locals,
				      const struct hi_build *build)
{
	struct hi_locals_build *builds;

	for (size_t i = 0; i < locals->n_builds; i++)
		if (locals->builds[i].build == build)
			return &locals->builds[i].dies;
	builds = reallocarray(locals->builds, locals->n_builds + 1,
			      sizeof(*builds));
	if (!builds)
		return NULL;
	locals->builds = builds;
	builds += locals->n_builds++;
	builds->build = build;
	open_dies(&builds->dies, build);
	return &builds->dies;
}

void hi_locals_done(struct hi_locals *locals)
{
	for (size_t i = 0; i < locals->n_builds; i++)
		hi_dies_done(&locals->builds[i].dies);
	free(locals->builds);
	memset(locals, 0, sizeof(*locals));
}

/* The name of the function that SYMBOL is in; NULL: not known. */
static const char *find_scope(struct hi_locals *locals,
			      const struct hi_build *build,
			      const struct hi_symbol *symbol)
{
	const struct hi_dies *dies = get_dies(locals, build);
	Dwarf_Attribute name;
	Dwarf_Die die, *scopes = NULL;
	const char *found = NULL;
	int n;

	if (!dies || !hi_dies_get(dies, symbol, &die))
		return NULL;
	n = dwarf_getscopes_die(&die, &scopes);
	for (int i = 1; i < n; i++) {
		int tag = dwarf_tag(&scopes[i]);

		if (tag != DW_TAG_subprogram &&
		    tag != DW_TAG_inlined_subroutine)
			continue;
		if (dwarf_attr_integrate(&scopes[i], DW_AT_name, &name))
			found = dwarf_formstring(&name);
		break;
	}
	free(scopes);
	return found;
}

bool hi_locals_find(struct hi_locals *locals, const struct hi_build *old,
		    const struct hi_build *new, const struct hi_symbol *symbol,
		    const struct hi_symbol *guess,
		    const struct hi_symbol **ret_same)
{
	const struct hi_symbol *symbols, *found = NULL;
	const char *scope, *other;
	size_t n;

	if (!is_numbered(symbol))
		return false;
	/* nothing in its unit has moved */
	if (guess && new->units &&
	    old->units &&hi_units_same(new->units, symbol, old->units, guess)) {
		*ret_same = guess;
		return true;
	}
	scope = find_scope(locals, new, symbol);
	if (!scope)
		return false;
	symbols = hi_symtab_get_variables(old->symtab, &n);
	for (size_t i = 0; i < n; i++) {
		if (!old->variables[i] || !are_namesakes(&symbols[i], symbol))
			continue;
		other = find_scope(locals, old, &symbols[i]);
		if (!other)
			return false;
		if (strcmp(scope, other) != 0)
			continue;
		/* two of one name in one function: the numbers have to do */
		if (found)
			return false;
		found = &symbols[i];
	}
	*ret_same = found;
	return true;
}
