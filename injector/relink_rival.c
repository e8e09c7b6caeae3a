/*
 * Nothing has shown which variable an address means. What is left are those that
 * the code does not rule out: one is the answer, two are a reason to refuse.
 */
#include "injector/relink_parts.h"

#include <dwarf.h>
#include <string.h>

#define BIT(kind) (1u << (kind))
#define MOVED     BIT(HI_USE_STORE + 1)

/* What the code does with the address of site AT; 0: that can't be seen. */
static unsigned int kinds_of(const struct hi_site_group *group, size_t at)
{
	const struct hi_followed *followed = &group->followed[at];
	unsigned int kinds = 0;

	for (size_t i = 0; i < followed->n; i++) {
		kinds |= BIT(followed->uses[i].kind);
		if (followed->uses[i].moved)
			kinds |= MOVED;
	}
	return kinds;
}

static void open_shapes(struct hi_shapes *shapes)
{
	const struct hi_symbol *symbols;
	struct hi_err err;
	size_t n;

	shapes->opened = true;
	hi_dies_init(&shapes->dies, shapes->build->image, shapes->build->units);
	symbols = hi_symtab_get_variables(shapes->build->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if (shapes->build->variables[i] &&
		    hi_dies_want(&shapes->dies, &symbols[i], &err) < 0)
			break; /* those that are not asked for are not known */
	hi_dies_find(&shapes->dies);
}

void hi_relink_close_shapes(struct hi_shapes *shapes)
{
	if (shapes->opened)
		hi_dies_done(&shapes->dies);
	shapes->opened = false;
}

/*
 * A part of a struct that clang has taken to pieces has a number, and nothing in the
 * debug information of its file that stands at its address. It does so only where no
 * address of the struct is ever taken.
 */
static bool is_fragment(const struct hi_shapes *shapes,
			const struct hi_symbol *symbol)
{
	const char *dot = strrchr(symbol->name, '.');
	const struct hi_symbol *symbols;
	Dwarf_Die die;
	size_t n;

	if (!dot || !symbol->file[0] || strspn(dot + 1, "0123456789") == 0 ||
	    dot[1 + strspn(dot + 1, "0123456789")])
		return false;
	symbols = hi_symtab_get_variables(shapes->build->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(symbols[i].file, symbol->file) == 0 &&
		    hi_dies_get(&shapes->dies, &symbols[i], &die))
			return true;
	return false;
}

bool hi_relink_is_scalar(struct hi_shapes *shapes,
			 const struct hi_symbol *symbol)
{
	Dwarf_Die die, type;

	if (!shapes->opened)
		open_shapes(shapes);
	if (!hi_dies_get(&shapes->dies, symbol, &die))
		return is_fragment(shapes, symbol);
	if (symbol->size > 16 || !hi_dies_get_type(&die, &type) ||
	    dwarf_peel_type(&type, &type) != 0)
		return false;
	switch (dwarf_tag(&type)) {
	case DW_TAG_base_type:
	case DW_TAG_pointer_type:
	case DW_TAG_enumeration_type:
		return true;
	default:
		return false;
	}
}

/*
 * Whether site AT, of which the code does KINDS, can be about SYMBOL. The end of an
 * array can be all that a function is given of it. An address before the start, or
 * farther behind the end, is no pointer that a source can make: the compiler has
 * put a part of an index into it, so that something is still to be added.
 */
static bool is_possible(struct hi_site_group *group, size_t at,
			unsigned int kinds, const struct hi_symbol *symbol)
{
	uint64_t target = group->sites[at].target_link;

	if (hi_relink_is_inside(symbol, target))
		return true;
	if (symbol->addr_link + symbol->size != target && kinds &&
	    !(kinds & (BIT(HI_USE_INDEX) | BIT(HI_USE_COMPARE) | MOVED)))
		return false;
	return !hi_relink_is_scalar(group->shapes, symbol);
}

/* Then it does not matter which of the two is meant. */
static bool moves_as(const struct hi_site_group *group,
		     const struct hi_symbol *one, const struct hi_symbol *other)
{
	return group->moves && hi_relink_distance(group->build, one) ==
				       hi_relink_distance(group->build, other);
}

int hi_relink_find_rival(struct hi_site_group *group,
			 const struct hi_site *site,
			 const struct hi_meanings *meanings,
			 struct hi_meant *ret_meant, struct hi_err *err)
{
	size_t at = (size_t)(site - group->sites);
	const struct hi_symbol *left[HI_MEANINGS_MAX];
	size_t n = 0;
	unsigned int kinds;
	int code = site->function ? hi_relink_follow(group, err) : 0;

	if (code < 0)
		return code;
	kinds = site->function ? kinds_of(group, at) : 0;
	for (size_t i = 0; i < meanings->n; i++)
		if (is_possible(group, at, kinds, meanings->symbols[i]) &&
		    !(n && moves_as(group, left[0], meanings->symbols[i])))
			left[n++] = meanings->symbols[i];
	ret_meant->symbol = n ? left[0] : meanings->symbols[0];
	ret_meant->other = n > 1 ? left[1] : NULL;
	return 0;
}
