#include "injector/reload.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/own.h"
#include "injector/adopt.h"
#include "injector/clock.h"
#include "injector/ifunc.h"
#include "injector/imprint.h"
#include "injector/priority.h"
#include "injector/publish.h"
#include "injector/relink.h"
#include "injector/retire.h"
#include "injector/verdict.h"

#define NAP_MIN_US 500
#define NAP_MAX_US 10000

/* What one candidate has come to. */
struct candidate {
	struct hi_reload *reload;
	struct hi_build *build;
	struct hi_snapshot *snapshot; /* under way; NULL once it is done */
	struct hi_reasons reasons;
	struct hi_report_state counts;
	struct hi_relink relink;
	bool started; /* the host's loader is at it */
	bool mapped;  /* the loader waits for a word */
	bool begun;   /* its code has run, perhaps in part */
	bool ready;   /* for a swap: see read_ahead() */
	bool newer;   /* ended by a newer file */
	bool passing; /* the file changed while it was read */
	bool ending;  /* the host is, which is reported soon */
	bool waiting; /* it has been said who is inside the worker */
	uint64_t live_ns, pause_ns;
	bool busy;
};

/* Not whole yet, or gone between the news of it and the look at it. */
static bool is_passing(const struct hi_err *err)
{
	return err->code == HI_E_CUT || err->sys_errno == ENOENT;
}

/*
 * A copy that ld.so can tell from the file that it opened first. The second copy is
 * made while the first is there, so their inodes differ.
 */
static int copy(struct candidate *candidate, unsigned int number,
		struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	const struct hi_worker *worker = reload->worker;
	struct hi_snapshot *first = NULL;
	struct stat st;
	int code = hi_snapshot_begin(reload->snapshots, worker->path, number,
				     &first, err);

	if (code == 0 && stat(hi_snapshot_get_path(first), &st) == 0 &&
	    st.st_ino == worker->first_ino && st.st_dev == worker->first_dev) {
		code = hi_snapshot_begin(reload->snapshots, worker->path,
					 number, &candidate->snapshot, err);
		hi_snapshot_cancel(first);
	} else if (code == 0) {
		candidate->snapshot = first;
	}
	return code;
}

/* Copy and open the file; false when there is nothing to go on with. */
static bool take(struct candidate *candidate, struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	struct hi_worker *worker = reload->worker;
	unsigned int number = worker->last_number + 1;
	bool known = false;
	int code = copy(candidate, number, err);

	if (code == 0)
		code = hi_snapshot_is_known(candidate->snapshot,
					    &worker->current->content, &known,
					    err);
	if (code == 0 && known) {
		hi_report_detail(reload->report,
				 "%s has the content of the current build",
				 worker->name);
		return false;
	}
	if (code == 0)
		code = hi_build_open_snapshot(candidate->snapshot, worker->path,
					      number, &candidate->build, err);
	if (code == 0) {
		worker->last_number = number;
		return true;
	}
	if (is_passing(err)) {
		hi_report_ignored(reload->report, reload->host->pid,
				  worker->name, err->sentence);
		return false;
	}
	worker->last_number = number;
	hi_reasons_add_err(&candidate->reasons, "load-file", err);
	return false;
}

static int start_load(struct candidate *candidate, bool alone,
		      struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	int code = hi_build_silence(candidate->build, err);

	if (code == 0)
		code = hi_loader_start(reload->loader, reload->worker,
				       candidate->build, alone, err);
	candidate->started = code == 0;
	return code;
}

/*
 * The host loads the build while it is judged, if it can let go of it without a
 * trace.
 */
static int start_early(struct candidate *candidate, struct hi_err *err)
{
	if (!hi_build_loads_alike(candidate->build,
				  candidate->reload->worker->current))
		return 0;
	return start_load(candidate, true, err);
}

