/*
 * What becomes of the addresses that a function takes, also in the functions of
 * the same build that it hands them to.
 */
#include "injector/relink_parts.h"

#include <stdlib.h>

#include "common/own.h"

#define CALLEE_MAX 4096 /* bytes of a function that is looked into */

/* A function that is called with an address, and what it does with it. */
struct hi_callee {
	uint64_t addr_link;
	struct hi_uses *uses; /* NULL: nothing is known */
};

static int no_memory(struct hi_err *err)
{
	return hi_fail(err, HI_E_NOMEM, "no memory to relink");
}

static int open_callee(const struct hi_site_group *group,
		       struct hi_callee *callee, struct hi_err *err)
{
	const struct hi_symbol *symbol = hi_symtab_find_function_at(
		group->build->symtab, callee->addr_link);

	if (!symbol || symbol->addr_link != callee->addr_link ||
	    symbol->size > CALLEE_MAX)
		return 0;
	return hi_uses_new(group->build->image, symbol, NULL, 0, &callee->uses,
			   err);
}

static int find_callee(struct hi_site_group *group, uint64_t addr_link,
		       struct hi_uses **ret_uses, struct hi_err *err)
{
	struct hi_callee *callees;
	int code;

	for (size_t i = 0; i < group->n_callees; i++)
		if (group->callees[i].addr_link == addr_link) {
			*ret_uses = group->callees[i].uses;
			return 0;
		}
	callees = reallocarray(group->callees, group->n_callees + 1,
			       sizeof(*callees));
	if (!callees)
		return no_memory(err);
	group->callees = callees;
	callees += group->n_callees++;
	callees->addr_link = addr_link;
	callees->uses = NULL;
	code = open_callee(group, callees, err);
	*ret_uses = callees->uses;
	return code;
}

static int add_use(struct hi_followed *followed, const struct hi_use *use,
		   struct hi_err *err)
{
	struct hi_use *uses =
		reallocarray(followed->uses, followed->n + 1, sizeof(*uses));

	if (!uses)
		return no_memory(err);
	uses[followed->n++] = *use;
	followed->uses = uses;
	return 0;
}

/* The caller's addresses that the callee's value OTHER may be. */
static int add_compares(const struct hi_site_group *group,
			struct hi_followed *followed, const struct hi_use *pass,
			const struct hi_use *inner, struct hi_err *err)
{
	struct hi_use use = *inner;
	int code = 0;
	bool found = false;

	for (size_t i = 0; i < group->n; i++) {
		for (size_t k = 0; k < group->followed[i].n && code == 0; k++) {
			const struct hi_use *peer = &group->followed[i].uses[k];

			if (peer->kind != HI_USE_PASS ||
			    peer->call_link != pass->call_link ||
			    inner->other != HI_USE_GIVEN(peer->argument))
				continue;
			use.other = i;
			use.other_moved = inner->other_moved || peer->moved;
			code = add_use(followed, &use, err);
			found = true;
		}
	}
	use.other = HI_USE_NOBODY;
	return found || code < 0 ? code : add_use(followed, &use, err);
}

/* What the callee does with what PASS hands to it. */
static int look_into(struct hi_site_group *group, struct hi_followed *followed,
		     const struct hi_use *pass, bool *ret_known,
		     struct hi_err *err)
{
	struct hi_uses *callee = NULL;
	struct hi_use *HI_FREE uses = NULL;
	size_t n = 0;
	int code;

	*ret_known = false;
	if (pass->kind != HI_USE_PASS || !pass->callee_link ||
	    pass->argument == HI_REG_NONE)
		return 0;
	code = find_callee(group, pass->callee_link, &callee, err);
	if (code < 0 || !callee)
		return code;
	code = hi_uses_follow(callee, HI_USE_GIVEN(pass->argument), &uses, &n,
			      err);
	for (size_t i = 0; i < n && code == 0; i++) {
		struct hi_use use = uses[i];

		use.known &= pass->known;
		use.given = pass->known;
		use.moved |= pass->moved;
		use.offset += pass->offset;
		code = use.kind == HI_USE_COMPARE ?
			       add_compares(group, followed, pass, &use, err) :
			       add_use(followed, &use, err);
	}
	*ret_known = code == 0 && hi_uses_known(callee);
	return code;
}

/* Put what callees do in the place of the calls, where it is known. */
static int look_into_calls(struct hi_site_group *group,
			   struct hi_followed *inner, struct hi_err *err)
{
	int code = 0;

	for (size_t i = 0; i < group->n; i++) {
		const struct hi_followed *followed = &group->followed[i];

		for (size_t k = 0; k < followed->n && code == 0; k++) {
			const struct hi_use *use = &followed->uses[k];
			bool known;

			code = look_into(group, &inner[i], use, &known, err);
			if (code == 0 && !known)
				code = add_use(&inner[i], use, err);
		}
	}
	return code;
}

static void free_followed(struct hi_followed *followed, size_t n)
{
	for (size_t i = 0; followed && i < n; i++)
		free(followed[i].uses);
	free(followed);
}

int hi_relink_follow(struct hi_site_group *group, struct hi_err *err)
{
	struct hi_followed *inner;
	int code;

	if (group->followed)
		return 0;
	group->followed = calloc(group->n + 1, sizeof(*group->followed));
	if (!group->followed)
		return no_memory(err);
	inner = calloc(group->n + 1, sizeof(*inner));
	if (!inner)
		return no_memory(err);
	code = hi_uses_new(group->build->image, group->sites[0].function,
			   group->sites, group->n, &group->uses, err);
	for (size_t i = 0; i < group->n && code == 0; i++)
		if (group->sites[i].kind == HI_SITE_ADDRESS)
			code = hi_uses_follow(group->uses, i,
					      &group->followed[i].uses,
					      &group->followed[i].n, err);
	if (code == 0)
		code = look_into_calls(group, inner, err);
	if (code < 0) {
		free_followed(inner, group->n);
		return code;
	}
	free_followed(group->followed, group->n);
	group->followed = inner;
	return 0;
}

void hi_relink_forget_uses(struct hi_site_group *group)
{
	free_followed(group->followed, group->n);
	for (size_t i = 0; i < group->n_callees; i++)
		hi_uses_free(group->callees[i].uses);
	free(group->callees);
	hi_uses_free(group->uses);
	group->followed = NULL;
	group->callees = NULL;
	group->n_callees = 0;
	group->uses = NULL;
}
