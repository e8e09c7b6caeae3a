/*
 * An address in the midst of a variable, to which an index is added.
 *
 *     years[year - 1900] = 0;        lea  years-7600(%rip), %rdx
 *                                    movl $0, (%rdx,%rax,4)
 *
 * The compiler has put a part of the index into the address, which may land in any
 * other variable. Whoever means that one begins where it has an array, or very near:
 * else there must be no other that it could be, or the refusal says so. An address
 * that the function had before, as far into the same variable, is what it was.
 */
#include "injector/relink_parts.h"

#include <string.h>

/* Whether the current build has the address of the same place of SYMBOL in the
   function: there, another variable would be as far away only by chance. */
static bool was_there(struct hi_site_pair *pair, const struct hi_site *site,
		      const struct hi_symbol *symbol)
{
	/* the builds may be laid out alike, and what lives on otherwise */
	if (!pair->at_home)
		return false;
	hi_relink_open_old(pair);
	for (size_t i = 0; i < pair->old.n; i++)
		if (pair->old.sites[i].kind == HI_SITE_ADDRESS &&
		    hi_relink_agree(pair->relink, site, &pair->old.sites[i],
				    symbol))
			return true;
	return false;
}

/* Whether SYMBOL has something for an index at AT. Where that is not inside of it, the
   address that SITE took is not just anywhere either. */
static bool is_plain(const struct hi_site_group *group,
		     const struct hi_site *site, const struct hi_symbol *symbol,
		     uint64_t at)
{
	return hi_relink_may_index(group->shapes, symbol, at) &&
	       (hi_relink_is_inside(symbol, at) ||
		hi_relink_may_index(group->shapes, symbol, site->target_link));
}

/*
 * Whether what is done with the address of SITE leaves open that it is a part of
 * another variable's: *RET_AT is where the index is added.
 */
static bool is_open(const struct hi_site_group *group,
		    const struct hi_site *site, const struct hi_symbol *symbol,
		    uint64_t *ret_at)
{
	const struct hi_followed *followed =
		&group->followed[site - group->sites];
	bool open = false;

	for (size_t i = 0; i < followed->n; i++) {
		const struct hi_use *use = &followed->uses[i];
		uint64_t at = site->target_link + (uint64_t)use->offset;

		if (use->kind == HI_USE_INDEX) {
			if (use->given || is_plain(group, site, symbol, at))
				return false;
		} else if (!use->known || use->kind == HI_USE_STORE) {
			/* what rax holds at the end is returned, perhaps */
			continue;
		} else if (use->kind != HI_USE_ACCESS || use->given ||
			   hi_relink_is_inside(symbol, at)) {
			return false;
		}
		if (!open)
			*ret_at = at;
		open = true;
	}
	return open;
}

/* Whether the source of FUNCTION can name SYMBOL. */
static bool is_in_scope(const struct hi_build *build,
			const struct hi_symbol *function,
			const struct hi_symbol *symbol)
{
	size_t here, there;

	if (!symbol->file[0])
		return true;
	if (function->file[0])
		return strcmp(function->file, symbol->file) == 0;
	if (!build->units)
		return true;
	here = hi_units_find_unit(build->units, function);
	there = hi_units_find_unit(build->units, symbol);
	return here == SIZE_MAX || there == SIZE_MAX || here == there;
}

static bool is_candidate(const struct hi_site_group *group, size_t i,
			 const struct hi_symbol *symbol,
			 const struct hi_site *site, uint64_t at)
{
	return symbol->type != HI_SYM_TLS && group->build->variables[i] &&
	       is_in_scope(group->build, site->function, symbol) &&
	       hi_relink_may_lead(group->shapes, symbol, at);
}

static bool move_alike(const struct hi_build *build,
		       const struct hi_symbol *one,
		       const struct hi_symbol *other)
{
	return hi_relink_distance(build, one) ==
	       hi_relink_distance(build, other);
}

/*
 * The variable from which SITE is as far as the same operand was, which stands among
 * the same instructions; NULL: none, or not only one.
 */
static const struct hi_symbol *find_before(struct hi_site_pair *pair,
					   const struct hi_site *site,
					   uint64_t at)
{
	const struct hi_symbol *symbols, *agreed = NULL;
	size_t n;

	symbols = hi_symtab_get_variables(pair->new.build->symtab, &n);
	for (size_t k = 0; k < pair->old.n; k++) {
		const struct hi_site *old = &pair->old.sites[k];

		if (old->kind != HI_SITE_ADDRESS ||
		    !hi_relink_is_near_alike(pair, site, old))
			continue;
		for (size_t i = 0; i < n; i++) {
			if (!is_candidate(&pair->new, i, &symbols[i], site,
					  at) ||
			    !hi_relink_agree(pair->relink, site, old,
					     &symbols[i]))
				continue;
			if (agreed &&
			    !move_alike(pair->new.build, agreed, &symbols[i]))
				return NULL;
			agreed = &symbols[i];
		}
	}
	return agreed;
}

/* A variable other than SYMBOL that an index may lead to from AT; NULL: none that
   has moved apart from it. */
static const struct hi_symbol *find_other(const struct hi_site_group *group,
					  const struct hi_symbol *symbol,
					  const struct hi_site *site,
					  uint64_t at)
{
	const struct hi_symbol *symbols;
	size_t n;

	symbols = hi_symtab_get_variables(group->build->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if (&symbols[i] != symbol &&
		    is_candidate(group, i, &symbols[i], site, at) &&
		    !move_alike(group->build, symbol, &symbols[i]))
			return &symbols[i];
	return NULL;
}

int hi_relink_find_far(struct hi_site_pair *pair, const struct hi_site *site,
		       struct hi_meant *meant, struct hi_err *err)
{
	const struct hi_symbol *before;
	uint64_t at = site->target_link;
	int code;

	if (site->kind != HI_SITE_ADDRESS || !site->function ||
	    !hi_relink_is_inside(meant->symbol, site->target_link) ||
	    was_there(pair, site, meant->symbol))
		return 0;
	code = hi_relink_follow(&pair->new, err);
	if (code < 0 || !is_open(&pair->new, site, meant->symbol, &at))
		return code;
	hi_relink_open_old(pair);
	if (pair->old.n)
		code = hi_relink_follow(&pair->old, err);
	if (code < 0)
		return code;
	before = find_before(pair, site, at);
	if (before) {
		meant->symbol = before;
		return 0;
	}
	meant->other = find_other(&pair->new, meant->symbol, site, at);
	meant->far = meant->other != NULL;
	return 0;
}
