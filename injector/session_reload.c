/*
 * The worker's file, or a build that was live before, becomes what the host runs.
 */
#include <string.h>

#include "injector/clock.h"
#include "injector/session_parts.h"

#define REOPEN_NS (300 * HI_NS_PER_MS)

static void let_go(struct session *session, struct charge *charge)
{
	hi_report_note(session->report, "%s (%d): %s was closed by the host",
		       session->self.host->name, session->self.host->pid,
		       charge->worker->name);
	hi_worker_reset(charge->worker);
	charge->missed = true;
	charge->look_at_ns = hi_clock_ns();
	charge->look_until_ns = charge->look_at_ns + REOPEN_NS;
}

/* What was forked up to now is as the host is before it takes the build. */
static bool before_try(void *context)
{
	return !hi_session_follow_forks(context, true);
}

static bool before_commit(void *context)
{
	return hi_session_has_no_forks(context);
}

struct hi_reload hi_session_make_reload(struct session *session,
					struct charge *charge, uint64_t seen_ns)
{
	return (struct hi_reload){
		.options = session->options,
		.report = session->report,
		.snapshots = session->snapshots,
		.record = session->record,
		.host = session->self.host,
		.unwinder = session->unwinder,
		.stacks = &session->stacks,
		.loader = &session->loader,
		.worker = charge->worker,
		.used = &charge->used,
		.watch = charge->watch,
		.seen_ns = seen_ns,
		.late = charge->late,
		.before_try = before_try,
		.before_commit = before_commit,
		.attend = hi_session_attend_to,
		.context = session,
	};
}

void hi_session_run_reload(struct session *session, struct charge *charge,
			   struct hi_reload *one)
{
	const struct hi_build *before = charge->worker->current;
	unsigned int number = charge->worker->last_number;
	enum hi_reload_end end;
	uint64_t no_matter;

	session->reloading = true;
	hi_session_watch_hang(session, one->seen_ns);
	session->n_areas = hi_session_count_areas(session);
	do {
		/* the file as it is now is taken: what came of it is no news */
		if (!one->back) {
			(void)!hi_watch_read(charge->watch, &no_matter, NULL);
			hi_session_note_file(charge);
		}
		end = hi_reload_run(one);
		one->seen_ns = hi_clock_ns();
		one->back = NULL;
	} while (end == HI_RELOAD_NEWER && !session->leaving);
	session->reloading = false;
	if (!one->busy)
		session->hang_at_ns = 0;
	session->n_areas = hi_session_count_areas(session);
	if (session->heir) { /* it begins with this build */
		charge->worker->last_number = number;
		memset(&charge->seen, 0, sizeof(charge->seen));
		return;
	}
	/* what was forked meanwhile is not as this host is; that may be news yet */
	hi_host_pump(session->self.host);
	session->brood.epoch += charge->worker->current != before;
	if (charge->worker->current != before)
		charge->changed_ns = hi_clock_ns();
	if (end == HI_RELOAD_CLOSED)
		let_go(session, charge);
}

void hi_session_reload(struct session *session, struct charge *charge,
		       uint64_t seen_ns)
{
	struct hi_reload one = hi_session_make_reload(session, charge, seen_ns);

	hi_session_run_reload(session, charge, &one);
}

void hi_session_check(struct session *session, struct charge *charge)
{
	struct hi_reload one = hi_session_make_reload(session, charge, 0);

	if (hi_reload_check(&one, NULL) == HI_E_CLOSED &&
	    !session->self.host->ended)
		let_go(session, charge);
}
