/* What the code that takes an address tells about the variable that is meant. */
#include "injector/relink_parts.h"

/* What two pieces of evidence come to; *CLASH: they contradict each other. */
static void vote(const struct hi_symbol *symbol,
		 const struct hi_symbol **winner, bool *clash)
{
	if (*winner && *winner != symbol)
		*clash = true;
	*winner = symbol;
}

/*
 * The variable that USE of a site's address is inside of, or NULL: reading or
 * writing, or having an address there that was worked out from the site's. At the
 * end of a variable such an address says as little as the site's own.
 */
static const struct hi_symbol *used_variable(const struct hi_site_group *group,
					     const struct hi_site *site,
					     const struct hi_use *use,
					     const struct hi_meanings *meanings)
{
	uint64_t at = site->target_link + (uint64_t)use->offset;
	const struct hi_symbol *found =
		hi_symtab_find_variable_at(group->build->symtab, at);

	/* a loop that goes down compares with what is before the start */
	if (!use->known || use->kind == HI_USE_COMPARE || !found ||
	    (use->kind != HI_USE_ACCESS && !use->moved) ||
	    !group->build
		     ->variables[hi_build_variable_index(group->build, found)])
		return NULL;
	for (size_t i = 0; i < meanings->n; i++) {
		const struct hi_symbol *symbol = meanings->symbols[i];

		if (use->kind != HI_USE_ACCESS &&
		    symbol->addr_link + symbol->size == at)
			return NULL;
	}
	return found;
}

/*
 * The variable in which the code uses the address of site AT: where it stands, else
 * after having added to it. Of a loop the first round counts: nobody knows where it
 * ends.
 */
static const struct hi_symbol *ask_accesses(const struct hi_site_group *group,
					    size_t at,
					    const struct hi_meanings *meanings)
{
	const struct hi_followed *followed = &group->followed[at];
	const struct hi_symbol *found = NULL, *moved = NULL;
	uint64_t target = group->sites[at].target_link;
	bool clash = false;

	for (size_t i = 0; i < followed->n; i++) {
		const struct hi_use *use = &followed->uses[i];
		const struct hi_symbol *symbol =
			used_variable(group, &group->sites[at], use, meanings);

		if (symbol && !use->moved)
			vote(symbol, &found, &clash);
		if (symbol && use->moved && !moved)
			moved = symbol;
	}
	/* where a variable starts, an index is to it: one that leads behind it
	   comes of a path that is never taken */
	if (moved && meanings->n && moved->addr_link > target &&
	    meanings->symbols[0]->addr_link == target)
		moved = NULL;
	if (clash)
		return NULL;
	return found ? found : moved;
}

/* The variable that another site means, as far as that is plain. */
static const struct hi_symbol *plain_meaning(const struct hi_site_group *group,
					     size_t at)
{
	struct hi_meanings meanings;

	hi_relink_find_meanings(group->build, &group->sites[at], &meanings);
	if (meanings.n == 1)
		return meanings.symbols[0];
	return ask_accesses(group, at, &meanings);
}

/* The only variable that both could mean: a pointer stays in its own. */
static const struct hi_symbol *common_meaning(const struct hi_site_group *group,
					      size_t other,
					      const struct hi_meanings *meanings)
{
	const struct hi_symbol *found = NULL;
	struct hi_meanings others;
	bool clash = false;

	hi_relink_find_meanings(group->build, &group->sites[other], &others);
	for (size_t i = 0; i < others.n; i++)
		for (size_t k = 0; k < meanings->n; k++)
			if (others.symbols[i] == meanings->symbols[k])
				vote(others.symbols[i], &found, &clash);
	return clash ? NULL : found;
}

/* The variable that the pointer from site FROM keeps to, which met site AT. */
static void judge_meeting(const struct hi_site_group *group, size_t from,
			  const struct hi_meanings *meanings,
			  const struct hi_symbol **winner, bool *clash)
{
	const struct hi_symbol *symbol = plain_meaning(group, from);

	if (!symbol)
		symbol = common_meaning(group, from, meanings);
	for (size_t i = 0; symbol && i < meanings->n; i++)
		if (meanings->symbols[i] == symbol)
			vote(symbol, winner, clash);
}

static uint64_t gap_between(uint64_t a, uint64_t b)
{
	return a < b ? b - a : a - b;
}

/* Whether site FROM's pointer is compared with site TO in more than one place. */
static bool is_walked(const struct hi_site_group *group, size_t from, size_t to)
{
	const struct hi_followed *followed = &group->followed[from];
	const struct hi_use *first = NULL;

	for (size_t i = 0; i < followed->n; i++) {
		const struct hi_use *use = &followed->uses[i];

		if (use->kind != HI_USE_COMPARE || use->other != to ||
		    !use->moved)
			continue;
		if (!first)
			first = use;
		if (!use->known || use->offset != first->offset)
			return true;
	}
	return false;
}

/*
 * Whether USE, a compare, is of a pointer on its way from site FROM to site TO. A
 * pointer to one variable may be compared with the address of another, but it does
 * not come nearer to it.
 */
static bool approaches(const struct hi_site_group *group, size_t from,
		       const struct hi_use *use, size_t to)
{
	uint64_t start = group->sites[from].target_link;
	uint64_t end = group->sites[to].target_link;

	return use->moved &&
	       (!use->known || gap_between(start + (uint64_t)use->offset, end) <
				       gap_between(start, end)) &&
	       is_walked(group, from, to);
}

/*
 * Whether the pointer from site FROM meets the address of site AT under two names:
 * where it ends, and where something else begins that it is looked for in.
 */
static bool is_met_twice(const struct hi_site_group *group, size_t from,
			 size_t at)
{
	const struct hi_followed *followed = &group->followed[from];

	for (size_t i = 0; i < followed->n; i++) {
		const struct hi_use *use = &followed->uses[i];

		if (use->kind == HI_USE_COMPARE && use->other < group->n &&
		    use->other != at &&
		    group->sites[use->other].target_link ==
			    group->sites[at].target_link)
			return true;
	}
	return false;
}

/* The variable that the pointers come from which the address is compared with. */
static const struct hi_symbol *ask_compares(const struct hi_site_group *group,
					    size_t at,
					    const struct hi_meanings *meanings)
{
	const struct hi_symbol *found = NULL;
	bool clash = false;

	for (size_t i = 0; i < group->n; i++) {
		for (size_t k = 0; k < group->followed[i].n; k++) {
			const struct hi_use *use = &group->followed[i].uses[k];
			size_t from = i == at ? use->other : i;

			if (use->kind != HI_USE_COMPARE ||
			    use->other >= group->n || use->other == i ||
			    (i != at && use->other != at) ||
			    !approaches(group, i, use, use->other))
				continue;
			judge_meeting(group, from, meanings, &found, &clash);
			clash |= is_met_twice(group, from, at);
		}
	}
	return clash ? NULL : found;
}

int hi_relink_ask_uses(struct hi_site_group *group, const struct hi_site *site,
		       const struct hi_meanings *meanings,
		       const struct hi_symbol **ret_symbol, struct hi_err *err)
{
	size_t at = (size_t)(site - group->sites);
	int code;

	*ret_symbol = NULL;
	if (site->kind != HI_SITE_ADDRESS || !site->function)
		return 0;
	code = hi_relink_follow(group, err);
	if (code < 0)
		return code;
	*ret_symbol = ask_accesses(group, at, meanings);
	if (!*ret_symbol)
		*ret_symbol = ask_compares(group, at, meanings);
	return 0;
}
