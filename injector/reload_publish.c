/*
 * The part of a reload for which threads are stopped, as often as it takes.
 */
#include <poll.h>

#include "injector/clock.h"
#include "injector/publish.h"
#include "injector/reload_parts.h"
#include "injector/retire.h"

#define NAP_MIN_US 500
#define NAP_MAX_US 10000
#define FORKED_MAX 10

static void report_waiting(const struct hi_candidate *candidate, pid_t tid,
			   uint64_t pc, uint64_t since_ns)
{
	struct hi_reload *reload = candidate->reload;
	char function[256], where[256];

	hi_unwinder_name(reload->unwinder, pc, function, sizeof(function));
	hi_unwinder_get_where(reload->unwinder, pc, where, sizeof(where));
	hi_report_waiting(reload->report, reload->host->pid,
			  reload->worker->name, candidate->build->number, tid,
			  function, where, since_ns);
}

/* A thread stands in the way that is in no function of the worker. */
static int report_hindrance(struct hi_candidate *candidate, bool say,
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
static int read_ahead(struct hi_candidate *candidate,
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

/* What was forked since the try began would be left with the build before. */
static bool is_alone(struct hi_candidate *candidate)
{
	const struct hi_reload *reload = candidate->reload;

	return !reload->before_commit ||
	       reload->before_commit(reload->context) ||
	       ++candidate->n_forked > FORKED_MAX;
}

/* With everything stopped: HI_E_BUSY when threads INSIDE hinder it. */
static int commit(struct hi_candidate *candidate, struct hi_publish *publish,
		  struct hi_freeze *freeze, bool inside, bool force,
		  struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	int code = 0;

	if (inside && !(force && candidate->ready))
		return HI_E_BUSY;
	if (!is_alone(candidate))
		return hi_fail(err, HI_E_BUSY, "%s forks again and again",
			       reload->host->name);
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
static int try_publish(struct hi_candidate *candidate, bool force, bool say,
		       uint64_t since_ns, struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	const struct hi_looker looker = { reload->host, reload->worker,
					  reload->stacks, reload->unwinder,
					  !force };
	struct hi_publish publish;
	struct hi_freeze freeze;
	struct hi_look *inside;
	pid_t inside_tid = 0;
	uint64_t inside_pc = 0;
	bool stays;
	int code = hi_publish_prepare(reload->worker, reload->host,
				      candidate->build, NULL, &publish, err);

	if (code < 0)
		return code;
	code = hi_freeze(reload->host, &looker, &freeze, err);
	if (code < 0) {
		hi_publish_done(&publish);
		return code == HI_E_BUSY ?
			       report_hindrance(candidate, say, err) :
			       code;
	}
	inside = hi_freeze_find_inside(&freeze);
	/* then nobody else is inside, and all have been looked at */
	stays = inside && inside->stays &&
		reload->options->busy == HI_BUSY_SWAP;
	force |= stays;
	if (inside && say && !stays) {
		/* it may have been told by its program counter alone */
		hi_look_confirm(&looker, inside);
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

static int compare(const struct hi_candidate *candidate,
		   struct hi_snapshot *again, bool *ret_same,
		   struct hi_err *err)
{
	const struct hi_reload *reload = candidate->reload;
	int code;

	if (reload->back) {
		*ret_same = hi_candidate_is_no_news(candidate, again);
		return 0;
	}
	code = hi_snapshot_is_same(again, candidate->snapshot, ret_same, err);
	if (code == 0 && *ret_same)
		hi_report_detail(reload->report,
				 "%s has the content of #%u, which waits",
				 reload->worker->name,
				 candidate->build->number);
	return code;
}

/* The same file may be put in place or touched again: its build keeps its number. */
static bool has_other_content(const struct hi_candidate *candidate)
{
	const struct hi_reload *reload = candidate->reload;
	struct hi_snapshot *again = NULL;
	struct hi_err err = { 0 };
	bool same = false;
	int code = hi_snapshot_begin(reload->snapshots, reload->worker->path,
				     candidate->build->number, &again, &err);

	if (code == 0)
		code = compare(candidate, again, &same, &err);
	hi_snapshot_cancel(again);
	/* there will be news of a file that is not whole yet */
	return !same && (code == 0 || !hi_candidate_is_passing(&err));
}

static bool newer_file(const struct hi_candidate *candidate)
{
	struct pollfd poll_fd = { hi_watch_get_fd(candidate->reload->watch),
				  POLLIN, 0 };
	uint64_t time_ns;

	int events = 0;

	if (poll(&poll_fd, 1, 0) > 0)
		events =
			hi_watch_read(candidate->reload->watch, &time_ns, NULL);
	return events > 0 && (events & HI_WATCH_CANDIDATE) &&
	       has_other_content(candidate);
}

/* Whether there is still somebody to wait for, and reason to. */
static int check_news(struct hi_candidate *candidate, bool look_at_file,
		      struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;

	hi_host_pump(reload->host);
	if (reload->host->ended)
		return hi_fail(err, HI_E_GONE, "%s has ended",
			       reload->host->name);
	candidate->newer = reload->attend(reload->context);
	if (!candidate->newer && look_at_file && newer_file(candidate)) {
		candidate->newer = true;
		candidate->replaced = reload->back != NULL;
	}
	return candidate->newer ?
		       hi_fail(err, HI_E_BUSY, "a newer build has come") :
		       0;
}

int hi_candidate_publish(struct hi_candidate *candidate, struct hi_err *err)
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

		if (reload->before_try &&
		    !reload->before_try(reload->context)) {
			code = hi_fail(err, HI_E_GONE, "%s is none of ours",
				       reload->host->name);
			break;
		}
		code = try_publish(candidate, force,
				   over && !candidate->waiting, waited, err);
		if (code != 0)
			break;
		code = check_news(candidate, over, err);
		if (code < 0)
			break;
		hi_clock_nap_us(nap_us);
		nap_us = nap_us * 2 < NAP_MAX_US ? nap_us * 2 : NAP_MAX_US;
	}
	return code < 0 ? code : 0;
}
