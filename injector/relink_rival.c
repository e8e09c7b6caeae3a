/*
 * Nothing has shown which variable an address means. What is left are those that
 * the code does not rule out: one is the answer, two are a reason to refuse.
 */
#include "injector/relink_parts.h"

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
