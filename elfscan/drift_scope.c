/*
 * Who meets a type: the ways from exports to pairs of types are followed forwards
 * to tell what a host sees from what only the library sees, and backwards to name
 * the exports that a finding concerns.
 */
#include <stdlib.h>
#include <string.h>

#include "elfscan/drift_parts.h"

/* Ways sorted by one of their ends; first[i] is where those of pair i begin. */
struct ends {
	struct hi_way_to *ways;
	size_t *first;
};

static bool sort_ends(const struct hi_drift_run *run, bool by_to,
		      struct ends *ret_ends)
{
	size_t *first = calloc(run->n_pairs + 2, sizeof(*first));
	struct hi_way_to *ways = calloc(run->n_ways + 1, sizeof(*ways));

	if (!first || !ways) {
		free(first);
		free(ways);
		return false;
	}
	/* counted, summed up, put in place */
	for (size_t i = 0; i < run->n_ways; i++)
		first[(by_to ? run->ways[i].to : run->ways[i].from) + 2]++;
	for (size_t i = 2; i < run->n_pairs + 2; i++)
		first[i] += first[i - 1];
	for (size_t i = 0; i < run->n_ways; i++) {
		const struct hi_way_to *way = &run->ways[i];

		ways[first[(by_to ? way->to : way->from) + 1]++] = *way;
	}
	*ret_ends = (struct ends){ ways, first };
	return true;
}

static void ends_done(struct ends *ends)
{
	free(ends->ways);
	free(ends->first);
}

/* --- forwards: scopes -------------------------------------------------------- */

/* A baseline does not tell where a type is declared: then the new build does. */
static int is_visible(const struct hi_drift_run *run,
		      const struct hi_pair *pair)
{
	const struct hi_model_type *old =
		hi_model_get_type(run->old, pair->old);
	const struct hi_model_type *new =
		hi_model_get_type(run->new, pair->new);

	if (!run->options->is_visible)
		return -1;
	return old->source ? run->options->is_visible(run->options->context,
						      run->old, old) :
			     run->options->is_visible(run->options->context,
						      run->new, new);
}

/* Whether a host that follows WAY from the interface sees the layout of PAIR. */
static bool leads_on(const struct hi_drift_run *run,
		     const struct hi_way_to *way)
{
	const struct hi_pair *pair = &run->pairs[way->to];
	int visible = is_visible(run, pair);

	if (way->way == HI_WAY_VALUE || way->way == HI_WAY_MADE)
		return true;
	if (visible >= 0)
		return visible;
	/* what comes back may be known by its name alone */
	if (way->way == HI_WAY_GIVEN)
		return !pair->is_taken && !pair->is_got;
	return way->way == HI_WAY_HANDED_IN &&
	       (pair->is_made || !pair->is_handed_out);
}

static bool is_kept(const struct hi_drift_run *run, const struct hi_pair *pair)
{
	return pair->by_export && run->old->exports[pair->old].key;
}

/* Whether what WAY leads to is in the interface by it. */
static bool passes(const struct hi_drift_run *run, const struct hi_way_to *way)
{
	const struct hi_pair *from = &run->pairs[way->from];

	return (from->in_interface || (way->by_virtual && from->is_called)) &&
	       leads_on(run, way);
}

/* Whether a host gets, gives or may have objects of what WAY leads to. */
static bool opens(const struct hi_drift_run *run, const struct hi_way_to *way)
{
	const struct hi_pair *from = &run->pairs[way->from];

	return from->is_called && (way->by_virtual || from->by_export);
}

static void find_hands(struct hi_drift_run *run)
{
	for (size_t i = 0; i < run->n_ways; i++) {
		const struct hi_way_to *way = &run->ways[i];
		const struct hi_pair *from = &run->pairs[way->from];
		struct hi_pair *to = &run->pairs[way->to];

		if (way->way == HI_WAY_HANDED_OUT ||
		    (way->way == HI_WAY_GIVEN && from->by_export &&
		     !is_kept(run, from)))
			to->is_handed_out = true;
		if (way->way == HI_WAY_MADE)
			to->is_made = true;
		if (way->way == HI_WAY_MADE || way->way == HI_WAY_HANDED_IN)
			to->is_taken = true;
		if (way->way == HI_WAY_GOT)
			to->is_got = true;
	}
}