/* What ld.so does not need is read while the host loads the build. */
static int read_rest(struct candidate *candidate, struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	int code = hi_snapshot_read_rest(candidate->snapshot, err);

	candidate->passing = code < 0 && is_passing(err);
	if (candidate->passing) {
		reload->worker->last_number--;
		hi_report_ignored(reload->report, reload->host->pid,
				  reload->worker->name, err->sentence);
	}
	return code;
}

static int judge(struct candidate *candidate, struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	int code = hi_build_scan(candidate->build, err);

	if (code < 0) {
		hi_reasons_add_err(&candidate->reasons, "load-file", err);
		return 0;
	}
	code = hi_worker_match(reload->worker, candidate->build,
			       reload->options->state, &candidate->reasons,
			       err);

	candidate->relink.worker = reload->worker;
	candidate->relink.build = candidate->build;
	candidate->relink.shim = &reload->loader->place->shim;
	if (code == 0)
		code = hi_relink_judge(&candidate->relink,
				       reload->options->state,
				       &candidate->reasons, &candidate->counts,
				       err);
	if (code == 0)
		code = hi_verdict(reload->worker, candidate->build,
				  reload->used, reload->options, reload->report,
				  &candidate->reasons, err);
	return code;
}

static int write_plan(const struct candidate *candidate, struct hi_plan *plan,
		      int code, struct hi_err *err)
{
	if (code == 0) {
		hi_plan_sort(plan);
		code = hi_imprint(candidate->reload->host, candidate->build,
				  plan, err);
	}
	hi_plan_done(plan);
	return code;
}

static int construct(struct candidate *candidate, struct hi_err *err)
{
	struct hi_plan plan = HI_PLAN_INIT;
	int code = hi_relink_isolate(&candidate->relink,
				     candidate->reload->host, &plan, err);

	code = write_plan(candidate, &plan, code, err);
	candidate->begun = code == 0;
	if (code == 0)
		code = hi_ifunc_resolve(&candidate->relink,
					candidate->reload->loader, err);
	if (code == 0 && candidate->build->has_constructors)
		code = hi_loader_construct(candidate->reload->loader, err);
	return code;
}

/*
 * The host may have closed the worker, or reloads it in its own way. While it has
 * opened and closed nothing, only the new build has been added.
 */
static int look_around(const struct candidate *candidate, struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	const struct hi_image_header *header =
		hi_image_get_header(candidate->build->image);
	uint64_t base = candidate->build->base_remote;

	if (!reload->loader->load.foreign) {
		hi_unwinder_add(reload->unwinder, candidate->build->path,
				base + header->load_start_link,
				base + header->span_link);
		return 0;
	}
	hi_unwinder_stale(reload->unwinder);
	hi_stacks_stale(reload->stacks);
	return hi_reload_check(reload, err);
}

/* Map it, run its constructors on itself alone, join it to what lives. */
static int load(struct candidate *candidate, struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	struct hi_plan plan = HI_PLAN_INIT;
	bool raised = hi_priority_raise(HI_PRIORITY_SELF);
	int code = candidate->started ? 0 : start_load(candidate, false, err);

	if (code == 0)
		code = hi_loader_await(reload->loader, reload->worker,
				       candidate->build, err);
	if (raised)
		hi_priority_lower(HI_PRIORITY_SELF);
	if (code < 0)
		return code;
	candidate->mapped = true;
	code = look_around(candidate, err);
	if (code == 0)
		code = hi_loader_reserve(reload->loader, reload->worker, err);
	if (code < 0)
		return code;
	hi_worker_take_slots(reload->worker);
	hi_worker_place(reload->worker, candidate->build);
	code = hi_relink_read(&candidate->relink, reload->host, err);
	if (code == 0 && (candidate->build->has_constructors ||
			  hi_ifunc_is_needed(reload->worker, candidate->build)))
		code = construct(candidate, err);
	if (code == 0)
		code = hi_relink_join(&candidate->relink, reload->host, &plan,
				      err);
	return write_plan(candidate, &plan, code, err);
}

