#include "injector/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "injector/adopt.h"
#include "injector/history.h"
#include "injector/reload_parts.h"
#include "injector/reserve.h"
#include "injector/retire.h"

bool hi_candidate_is_passing(const struct hi_err *err)
{
	return err->code == HI_E_CUT || err->sys_errno == ENOENT;
}

/* Copy and open the file; false when there is nothing to go on with. */
static bool take(struct hi_candidate *candidate, struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	struct hi_worker *worker = reload->worker;
	unsigned int number = worker->last_number + 1;
	struct hi_history *history = hi_report_get_history(reload->report);
	bool known = false;
	int code = hi_reserve_check(reload->host, worker->path, err);

	candidate->number = number;
	candidate->file = hi_identify(worker->path);
	if (code == 0)
		code = hi_candidate_copy(candidate, err);
	hi_history_set_image(history, NULL, NULL);
	if (code == 0)
		code = hi_snapshot_is_known(candidate->snapshot,
					    &worker->current->content, &known,
					    err);
	if (code == 0 && known) {
		hi_report_detail(reload->report,
				 "%s has the content of the current build",
				 worker->name);
		worker->has_aside = false;
		return false;
	}
	if (code == 0 &&
	    (hi_candidate_is_aside(candidate, candidate->snapshot) ||
	     hi_candidate_is_refused(candidate, candidate->snapshot)))
		return false;
	if (code == 0) {
		worker->has_aside = false;
		code = hi_build_open_snapshot(candidate->snapshot, worker->path,
					      number, &candidate->build, err);
	}
	if (code == 0) {
		worker->last_number = number;
		hi_history_set_image(history, candidate->build->image,
				     candidate->build->path);
		return true;
	}
	if (hi_candidate_is_passing(err)) {
		hi_report_ignored(reload->report, reload->host->pid,
				  worker->name, err->sentence);
		return false;
	}
	worker->last_number = number;
	hi_reasons_add_err(&candidate->reasons, "load-file", err);
	return false;
}

/*
 * The host loads the build while it is judged, if it can let go of it without a
 * trace.
 */
static int start_early(struct hi_candidate *candidate, struct hi_err *err)
{
	if (candidate->reload->options->dry_run ||
	    !hi_build_loads_alike(candidate->build,
				  candidate->reload->worker->current))
		return 0;
	return hi_candidate_start_load(candidate, true, err);
}

/* What ld.so does not need is read while the host loads the build. */
static int read_rest(struct hi_candidate *candidate, struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	int code = hi_snapshot_read_rest(candidate->snapshot, err);

	candidate->whole = code == 0;
	candidate->passing = code < 0 && hi_candidate_is_passing(err);
	if (candidate->passing) {
		if (!reload->back)
			reload->worker->last_number--;
		hi_report_ignored(reload->report, reload->host->pid,
				  reload->worker->name, err->sentence);
	}
	return code;
}

static int judge(struct hi_candidate *candidate, struct hi_err *err)
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

/* The build is not to be: the host lets go of it, the user hears why. */
static void refuse(struct hi_candidate *candidate)
{
	struct hi_reload *reload = candidate->reload;

	if (candidate->reasons.n_given > 0 && candidate->build)
		hi_reasons_locate(&candidate->reasons, candidate->build);
	if (candidate->reasons.n_given > 0 && !reload->host->ended) {
		hi_candidate_note_refused(candidate);
		hi_report_refused(reload->report, reload->host->pid,
				  reload->worker->name, candidate->number,
				  reload->back != NULL, candidate->reasons.list,
				  candidate->reasons.n,
				  candidate->reasons.hint);
	}
	/* what constructors registered (atexit, callbacks) must stay mapped */
	if (candidate->started)
		hi_loader_end(reload->loader, candidate->begun);
	else
		hi_loader_relax(reload->loader);
	hi_snapshot_cancel(candidate->snapshot);
	if (candidate->build) {
		hi_worker_forget(reload->worker, candidate->build);
		hi_unwinder_stale(reload->unwinder);
	}
}

/*
 * Whoever is told of a live build can rely on it: the copy is whole, and the next
 * session knows it.
 */
static void record(const struct hi_candidate *candidate)
{
	struct hi_reload *reload = candidate->reload;
	struct hi_err err = { 0 };
	int code = hi_snapshot_end(candidate->snapshot,
				   &candidate->build->content, &err);

	/* of a thin copy the file is not what it was */
	if (reload->back)
		candidate->build->content = reload->back->content;
	if (code == 0)
		code = hi_record_note(reload->record, reload->host->pid,
				      reload->worker, &err);
	else
		hi_record_remove(reload->record);
	if (code < 0)
		hi_report_error(reload->report, &err);
}

/* What the host has mapped cannot be given back. */
static void tell_disk(const struct hi_reload *reload,
		      const struct hi_retire_disk *disk)
{
	struct hi_worker *worker = reload->worker;

	if (!worker->said_full)
		hi_report_note(
			reload->report,
			"%s: the copies of %zu builds take %lu MB in %s, more "
			"than the %lu MB that are their share; the host has "
			"them mapped, and they go when it ends",
			worker->name, worker->n_builds, disk->held >> 20,
			hi_snapshots_get_folder(reload->snapshots),
			disk->limit >> 20);
	worker->said_full = true;
}

