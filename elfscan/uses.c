#include "elfscan/uses.h"

#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/uses_parts.h"

#define STEPS_MAX 16384 /* 40 MB; longer functions are generated ones */
#define VISITS_MAX \
	8 /* of one instruction: choices before it, rounds of a loop */

/* A place from which the walk is to go on, and with what. */
struct fork {
	size_t step;
	struct hi_values values;
};

struct walk {
	struct hi_uses *uses;
	struct hi_use_list *list;
	uint8_t *visits; /* by step */
	uint8_t visits_max;
	struct fork *forks; /* first in, first out: no loop keeps out others */
	size_t n_forks;
	size_t n_taken;
	size_t cap_forks;
	bool failed;
};

static int no_memory(struct hi_err *err)
{
	return hi_fail(err, HI_E_NOMEM,
		       "out of memory for what becomes of addresses");
}

void hi_uses_free(struct hi_uses *uses)
{
	if (!uses)
		return;
	free(uses->steps);
	free(uses->index);
	free(uses);
}

bool hi_uses_known(const struct hi_uses *uses)
{
	return uses->n_steps > 0;
}

static size_t find_step(const struct hi_uses *uses, uint64_t addr)
{
	if (addr < uses->start_link || addr >= uses->end_link ||
	    !uses->index[addr - uses->start_link])
		return uses->n_steps;
	return uses->index[addr - uses->start_link] - 1;
}

/* Whether there is anything left to be seen on a path. */
static bool is_lost(const struct walk *walk, const struct hi_values *values)
{
	if (!walk->list)
		return false;
	for (size_t i = 0; i < HI_USES_REGS; i++)
		if (values->regs[i].kind >= HI_VALUE_ADDRESS &&
		    values->regs[i].site == walk->list->site)
			return false;
	for (size_t i = 0; i < walk->uses->n_slots; i++)
		if (values->slots[i].kind >= HI_VALUE_ADDRESS &&
		    values->slots[i].site == walk->list->site)
			return false;
	return true;
}

static void start_at(struct walk *walk, size_t step,
		     const struct hi_values *values)
{
	if (step >= walk->uses->n_steps ||
	    walk->visits[step] >= walk->visits_max)
		return;
	if (walk->n_forks == walk->cap_forks) {
		size_t cap = walk->cap_forks ? 2 * walk->cap_forks : 16;
		struct fork *forks =
			reallocarray(walk->forks, cap, sizeof(*forks));

		if (!forks) {
			walk->failed = true;
			return;
		}
		walk->forks = forks;
		walk->cap_forks = cap;
	}
	walk->forks[walk->n_forks].step = step;
	walk->forks[walk->n_forks++].values = *values;
}

static void add_fork(struct walk *walk, size_t step,
		     const struct hi_values *values)
{
	if (!is_lost(walk, values))
		start_at(walk, step, values);
}

/*
 * Whether the condition of step AT is true on this path. As long as it is not known,
 * it is otherwise on another one; that goes on at step TO where it is true, else at
 * step ELSE_TO.
 */
static bool choose(struct walk *walk, size_t at, size_t to, size_t else_to,
		   struct hi_values *values)
{
	const struct hi_use_step *step = &walk->uses->steps[at];
	uint8_t condition = hi_use_condition(walk->uses, step);
	struct hi_values other;
	bool holds = false;

	if (values->told >> condition & 1)
		return values->holds >> condition & 1;
	other = *values;
	if (values->counted >> condition & 1) {
		holds = values->count_holds >> condition & 1;
		hi_use_forget_counter(walk->uses, &other);
	}
	hi_use_tell(&other, condition, !holds);
	hi_use_tell(values, condition, holds);
	add_fork(walk, holds ? else_to : to, &other);
	return holds;
}