/* What the bytes of the variables are made of that are kept. */
static void find_stored(struct hi_drift_run *run, const struct ends *from,
			uint32_t *todo)
{
	size_t n = 0;

	for (size_t i = 0; i < run->n_pairs; i++)
		if (is_kept(run, &run->pairs[i])) {
			run->pairs[i].is_stored = true;
			todo[n++] = (uint32_t)i;
		}
	while (n > 0) {
		uint32_t at = todo[--n];

		for (size_t i = from->first[at]; i < from->first[at + 1]; i++) {
			struct hi_pair *pair = &run->pairs[from->ways[i].to];

			if (pair->is_stored ||
			    from->ways[i].way != HI_WAY_VALUE)
				continue;
			pair->is_stored = true;
			todo[n++] = from->ways[i].to;
		}
	}
}

static void find_scopes(struct hi_drift_run *run, const struct ends *from,
			uint32_t *todo)
{
	size_t n = 0;

	find_hands(run);
	for (size_t i = 0; i < run->n_pairs; i++)
		if (run->pairs[i].by_export && !is_kept(run, &run->pairs[i])) {
			run->pairs[i].in_interface = true;
			run->pairs[i].is_called = true;
			todo[n++] = (uint32_t)i;
		}
	/* a pair is put there once for each of the two */
	while (n > 0) {
		uint32_t at = todo[--n];

		for (size_t i = from->first[at]; i < from->first[at + 1]; i++) {
			const struct hi_way_to *way = &from->ways[i];
			struct hi_pair *pair = &run->pairs[way->to];
			bool in_interface = pair->in_interface ||
					    passes(run, way);
			bool is_called = pair->is_called || in_interface ||
					 opens(run, way);

			if (pair->in_interface == in_interface &&
			    pair->is_called == is_called)
				continue;
			pair->in_interface = in_interface;
			pair->is_called = is_called;
			todo[n++] = way->to;
		}
	}
}

/* Of which the host has none but those that its functions are given. */
static void find_given(struct hi_drift_run *run)
{
	for (size_t i = 0; i < run->n_pairs; i++)
		run->pairs[i].is_given_only = run->pairs[i].in_interface;
	for (size_t i = 0; i < run->n_ways; i++) {
		const struct hi_way_to *way = &run->ways[i];

		if (way->way != HI_WAY_GIVEN && passes(run, way))
			run->pairs[way->to].is_given_only = false;
	}
}

/* --- backwards: exports ------------------------------------------------------ */

struct search {
	struct hi_drift_run *run;
	const struct ends *to;
	uint32_t *seen; /* by pair: the search that has been there */
	uint32_t *todo;
	uint32_t number;
};

/* Collect the pairs of exports from which PLACE is reached, in todo. */
static size_t find_exports(struct search *search, uint32_t place,
			   bool in_interface)
{
	struct hi_drift_run *run = search->run;
	size_t n = 0, n_found = 0;
	uint32_t *found = search->todo + run->n_pairs;

	search->number++;
	search->todo[n++] = place;
	search->seen[place] = search->number;
	while (n > 0) {
		uint32_t at = search->todo[--n];

		if (run->pairs[at].by_export)
			found[n_found++] = at;
		for (size_t i = search->to->first[at];
		     i < search->to->first[at + 1]; i++) {
			const struct hi_way_to *way = &search->to->ways[i];

			if (search->seen[way->from] == search->number)
				continue;
			if (in_interface && !passes(run, way) &&
			    (run->pairs[at].in_interface || !opens(run, way)))
				continue;
			search->seen[way->from] = search->number;
			search->todo[n++] = way->from;
		}
	}
	return n_found;
}