static void report_waiting(const struct candidate *candidate, pid_t tid,
			   uint64_t pc, uint64_t since_ns)
{
	struct hi_reload *reload = candidate->reload;
	const char *function = hi_unwinder_get_function(reload->unwinder, pc);
	char where[256];

	hi_unwinder_get_where(reload->unwinder, pc, where, sizeof(where));
	hi_report_waiting(reload->report, reload->host->pid,
			  reload->worker->name, candidate->build->number, tid,
			  function ? function : "?", where, since_ns);
}

/* A thread stands in the way that is in no function of the worker. */
static int report_hindrance(struct candidate *candidate, bool say,
			    const struct hi_err *err)
{
	if (say)
		hi_report_note(candidate->reload->report, "%s #%u waits: %s",
			       candidate->reload->worker->name,
			       candidate->build->number, err->sentence);
	candidate->waiting = candidate->waiting || say;
	return 0;
}

/* Read what the judgement of the code that threads are inside needs, while they run;
   HI_E_BUSY: to be tried again. */
static int read_ahead(struct candidate *candidate,
		      const struct hi_freeze *freeze, struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	struct hi_publish publish;
	int code = hi_publish_prepare(reload->worker, reload->host,
				      candidate->build, freeze, &publish, err);

	if (code == 0)
		hi_publish_done(&publish);
	candidate->ready = true;
	return code == 0 ? HI_E_BUSY : code;
}

/* With everything stopped: HI_E_BUSY when threads INSIDE hinder it. */
static int commit(const struct candidate *candidate, struct hi_publish *publish,
		  struct hi_freeze *freeze, bool inside, bool force,
		  struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	int code = 0;

	if (inside && !(force && candidate->ready))
		return HI_E_BUSY;
	if (inside) {
		/* the builds that threads are inside need patch points */
		hi_publish_done(publish);
		code = hi_publish_prepare(reload->worker, reload->host,
					  candidate->build, freeze, publish,
					  err);
	}
	if (code == 0)
		code = hi_publish_commit(publish, reload->worker, reload->host,
					 candidate->build, freeze, force, err);
	if (code == 0 && inside)
		hi_retire_note(reload->worker, freeze);
	return code;
}

/* One try: 1 when it is live, 0 when a thread is inside, negative on failure. */
static int try_publish(struct candidate *candidate, bool force, bool say,
		       uint64_t since_ns, struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	struct hi_publish publish;
	struct hi_freeze freeze;
	struct hi_look *inside;
	pid_t inside_tid = 0;
	uint64_t inside_pc = 0;
	int code = hi_publish_prepare(reload->worker, reload->host,
				      candidate->build, NULL, &publish, err);

	if (code < 0)
		return code;
	code = hi_freeze(reload->host, reload->worker, reload->stacks,
			 reload->unwinder, &freeze, err);
	if (code < 0) {
		hi_publish_done(&publish);
		return code == HI_E_BUSY ?
			       report_hindrance(candidate, say, err) :
			       code;
	}
	inside = hi_freeze_find_inside(&freeze);
	if (inside && say) {
		hi_freeze_explain(reload->worker, reload->unwinder, inside);
		inside_tid = inside->tid;
		inside_pc = inside->inside_pc;
	}
	candidate->busy = inside != NULL;
	code = commit(candidate, &publish, &freeze, inside, force, err);
	candidate->live_ns = hi_clock_ns();
	hi_thaw(reload->host, &freeze);
	candidate->pause_ns = freeze.paused_ns;
	hi_publish_done(&publish);
	if (inside_tid) {
		report_waiting(candidate, inside_tid, inside_pc, since_ns);
		candidate->waiting = true;
	}
	if (inside && force && !candidate->ready)
		code = read_ahead(candidate, &freeze, err);
	hi_freeze_done(&freeze);
	if (code == HI_E_BUSY)
		return candidate->busy ? 0 :
					 report_hindrance(candidate, say, err);
	return code < 0 ? code : 1;
}