/* From step AT on, as far as instructions follow one another. */
static void go_straight(struct walk *walk, size_t at, struct hi_values *values)
{
	struct hi_uses *uses = walk->uses;

	while (at < uses->n_steps && walk->visits[at] < walk->visits_max) {
		struct hi_use_step *step = &uses->steps[at];
		size_t target = find_step(uses, step->insn.target_link);

		if (!step->reached) {
			step->in = *values;
			step->reached = true;
		}
		walk->visits[at]++;
		if (step->action.verb == HI_VERB_CHOOSE)
			choose(walk, at, at, at, values);
		hi_use_step_run(uses, step, values, walk->list);
		switch (step->insn.flow) {
		case HI_FLOW_END:
			return;
		case HI_FLOW_JUMP:
			if (is_lost(walk, values))
				return;
			at = target;
			break;
		case HI_FLOW_BRANCH:
			at = choose(walk, at, target, at + 1, values) ? target :
									at + 1;
			break;
		default:
			at++;
		}
	}
}

static void run(struct walk *walk)
{
	struct hi_values values;

	while (walk->n_taken < walk->n_forks && !walk->failed) {
		const struct fork *fork = &walk->forks[walk->n_taken++];

		values = fork->values;
		go_straight(walk, fork->step, &values);
	}
	free(walk->forks);
}

/* The values at each step, on the first path that leads there. */
static int reach_all(struct hi_uses *uses, struct hi_err *err)
{
	uint8_t *HI_FREE visits = calloc(uses->n_steps + 1, 1);
	struct hi_values *HI_FREE given = calloc(1, sizeof(*given));

	if (!visits || !given)
		return no_memory(err);
	for (size_t reg = 0; reg < HI_USES_REGS; reg++) {
		given->regs[reg].kind = HI_VALUE_ADDRESS;
		given->regs[reg].site = HI_USE_GIVEN(reg);
	}
	/* what a jump table or a landing pad leads to starts anew */
	for (size_t i = 0; i < uses->n_steps; i++) {
		struct walk walk = { .uses = uses,
				     .visits = visits,
				     .visits_max = 1 };

		if (uses->steps[i].reached || uses->steps[i].insn.is_nop)
			continue;
		if (i > 0)
			memset(given, 0, sizeof(*given));
		start_at(&walk, i, given);
		run(&walk);
		if (walk.failed)
			return no_memory(err);
	}
	return 0;
}

static size_t find_site(const struct hi_insn *insn, const struct hi_site *sites,
			size_t n)
{
	if (!insn->is_lea || !insn->rip_relative)
		return HI_USE_NOBODY;
	for (size_t i = 0; i < n; i++)
		if (sites[i].place_link == insn->addr_link + insn->disp_offset)
			return i;
	return HI_USE_NOBODY;
}

static int add_step(struct hi_uses *uses, const struct hi_use_step *step,
		    size_t *cap, struct hi_err *err)
{
	if (uses->n_steps == *cap) {
		size_t grown = *cap ? 2 * *cap : 64;
		struct hi_use_step *steps =
			reallocarray(uses->steps, grown, sizeof(*steps));

		if (!steps)
			return no_memory(err);
		uses->steps = steps;
		*cap = grown;
	}
	uses->steps[uses->n_steps++] = *step;
	return 0;
}

static int decode(struct hi_uses *uses, const uint8_t *bytes,
		  const struct hi_site *sites, size_t n, struct hi_err *err)
{
	size_t len = uses->end_link - uses->start_link, cap = 0;
	struct hi_decoder *decoder;
	int code = hi_decoder_new(&decoder, err);

	if (code < 0)
		return code;
	for (size_t at = 0; at < len && code == 0;) {
		struct hi_use_step step = { .reached = false };

		if (uses->n_steps == STEPS_MAX ||
		    !hi_decoder_explain(decoder, bytes + at, len - at,
					uses->start_link + at, &step.insn,
					&step.action)) {
			uses->n_steps = 0;
			break;
		}
		step.site = find_site(&step.insn, sites, n);
		code = add_step(uses, &step, &cap, err);
		uses->index[at] = (uint32_t)uses->n_steps;
		at += step.insn.len;
	}
	hi_decoder_free(decoder);
	return code;
}

int hi_uses_new(struct hi_image *image, const struct hi_symbol *function,
		const struct hi_site *sites, size_t n,
		struct hi_uses **ret_uses, struct hi_err *err)
{
	const uint8_t *bytes =
		hi_image_find_bytes(image, function->addr_link, function->size);
	struct hi_uses *uses = calloc(1, sizeof(*uses));
	int code = 0;

