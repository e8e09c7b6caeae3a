/*
 * Which closures and coroutines of a new build are those of the builds before: an
 * object that exists leads to a function, and must fit what this one does.
 */
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "elfscan/closure.h"
#include "elfscan/dies.h"
#include "injector/worker_parts.h"

/* The closures of one old build. */
struct side {
	struct hi_build *build;
	struct hi_closures closures;
};

struct parting {
	struct hi_build *build;
	/* the entries of what the current build has, too */
	const struct hi_build *current;
	struct hi_dies was, is;
	struct hi_scopes was_scopes, is_scopes;
	const struct hi_match *matches;
	struct hi_closures closures;
	struct side *sides;
	size_t n_sides, cap_sides;
};

static int get_side(struct parting *parting, struct hi_build *build,
		    const struct hi_closures **ret_closures, struct hi_err *err)
{
	struct side side = { .build = build };
	int code;

	for (size_t i = 0; i < parting->n_sides; i++)
		if (parting->sides[i].build == build) {
			*ret_closures = &parting->sides[i].closures;
			return 0;
		}
	if (!hi_grow(&parting->sides, parting->n_sides, &parting->cap_sides,
		     sizeof(side)))
		return hi_fail(err, HI_E_NOMEM, "no memory for closures");
	code = hi_closures_find(build->symtab, &side.closures, err);
	if (code < 0)
		return code;
	parting->sides[parting->n_sides++] = side;
	*ret_closures = &parting->sides[parting->n_sides - 1].closures;
	return 0;
}

static bool has_same_layout(struct parting *parting,
			    const struct hi_match *match,
			    const struct hi_symbol *symbol)
{
	Dwarf_Die was, is;

	/* of what comes back, nothing is known any more */
	if (match->old != parting->current)
		return false;
	if (!hi_dies_get(&parting->was, match->symbol, &was) ||
	    !hi_dies_get(&parting->is, symbol, &is))
		return true;
	return hi_closure_layout(&parting->was_scopes, &was) ==
	       hi_closure_layout(&parting->is_scopes, &is);
}

static void find_entries(struct parting *parting)
{
	const struct hi_symbol *symbols;
	bool known = true;
	size_t n;

	symbols = hi_symtab_get_functions(parting->build->symtab, &n);
	hi_dies_init(&parting->was, parting->current->image,
		     parting->current->units);
	hi_dies_init(&parting->is, parting->build->image,
		     parting->build->units);
	for (size_t i = 0; i < parting->closures.n && known; i++) {
		size_t function = parting->closures.all[i].function;
		const struct hi_match *match = &parting->matches[function];

		if (match->function && match->old == parting->current)
			known = hi_dies_want(&parting->was, match->symbol,
					     NULL) == 0 &&
				hi_dies_want(&parting->is, &symbols[function],
					     NULL) == 0;
	}
	hi_dies_find(&parting->was);
	hi_dies_find(&parting->is);
	hi_scopes_init(&parting->was_scopes, &parting->was);
	hi_scopes_init(&parting->is_scopes, &parting->is);
}

/* Whether objects of OLD fit the function of CLOSURE; negative: an error. */
static int fits(struct parting *parting, const struct hi_closure *closure,
		struct hi_err *err)
{
	const struct hi_match *match = &parting->matches[closure->function];
	const struct hi_build *build = parting->build;
	const struct hi_closures *others = NULL;
	const struct hi_symbol *symbol;
	size_t n;
	int code;

	if (!match->function)
		return true;
	symbol = &hi_symtab_get_functions(build->symtab, &n)[closure->function];
	if (match->old->units && build->units &&
	    hi_units_same(match->old->units, match->symbol, build->units,
			  symbol))
		return true;
	if (closure->unseen)
		return false;
	code = get_side(parting, match->old, &others, err);
	if (code < 0)
		return code;
	return hi_closures_get_members(others, closure->group) ==
		       hi_closures_get_members(&parting->closures,
					       closure->group) &&
	       has_same_layout(parting, match, symbol);
}

static int note(struct hi_worker *worker, const struct hi_closure *closure,
		struct hi_err *err)
{
	char *text;

	for (size_t i = 0; i < worker->n_parted; i++)
		if (!strcmp(worker->parted[i], closure->text))
			return 0;
	text = strdup(closure->text);
	if (!text || hi_worker_append((void ***)&worker->parted,
				      &worker->n_parted, text) < 0) {
		free(text);
		return hi_fail(err, HI_E_NOMEM, "no memory for closures");
	}
	return 0;
}

/* All functions of one closure, N entries, go or stay together. */
static int part(struct hi_worker *worker, struct parting *parting,
		const struct hi_closure *of, size_t n, struct hi_match *matches,
		struct hi_err *err)
{
	bool had_any = false;
	int code = true;

	for (size_t i = 0; i < n && code > 0; i++)
		code = fits(parting, &of[i], err);
	if (code != 0)
		return code < 0 ? code : 0;
	for (size_t i = 0; i < n; i++) {
		had_any |= matches[of[i].function].function != NULL;
		matches[of[i].function].function = NULL;
	}
	/* what else a compiler makes for one is not news */
	return had_any && !of->helper ? note(worker, of, err) : 0;
}

static int compare_texts(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

void hi_worker_forget_parted(struct hi_worker *worker)
{
	for (size_t i = 0; i < worker->n_parted; i++)
		free(worker->parted[i]);
	free(worker->parted);
	worker->parted = NULL;
	worker->n_parted = 0;
}

int hi_worker_part_closures(struct hi_worker *worker, struct hi_build *build,
			    struct hi_match *matches, struct hi_err *err)
{
	const struct hi_build *current = worker->current;
	struct parting parting = { .build = build,
				   .current = current,
				   .matches = matches };
	const struct hi_closure *all;
	int code;
	size_t n;

	hi_worker_forget_parted(worker);
	if (!current || (current->units && build->units &&
			 hi_units_all_same(current->units, build->units)))
		return 0;
	code = hi_closures_find(build->symtab, &parting.closures, err);
	if (code < 0 || !parting.closures.n)
		return code;
	find_entries(&parting);
	all = parting.closures.all;
	for (size_t i = 0; i < parting.closures.n && code == 0; i += n) {
		for (n = 1; i + n < parting.closures.n &&
			    all[i + n].key == all[i].key;)
			n++;
		code = part(worker, &parting, all + i, n, matches, err);
	}
	if (worker->n_parted)
		qsort(worker->parted, worker->n_parted, sizeof(char *),
		      compare_texts);
	for (size_t i = 0; i < parting.n_sides; i++)
		hi_closures_done(&parting.sides[i].closures);
	free(parting.sides);
	hi_scopes_done(&parting.was_scopes);
	hi_scopes_done(&parting.is_scopes);
	hi_dies_done(&parting.was);
	hi_dies_done(&parting.is);
	hi_closures_done(&parting.closures);
	return code;
}