static bool newer_file(const struct candidate *candidate)
{
	struct pollfd poll_fd = { hi_watch_get_fd(candidate->reload->watch),
				  POLLIN, 0 };
	uint64_t time_ns;

	if (poll(&poll_fd, 1, 0) <= 0)
		return false;
	return hi_watch_read(candidate->reload->watch, &time_ns, NULL) &
	       HI_WATCH_CANDIDATE;
}

/*
 * Try until no thread is inside the worker. After --wait: say who is, and swap at
 * the entries (--busy=swap) or go on waiting.
 */
static int publish(struct candidate *candidate, struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	uint64_t start = hi_clock_ns();
	uint64_t limit = reload->options->wait_ms * HI_NS_PER_MS;
	long nap_us = NAP_MIN_US;
	int code = hi_stacks_refresh(reload->stacks, reload->host, err);

	if (code < 0)
		return code;
	hi_unwinder_refresh(reload->unwinder);
	for (;;) {
		uint64_t waited = hi_clock_ns() - start;
		bool over = waited >= limit;
		bool force = over && reload->options->busy == HI_BUSY_SWAP;

		code = try_publish(candidate, force,
				   over && !candidate->waiting, waited, err);
		if (code != 0)
			break;
		hi_host_pump(reload->host);
		if (reload->host->ended) {
			code = hi_fail(err, HI_E_GONE, "%s has ended",
				       reload->host->name);
			break;
		}
		if (over && newer_file(candidate)) {
			candidate->newer = true;
			code = hi_fail(err, HI_E_BUSY,
				       "a newer build has come");
			break;
		}
		hi_clock_nap_us(nap_us);
		nap_us = nap_us * 2 < NAP_MAX_US ? nap_us * 2 : NAP_MAX_US;
	}
	return code < 0 ? code : 0;
}

static const char **names_of(const struct hi_symbol **symbols, size_t n)
{
	const char **names = calloc(n + 1, sizeof(*names));

	for (size_t i = 0; names && i < n; i++)
		names[i] = symbols[i]->name;
	return names;
}

static bool is_bypassed(const struct candidate *candidate,
			const struct hi_function *function)
{
	return function->current == candidate->build &&
	       function->home != candidate->build && !function->patched &&
	       (function->patchable || candidate->reload->late);
}

/* Functions whose old code may still be reached: by code that still runs, at first,
   then by some pointer. */
