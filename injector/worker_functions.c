/*
 * Which functions of a new build are those of the builds before.
 */
#include <stdlib.h>

#include "common/grow.h"
#include "common/own.h"
#include "elfscan/signature.h"
#include "injector/worker_parts.h"

static bool belongs_in_table(const struct hi_symbol *symbol)
{
	return symbol->type == HI_SYM_FUNC && !symbol->compiler_made &&
	       !symbol->clone;
}

static struct hi_function *add_function(struct hi_worker *worker,
					struct hi_build *build,
					const struct hi_symbol *symbol)
{
	struct hi_function *function = calloc(1, sizeof(*function));
	const struct hi_prologue *prologue =
		&build->prologues[hi_build_function_index(build, symbol)];

	if (!function || hi_worker_append((void ***)&worker->functions,
					  &worker->n_functions, function) < 0) {
		free(function);
		return NULL;
	}
	function->number = worker->n_functions - 1;
	function->symbol = symbol;
	function->home = build;
	function->patchable = prologue->patchable;
	function->why_not = prologue->reason;
	function->jump_at = prologue->jump_at;
	return function;
}

/*
 * The builds in which a counterpart is looked for: the current one first, then
 * all others from the newest on (what was removed may come back).
 */
static struct hi_match find_match(const struct hi_worker *worker,
				  const struct hi_build *build,
				  const struct hi_symbol *symbol)
{
	for (size_t i = worker->n_active; i-- > 0;) {
		struct hi_build *old = worker->active[i];
		bool ambiguous = false;
		const struct hi_symbol *same = hi_symtab_find_same(
			old->symtab, build->symtab, symbol, &ambiguous);
		struct hi_function *function =
			same && same->type == HI_SYM_FUNC ?
				old->functions[hi_build_function_index(old,
								       same)] :
				NULL;

		/* what an IFUNC led to is another function: ifunc.h */
		if (function)
			return (struct hi_match){ function, old, same };
	}
	return (struct hi_match){ NULL, NULL, NULL };
}

/* Static functions of which debug information may tell something new. */
struct suspects {
	struct hi_signature_pair *pairs;
	size_t *at; /* in the order of the functions */
	size_t n, cap_pairs, cap_at;
};

static int suspect(struct suspects *suspects, const struct hi_match *match,
		   const struct hi_build *build, const struct hi_symbol *symbol,
		   size_t at, struct hi_err *err)
{
	struct hi_signature_pair pair = { .differs = false };

	/* of exported ones the verdict speaks */
	if (!match->function || symbol->exported || !match->old->units ||
	    !build->units ||
	    hi_units_same(match->old->units, match->symbol, build->units,
			  symbol) ||
	    !hi_units_find(match->old->units, match->symbol, &pair.old) ||
	    !hi_units_find(build->units, symbol, &pair.new))
		return 0;
	if (!hi_grow(&suspects->pairs, suspects->n, &suspects->cap_pairs,
		     sizeof(pair)) ||
	    !hi_grow(&suspects->at, suspects->n, &suspects->cap_at, sizeof(at)))
		return hi_fail(err, HI_E_NOMEM, "no memory for %s()",
			       symbol->name);
	suspects->pairs[suspects->n] = pair;
	suspects->at[suspects->n++] = at;
	return 0;
}

/*
 * Those who have stored the address of a static function pass what they always did:
 * one that takes something else is another function.
 */
static int part(const struct suspects *suspects, struct hi_match *matches,
		struct hi_err *err)
{
	int code = hi_signatures_compare(suspects->pairs, suspects->n, err);

	for (size_t i = 0; i < suspects->n && code == 0; i++)
		if (suspects->pairs[i].differs)
			matches[suspects->at[i]].function = NULL;
	return code;
}

static int find_matches(struct hi_worker *worker, struct hi_build *build,
			struct hi_match *matches, struct hi_err *err)
{
	struct suspects suspects = { 0 };
	int code = 0;
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(build->symtab, &n);

	for (size_t i = 0; i < n && code == 0; i++) {
		if (!belongs_in_table(&symbols[i]))
			continue;
		matches[i] = find_match(worker, build, &symbols[i]);
		code = suspect(&suspects, &matches[i], build, &symbols[i], i,
			       err);
	}
	if (code == 0)
		code = part(&suspects, matches, err);
	if (code == 0)
		code = hi_worker_part_closures(worker, build, matches, err);
	free(suspects.pairs);
	free(suspects.at);
	return code;
}

int hi_worker_match_functions(struct hi_worker *worker, struct hi_build *build,
			      struct hi_err *err)
{
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(build->symtab, &n);
	struct hi_match *HI_FREE matches = calloc(n + 1, sizeof(*matches));
	int code;

	if (!matches)
		return hi_fail(err, HI_E_NOMEM, "no memory for matches");
	code = find_matches(worker, build, matches, err);
	for (size_t i = 0; i < worker->n_functions; i++)
		worker->functions[i]->next_symbol = NULL;
	for (size_t i = 0; i < n && code == 0; i++) {
		struct hi_function *function;

		if (!belongs_in_table(&symbols[i]))
			continue;
		function = matches[i].function;
		if (!function)
			function = add_function(worker, build, &symbols[i]);
		if (!function)
			return hi_fail(err, HI_E_NOMEM, "no memory for %s()",
				       symbols[i].name);
		function->next_symbol = &symbols[i];
		build->functions[i] = function;
	}
	return code;
}