static int compare_texts(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void name_exports(struct search *search, struct hi_finding *finding)
{
	struct hi_drift_run *run = search->run;
	size_t n =
		find_exports(search, finding->place,
			     finding->scope == HI_SCOPE_INTERFACE &&
				     run->pairs[finding->place].in_interface);
	const uint32_t *found = search->todo + run->n_pairs;

	finding->exports = hi_drift_alloc(run, (n + 1) * sizeof(char *));
	if (!finding->exports)
		return;
	for (size_t i = 0; i < n; i++)
		finding->exports[i] =
			run->old->exports[run->pairs[found[i]].old].name;
	finding->n_exports = n;
	if (n)
		qsort(finding->exports, n, sizeof(char *), compare_texts);
}

/* Whoever has a pointer to an object calls through its table: no host has one of
   what only variables lead to. */
static bool is_called(struct search *search, const struct hi_finding *finding)
{
	const struct hi_drift_run *run = search->run;
	size_t n;

	if (strcmp(finding->kind, "vtable") != 0)
		return false;
	n = find_exports(search, finding->place, false);
	for (size_t i = 0; i < n; i++)
		if (!is_kept(run, &run->pairs[search->todo[run->n_pairs + i]]))
			return true;
	return false;
}

static bool is_live(struct search *search, const struct hi_finding *finding)
{
	const struct hi_pair *pair = &search->run->pairs[finding->place];

	if (!pair->in_interface)
		return !is_called(search, finding);
	/* who only looks at objects does not mind what they have besides */
	return pair->is_given_only &&
	       (!strcmp(finding->kind, "member-added") ||
		(!strcmp(finding->kind, "layout") && pair->is_grown));
}

static void judge_finding(struct search *search, struct hi_finding *finding)
{
	struct hi_drift_run *run = search->run;
	const struct hi_pair *pair;

	if (finding->place == HI_NO_PLACE)
		return;
	pair = &run->pairs[finding->place];
	finding->is_stored = pair->is_stored;
	if (pair->by_export) {
		if (is_kept(run, pair))
			finding->scope = HI_SCOPE_LIVE;
		finding->old_source = run->old->exports[pair->old].source;
		finding->new_source = run->new->exports[pair->new].source;
		return;
	}
	if (is_live(search, finding)) {
		finding->scope = HI_SCOPE_LIVE;
		if (!strcmp(finding->kind, "member-added"))
			finding->severity = HI_INCOMPATIBLE;
		finding->effect = "objects that outlive a reload keep the old "
				  "layout; a host that is restarted does not "
				  "notice";
	}
	name_exports(search, finding);
}

/* Types of which too little is known make the exports unknown that see them. */
static void judge_unknown(struct search *search)
{
	struct hi_drift_run *run = search->run;
	const uint32_t *found = search->todo + run->n_pairs;
	bool *told = calloc(run->old->n_exports + 1, sizeof(*told));

	if (!told) {
		run->failed = true;
		return;
	}
	for (size_t i = 0; i < run->n_pairs; i++) {
		size_t n;

		if (!run->pairs[i].is_unknown || !run->pairs[i].in_interface)
			continue;
		n = find_exports(search, (uint32_t)i, true);
		for (size_t j = 0; j < n; j++) {
			uint32_t export = run->pairs[found[j]].old;

			if (!told[export])
				hi_drift_add_unverified(
					run, run->old->exports[export].name);
			told[export] = true;
		}
	}
	free(told);
}

void hi_drift_judge_scopes(struct hi_drift_run *run)
{
	struct ends from = { 0 }, to = { 0 };
	struct search search = { .run = run, .to = &to };

	/* pairs to go on from, then exports that were found */
	search.todo = calloc(2 * run->n_pairs + 2, sizeof(*search.todo));
	search.seen = calloc(run->n_pairs + 1, sizeof(*search.seen));
	if (search.todo && search.seen && sort_ends(run, false, &from) &&
	    sort_ends(run, true, &to)) {
		find_scopes(run, &from, search.todo);
		find_given(run);
		find_stored(run, &from, search.todo);
		for (size_t i = 0; i < run->drift->n_findings; i++)
			judge_finding(&search, &run->drift->findings[i]);
		judge_unknown(&search);
	} else {
		run->failed = true;
	}
	ends_done(&from);
	ends_done(&to);
	free(search.todo);
	free(search.seen);
}
