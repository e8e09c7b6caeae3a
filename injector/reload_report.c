/*
 * What the user hears of a build that is live.
 */
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "injector/initial.h"
#include "injector/reload_parts.h"

static const char **names_of(const struct hi_symbol **symbols, size_t n)
{
	const char **names = calloc(n + 1, sizeof(*names));

	for (size_t i = 0; names && i < n; i++)
		names[i] = symbols[i]->name;
	return names;
}

static bool is_bypassed(const struct hi_candidate *candidate,
			const struct hi_function *function)
{
	return function->current == candidate->build &&
	       function->home != candidate->build && !function->patched &&
	       function->differs &&
	       (function->patchable || candidate->reload->late);
}

/* Functions whose old code may still be reached: by code that still runs, at first,
   then by some pointer. */
static void find_bypassed(const struct hi_candidate *candidate,
			  const char ***ret_names, struct hi_report_live *live)
{
	const struct hi_worker *worker = candidate->reload->worker;
	const char **names = calloc(worker->n_functions + 1, sizeof(*names));

	*ret_names = names;
	for (size_t i = 0; names && i < worker->n_functions; i++)
		if (worker->functions[i]->kept_by)
			names[live->n_kept++] =
				worker->functions[i]->symbol->name;
	live->n_bypassed = live->n_kept;
	for (size_t i = 0; names && i < worker->n_functions; i++)
		if (!worker->functions[i]->kept_by &&
		    is_bypassed(candidate, worker->functions[i]))
			names[live->n_bypassed++] =
				worker->functions[i]->symbol->name;
	live->bypassed = names;
}

/* The build at home has other code than the one that is live now. */
static void mark_differing(const struct hi_build *build,
			   const struct hi_changes *changes)
{
	for (size_t i = 0; i < changes->n_changed; i++) {
		struct hi_function *function =
			build->functions[hi_build_function_index(
				build, changes->changed[i])];

		if (function)
			function->differs = true;
	}
}

void hi_candidate_report_live(const struct hi_candidate *candidate,
			      const struct hi_build *previous)
{
	struct hi_reload *reload = candidate->reload;
	struct hi_build_facts old = hi_build_get_facts(previous);
	struct hi_build_facts new = hi_build_get_facts(candidate->build);
	struct hi_changes changes = { 0 };
	const char **HI_FREE changed = NULL;
	const char **HI_FREE added = NULL;
	const char **HI_FREE removed = NULL;
	const char **HI_FREE bypassed = NULL;
	const char **HI_FREE initial = NULL;
	struct hi_report_live live = {
		.pid = reload->host->pid,
		.worker = reload->worker->name,
		.build = candidate->build->number,
		.from = reload->back ? previous->number : 0,
		.state = candidate->counts,
		.state_known = reload->options->state == HI_STATE_KEEP,
		.latency_ns = candidate->live_ns - reload->seen_ns,
		.pause_ns = candidate->pause_ns,
		.busy = candidate->busy,
		.dry = reload->options->dry_run,
		.parted = (const char *const *)reload->worker->parted,
		.n_parted = reload->worker->n_parted,
	};

	if (hi_changes_find(&old, &new, &changes, NULL) < 0)
		memset(&changes, 0, sizeof(changes));
	mark_differing(candidate->build, &changes);
	changed = names_of(changes.changed, changes.n_changed);
	added = names_of(changes.added, changes.n_added);
	removed = names_of(changes.removed, changes.n_removed);
	find_bypassed(candidate, &bypassed, &live);
	live.changed = changed;
	live.n_changed = changes.n_changed;
	live.added = added;
	live.n_added = changes.n_added;
	live.removed = removed;
	live.n_removed = changes.n_removed;
	live.n_same = changes.n_same;
	if (live.state_known && !live.from)
		initial = hi_initial_find(previous, candidate->build,
					  &live.n_initial);
	live.initial = initial;
	if (changed && added && removed && bypassed)
		hi_report_live(reload->report, &live);
	hi_changes_done(&changes);
}