	if (uses)
		uses->index = calloc(function->size + 1, sizeof(*uses->index));
	if (!uses || !uses->index) {
		hi_uses_free(uses);
		return no_memory(err);
	}
	uses->sites = sites;
	uses->bytes = bytes;
	uses->start_link = function->addr_link;
	uses->end_link = function->addr_link + function->size;
	if (bytes)
		code = decode(uses, bytes, sites, n, err);
	if (code == 0)
		code = reach_all(uses, err);
	if (code < 0) {
		hi_uses_free(uses);
		return code;
	}
	*ret_uses = uses;
	return 0;
}

/* Whether steps I and K are one instruction, a place that it names apart. */
static bool is_alike(const struct hi_uses *a, size_t i, const struct hi_uses *b,
		     size_t k)
{
	const struct hi_insn *x = &a->steps[i].insn, *y = &b->steps[k].insn;
	const uint8_t *p = a->bytes + (x->addr_link - a->start_link);
	const uint8_t *q = b->bytes + (y->addr_link - b->start_link);
	size_t field = x->len, end = x->len;

	if (x->len != y->len || x->rip_relative != y->rip_relative ||
	    x->disp_offset != y->disp_offset)
		return false;
	if (x->rip_relative)
		field = x->disp_offset;
	else if (x->target_link && x->len >= 5)
		field = x->len - 4u;
	else if (x->target_link)
		field = x->len - 1u;
	if (field < end)
		end = x->rip_relative ? field + 4 : end;
	return memcmp(p, q, field) == 0 &&
	       memcmp(p + end, q + end, x->len - end) == 0;
}

bool hi_uses_are_alike(const struct hi_uses *a, const struct hi_uses *b)
{
	if (!a->n_steps || a->n_steps != b->n_steps)
		return false;
	for (size_t i = 0; i < a->n_steps; i++)
		if (!is_alike(a, i, b, i))
			return false;
	return true;
}

static size_t find_step_of(const struct hi_uses *uses, size_t site)
{
	size_t i = 0;

	while (i < uses->n_steps && uses->steps[i].site != site)
		i++;
	return i;
}

/* Whether N instructions from steps I and K on are alike; those that only fill up
   are left out. STEP is the way: 1, or SIZE_MAX for backwards. */
static bool go_alike(const struct hi_uses *a, size_t i, const struct hi_uses *b,
		     size_t k, size_t n, size_t step)
{
	while (n > 0) {
		i += step;
		k += step;
		while (i < a->n_steps && a->steps[i].insn.is_nop)
			i += step;
		while (k < b->n_steps && b->steps[k].insn.is_nop)
			k += step;
		if (i >= a->n_steps || k >= b->n_steps || !is_alike(a, i, b, k))
			return false;
		n--;
	}
	return true;
}

bool hi_uses_are_alike_near(const struct hi_uses *a, size_t site_a,
			    const struct hi_uses *b, size_t site_b,
			    size_t before, size_t behind)
{
	size_t i = find_step_of(a, site_a), k = find_step_of(b, site_b);

	return i < a->n_steps && k < b->n_steps && is_alike(a, i, b, k) &&
	       go_alike(a, i, b, k, before, SIZE_MAX) &&
	       go_alike(a, i, b, k, behind, 1);
}

int hi_uses_follow(struct hi_uses *uses, size_t site, struct hi_use **ret_uses,
		   size_t *ret_n, struct hi_err *err)
{
	struct hi_use_list list = { .site = site };
	uint8_t *HI_FREE visits = calloc(uses->n_steps + 1, 1);
	struct walk walk = { .uses = uses,
			     .list = &list,
			     .visits = visits,
			     .visits_max = VISITS_MAX };

	if (!visits)
		return no_memory(err);
	for (size_t i = 0; i < uses->n_steps; i++)
		if (uses->steps[i].site == site ||
		    (i == 0 && site >= HI_USE_GIVEN(0) &&
		     site != HI_USE_NOBODY))
			start_at(&walk, i, &uses->steps[i].in);
	run(&walk);
	if (walk.failed || list.failed) {
		free(list.uses);
		return no_memory(err);
	}
	*ret_uses = list.uses;
	*ret_n = list.n;
	return 0;
}