static void go_live(struct hi_candidate *candidate)
{
	struct hi_reload *reload = candidate->reload;
	bool keep_state = reload->options->state == HI_STATE_KEEP;
	struct hi_retire_disk disk;
	struct hi_build *previous = reload->worker->current;
	struct hi_err err;

	reload->busy = candidate->busy;
	hi_loader_end(reload->loader, true);
	if (hi_worker_accept(reload->worker, candidate->build, &err) < 0) {
		hi_report_error(reload->report, &err);
		return;
	}
	hi_candidate_note_way(candidate, previous);
	record(candidate);
	hi_candidate_report_live(candidate, previous);
	if (!hi_retire(reload->worker, previous, keep_state, candidate->busy,
		       &disk))
		tell_disk(reload, &disk);
	hi_retire_close(reload->worker, reload->unwinder);
}

/* A dry run: it is let go of after its praise. */
static void pass(struct hi_candidate *candidate)
{
	hi_candidate_report_live(candidate, candidate->reload->worker->current);
	refuse(candidate);
}

int hi_reload_check(struct hi_reload *reload, struct hi_err *err)
{
	uint64_t base = reload->worker->builds[0]->base_remote;
	int code;

	/* one mapping is asked for sooner than all are read */
	if (hi_stacks_still_holds(reload->stacks, base) &&
	    hi_adopt_still_there(reload->worker, &reload->stacks->maps))
		return 0;
	/* no mapping at all: the host is ending, which is reported soon. That may
	   come while they are read: what is missing then is looked for again */
	for (int i = 0; i < 2; i++) {
		hi_stacks_stale(reload->stacks);
		code = hi_stacks_refresh(reload->stacks, reload->host, err);
		if (code < 0 || reload->stacks->maps.n_maps == 0 ||
		    hi_adopt_still_there(reload->worker, &reload->stacks->maps))
			return code;
	}
	return hi_fail(err, HI_E_CLOSED, "the host has closed %s",
		       reload->worker->name);
}

/* Judged against a worker that was closed, it is not refused: it is not looked at. */
static void check_before_refusal(struct hi_candidate *candidate, int *code,
				 const struct hi_err *err)
{
	bool gone = *code < 0 &&
		    (*code == HI_E_GONE || err->sys_errno == ESRCH);
	int check;

	if (*code == HI_E_CLOSED || candidate->reload->host->ended)
		return;
	check = hi_reload_check(candidate->reload, NULL);
	if (check == HI_E_CLOSED)
		*code = HI_E_CLOSED;
	/* the end of the host is reported soon */
	candidate->ending =
		(gone && hi_host_await_end(candidate->reload->host)) ||
		check == HI_E_GONE ||
		candidate->reload->stacks->maps.n_maps == 0;
}

static enum hi_reload_end end(struct hi_candidate *candidate, int code,
			      struct hi_err *err)
{
	enum hi_reload_end how = HI_RELOAD_DONE;

	if (code == 0 && candidate->reasons.n_given == 0) {
		if (candidate->reload->options->dry_run)
			pass(candidate);
		else
			go_live(candidate);
		return HI_RELOAD_DONE;
	}
	if (!candidate->passing)
		check_before_refusal(candidate, &code, err);
	if (candidate->replaced)
		hi_reasons_add_err(&candidate->reasons, "load", err);
	if (candidate->newer)
		how = HI_RELOAD_NEWER;
	else if (code == HI_E_CLOSED)
		how = HI_RELOAD_CLOSED;
	else if (code < 0 && !candidate->passing)
		hi_reasons_add_err(&candidate->reasons,
				   code == HI_E_RELINK ? "state" : "load", err);
	/* the build is not to blame, and the same file is no news */
	if (code == HI_E_BUSY && !candidate->reload->back)
		hi_reasons_hint(&candidate->reasons,
				"touch %s to have this build tried again",
				candidate->reload->worker->name);
	if ((how != HI_RELOAD_DONE && !candidate->replaced) ||
	    candidate->ending)
		candidate->reasons.n_given = 0;
	refuse(candidate);
	return how;
}

enum hi_reload_end hi_reload_run(struct hi_reload *reload)
{
	struct hi_candidate candidate = { .reload = reload };
	struct hi_err err = { 0 };
	enum hi_reload_end how = HI_RELOAD_DONE;
	int code = 0;

	hi_loader_rouse(reload->loader);
	if (!(reload->back ? hi_candidate_take_back(&candidate, &err) :
			     take(&candidate, &err))) {
		refuse(&candidate);
		hi_reasons_done(&candidate.reasons);
		return HI_RELOAD_DONE;
	}
	code = start_early(&candidate, &err);
	if (code == 0)
		code = read_rest(&candidate, &err);
	if (code == 0)
		code = judge(&candidate, &err);
	if (!reload->options->dry_run) {
		if (code == 0 && candidate.reasons.n_given == 0)
			code = hi_candidate_load(&candidate, &err);
		if (code == 0 && candidate.reasons.n_given == 0)
			code = hi_candidate_publish(&candidate, &err);
	}
	how = end(&candidate, code, &err);
	hi_relink_done(&candidate.relink);
	hi_reasons_done(&candidate.reasons);
	return how;
}