static void find_bypassed(const struct candidate *candidate,
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

static void report_live(const struct candidate *candidate,
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
	struct hi_report_live live = {
		.pid = reload->host->pid,
		.worker = reload->worker->name,
		.build = candidate->build->number,
		.state = candidate->counts,
		.state_known = reload->options->state == HI_STATE_KEEP,
		.latency_ns = candidate->live_ns - reload->seen_ns,
		.pause_ns = candidate->pause_ns,
		.busy = candidate->busy,
	};

	if (hi_changes_find(&old, &new, &changes, NULL) < 0)
		memset(&changes, 0, sizeof(changes));
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
	if (changed && added && removed && bypassed)
		hi_report_live(reload->report, &live);
	hi_changes_done(&changes);
}

/* The build is not to be: the host lets go of it, the user hears why. */
static void refuse(struct candidate *candidate)
{
	struct hi_reload *reload = candidate->reload;
	unsigned int number = reload->worker->last_number;

	/* what constructors registered (atexit, callbacks) must stay mapped */
	if (candidate->started)
		hi_loader_end(reload->loader, candidate->begun);
	else
		hi_loader_relax(reload->loader);
	if (candidate->reasons.n_given > 0 && !reload->host->ended)
		hi_report_refused(reload->report, reload->host->pid,
				  reload->worker->name, number,
				  candidate->reasons.list, candidate->reasons.n,
				  candidate->reasons.hint);
	hi_snapshot_cancel(candidate->snapshot);
	if (candidate->build) {
		hi_worker_forget(reload->worker, candidate->build);
		hi_unwinder_stale(reload->unwinder);
	}
}

static void go_live(struct candidate *candidate)
{
	struct hi_reload *reload = candidate->reload;
	struct hi_build *previous = reload->worker->current;
	struct hi_err err;

	hi_loader_end(reload->loader, true);
	if (hi_worker_accept(reload->worker, candidate->build, &err) < 0) {
		hi_report_error(reload->report, &err);
		return;
	}
	report_live(candidate, previous);
	if (hi_snapshot_end(candidate->snapshot, &candidate->build->content,
			    &err) < 0)
		hi_report_error(reload->report, &err);
	hi_retire(reload->worker, previous, candidate->busy);
}

int hi_reload_check(struct hi_reload *reload, struct hi_err *err)
{
	int code = hi_stacks_refresh(reload->stacks, reload->host, err);

	/* no mapping at all: the host is ending, which is reported soon */
	if (code == 0 && reload->stacks->maps.n_maps > 0 &&
	    !hi_adopt_still_there(reload->worker, &reload->stacks->maps))
		code = hi_fail(err, HI_E_CLOSED, "the host has closed %s",
			       reload->worker->name);
	return code;
}

/* Judged against a worker that was closed, it is not refused: it is not looked at. */
static void check_before_refusal(struct candidate *candidate, int *code)
{
	if (*code == HI_E_CLOSED || candidate->reload->host->ended)
		return;
	hi_stacks_stale(candidate->reload->stacks);
	if (hi_reload_check(candidate->reload, NULL) == HI_E_CLOSED)
		*code = HI_E_CLOSED;
	candidate->ending = candidate->reload->stacks->maps.n_maps == 0;
}

static enum hi_reload_end end(struct candidate *candidate, int code,
			      struct hi_err *err)
{
	enum hi_reload_end how = HI_RELOAD_DONE;

	if (code == 0 && candidate->reasons.n_given == 0) {
		go_live(candidate);
		return HI_RELOAD_DONE;
	}
	if (!candidate->passing)
		check_before_refusal(candidate, &code);
	if (candidate->newer)
		how = HI_RELOAD_NEWER;
	else if (code == HI_E_CLOSED)
		how = HI_RELOAD_CLOSED;
	else if (code < 0 && !candidate->passing)
		hi_reasons_add_err(&candidate->reasons,
				   code == HI_E_RELINK ? "state" : "load", err);
	/* the build is not to blame, and the same file is no news */
	if (code == HI_E_BUSY)
		hi_reasons_hint(&candidate->reasons,
				"touch %s to have this build tried again",
				candidate->reload->worker->name);
	if (how != HI_RELOAD_DONE || candidate->ending)
		candidate->reasons.n_given = 0;
	refuse(candidate);
	return how;
}

enum hi_reload_end hi_reload_run(struct hi_reload *reload)
{
	struct candidate candidate = { .reload = reload };
	struct hi_err err = { 0 };
	enum hi_reload_end how = HI_RELOAD_DONE;
	int code = 0;

	hi_loader_rouse(reload->loader);
	if (!take(&candidate, &err)) {
		refuse(&candidate);
		hi_reasons_done(&candidate.reasons);
		return HI_RELOAD_DONE;
	}
	code = start_early(&candidate, &err);
	if (code == 0)
		code = read_rest(&candidate, &err);
	if (code == 0)
		code = judge(&candidate, &err);
	if (code == 0 && candidate.reasons.n_given == 0)
		code = load(&candidate, &err);
	if (code == 0 && candidate.reasons.n_given == 0)
		code = publish(&candidate, &err);
	how = end(&candidate, code, &err);
	hi_relink_done(&candidate.relink);
	hi_reasons_done(&candidate.reasons);
	return how;
}
