/*
 * An address that no variable is near: the compiler has put a part of an index into
 * it (sites.h, outside). Where all variables move by one distance it does not matter
 * which of them is meant, only whether one is. A constant stays where it is.
 */
#include "injector/relink_parts.h"

enum nature { CONSTANT, UNSURE, STATE };

/* The nature that one use shows. */
static enum nature nature_of_use(const struct hi_site_group *group,
				 const struct hi_site *site,
				 const struct hi_use *use)
{
	switch (use->kind) {
	case HI_USE_INDEX:
		if (use->written)
			return STATE;
		return site->constant ? CONSTANT : UNSURE;
	case HI_USE_ACCESS:
		return use->known && hi_image_get_data_kind(
					     group->build->image,
					     site->target_link +
						     (uint64_t)use->offset) ==
					       HI_DATA_STATE ?
			       STATE :
			       CONSTANT;
	case HI_USE_COMPARE:
		return use->other < group->n &&
				       hi_relink_names_data(
					       &group->sites[use->other]) &&
				       !group->sites[use->other].outside ?
			       STATE :
			       CONSTANT;
	default:
		return CONSTANT;
	}
}

/* What becomes of the address, and of pointers that meet it. */
static enum nature nature_of(const struct hi_site_group *group, size_t at)
{
	enum nature nature = CONSTANT, now;

	for (size_t i = 0; i < group->n; i++) {
		const struct hi_followed *followed = &group->followed[i];

		for (size_t k = 0; k < followed->n; k++) {
			const struct hi_use *use = &followed->uses[k];

			if (i == at)
				now = nature_of_use(group, &group->sites[at],
						    use);
			else
				now = use->kind == HI_USE_COMPARE &&
						      use->other == at &&
						      !group->sites[i].outside ?
					      STATE :
					      CONSTANT;
			nature = now > nature ? now : nature;
		}
	}
	return nature;
}

/* The first variable, from I on, that an index may be to; NULL. */
static const struct hi_symbol *find_indexed(const struct hi_site_group *group,
					    const struct hi_symbol *symbols,
					    size_t n, size_t *i)
{
	for (; *i < n; ++*i) {
		const struct hi_symbol *symbol = &symbols[*i];

		if (symbol->type != HI_SYM_TLS && group->build->variables[*i] &&
		    !hi_relink_is_scalar(group->shapes, symbol))
			return &symbols[(*i)++];
	}
	return NULL;
}

/* The variables that could be meant, as far as it makes a difference. */
static void find_candidates(const struct hi_site_group *group,
			    struct hi_meant *meant)
{
	const struct hi_symbol *symbols, *symbol;
	size_t n, i = 0;

	symbols = hi_symtab_get_variables(group->build->symtab, &n);
	meant->symbol = find_indexed(group, symbols, n, &i);
	while (!meant->other && (symbol = find_indexed(group, symbols, n, &i)))
		if (hi_relink_distance(group->build, symbol) !=
		    hi_relink_distance(group->build, meant->symbol))
			meant->other = symbol;
}

/* Any variable of the build. */
static const struct hi_symbol *find_any(const struct hi_site_group *group)
{
	const struct hi_symbol *symbols;
	size_t n;

	symbols = hi_symtab_get_variables(group->build->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if (symbols[i].type != HI_SYM_TLS && group->build->variables[i])
			return &symbols[i];
	return NULL;
}

/* Whether all that could be meant is where the build has it. */
static bool is_at_home(const struct hi_site_group *group,
		       const struct hi_meant *meant)
{
	return !meant->symbol ||
	       (!meant->other &&
		hi_relink_distance(group->build, meant->symbol) == 0);
}

int hi_relink_resolve_outside(struct hi_site_pair *pair,
			      const struct hi_site *site,
			      struct hi_meant *ret_meant, struct hi_err *err)
{
	struct hi_site_group *group = &pair->new;
	struct hi_meanings none = { .n = 0 };
	bool proven = group->build->sites.exact || !site->outside;
	enum nature nature = CONSTANT;
	int code = site->function ? hi_relink_follow(group, err) : 0;

	if (code == 0 && site->function)
		nature = nature_of(group, (size_t)(site - group->sites));
	if (code == 0 && !(pair->unmoved && proven) && nature == CONSTANT)
		return 0; /* data without a name is the build's own */
	if (code == 0)
		code = hi_relink_ask_uses(group, site, &none,
					  &ret_meant->symbol, err);
	if (code < 0 || ret_meant->symbol)
		return code;
	if (pair->unmoved)
		ret_meant->symbol = find_any(group);
	else
		ret_meant->symbol = hi_relink_find_as_far(pair, site);
	if (!ret_meant->symbol)
		find_candidates(group, ret_meant);
	ret_meant->unsure = nature == UNSURE && !proven &&
			    !is_at_home(group, ret_meant);
	return 0;
}
