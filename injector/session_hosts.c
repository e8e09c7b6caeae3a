#include "injector/session_parts.h"

#include "injector/clock.h"
#include "injector/publish.h"

/* How long after the end of a script it may still be about to start the host. */
#define UNDERWAY_NS (2ULL * HI_NS_PER_S)

void hi_session_on_exec(void *context, struct hi_host *host,
			struct hi_thread *thread)
{
	struct session *session = context;
	struct hi_relative *relative = hi_follow_find(&session->follow, host);
	struct hi_followed *one = relative ? &relative->is : &session->self;
	struct hi_err err = { 0 };

	if (host->leaving)
		return;
	if (!relative)
		hi_session_forget(session);
	one->executed = true;
	one->entered = relative && session->settled;
	if (one->entered || hi_launch_prepare(host, thread, session->shim_path,
					      &one->entry, &err) == 0)
		return;
	one->entered = true;
	if (relative) /* it will hardly be the host */
		hi_report_detail(session->report, "%s", err.sentence);
	else
		hi_report_error(session->report, &err);
}

static void on_entry(struct session *session, struct hi_thread *thread)
{
	struct hi_err err = { 0 };
	int code;

	session->self.entered = true;
	code = hi_session_place(session, thread, &err);
	if (code < 0)
		hi_report_error(session->report, &err);
	else if (session->self.entry.leaks)
		hi_report_note(session->report,
			       "%s (%d): the search for leaks at its end "
			       "fails, because the program is traced; pass "
			       "ASAN_OPTIONS=detect_leaks=0",
			       session->self.host->name,
			       session->self.host->pid);
	for (size_t i = 0; i < session->n_charges && code == 0; i++)
		hi_session_look_for(session, &session->charges[i], thread,
				    true);
}

/* A program that the started one has started: is it the host? */
static void on_relative_entry(struct session *session,
			      struct hi_relative *relative,
			      struct hi_thread *thread)
{
	hi_follow_entered(relative);
	for (size_t i = 0; i < session->n_charges && !session->settled; i++) {
		if (!hi_session_has_worker(relative->is.host,
					   &session->charges[i]))
			continue;
		hi_follow_swap(relative, &session->self);
		hi_session_forget(session);
		on_entry(session, thread);
		return;
	}
}

void hi_session_look_around(struct session *session,
			    const struct charge *charge)
{
	struct hi_relative *relative = session->follow.relatives;

	for (; relative && !session->settled; relative = relative->next) {
		if (relative->is.host->ended || relative->unwanted ||
		    !relative->is.entered ||
		    !hi_session_has_worker(relative->is.host, charge))
			continue;
		if (!relative->is.executed && !session->self.host->ended) {
			/* it has the program of its parent, a server */
			hi_session_hand_over(session, relative);
			continue;
		}
		hi_follow_swap(relative, &session->self);
		hi_session_forget(session);
		return; /* it is looked for again soon */
	}
}

bool hi_session_on_signal(void *context, struct hi_host *host,
			  struct hi_thread *thread, int signal)
{
	struct session *session = context;
	struct hi_relative *relative = hi_follow_find(&session->follow, host);
	struct hi_followed *one = relative ? &relative->is : &session->self;

	if (signal == SIGTRAP && (relative || host == session->self.host) &&
	    hi_launch_at_entry(host, thread, &one->entry)) {
		if (relative)
			on_relative_entry(session, relative, thread);
		else
			on_entry(session, thread);
		return true;
	}
	if (!relative && host != session->self.host)
		return hi_session_put_off_crash(session, host, thread, signal);
	if (relative || !session->placed)
		return false;
	if (hi_loader_on_signal(&session->loader, thread, signal))
		return true;
	return hi_session_on_crash(session, thread, signal);
}

bool hi_session_on_stranger(void *context, const struct hi_stop *stop)
{
	struct session *session = context;
	struct hi_host *host = session->self.host;

	/* the one that waited may have been another when it began to */
	if (hi_host_find_thread(host, stop->tid) ||
	    hi_host_owns(host, stop->tid)) {
		hi_host_take(host, stop);
		return true;
	}
	if (session->settled &&
	    !hi_follow_find_owner(&session->follow, stop->tid))
		return hi_brood_take(&session->brood, &host->hooks, stop);
	return hi_follow_take(&session->follow, &session->self, stop,
			      !session->settled);
}

/* --- who is the host --- */

static void note_end(struct session *session, const struct hi_host *host)
{
	if (!host->ended || host->pid != session->root_pid ||
	    session->root_ended)
		return;
	session->root_ended = true;
	session->root_status = host->status;
	session->root_end_ns = hi_clock_ns();
}

void hi_session_clean(struct session *session)
{
	note_end(session, session->self.host);
	for (struct hi_relative *relative = session->follow.relatives; relative;
	     relative = relative->next)
		note_end(session, relative->is.host);
	hi_follow_clean(&session->follow);
}

/*
 * Nobody is looked after any more. A script that has started the host goes on, and
 * may start it again; and a script that has ended may have just begun to start it.
 */
bool hi_session_hand_on(struct session *session)
{
	struct hi_host *before = session->self.host;
	struct hi_relative *relative = NULL;

	if (!session->root_ended)
		relative =
			hi_follow_find_pid(&session->follow, session->root_pid);
	if (!relative && !session->settled)
		relative = hi_follow_find_new(&session->follow);
	if (!relative)
		return false;
	if (session->settled)
		hi_report_detail(session->report,
				 "%s (%d) has ended; %s (%d) goes on",
				 before->name, before->pid,
				 relative->is.host->name,
				 relative->is.host->pid);
	hi_follow_swap(relative, &session->self);
	hi_session_forget(session);
	hi_follow_clean(&session->follow);
	return true;
}

bool hi_session_is_hopeless(const struct session *session)
{
	const struct hi_thread *leader;

	if (!session->root_ended || session->settled ||
	    session->self.entry.armed)
		return false;
	leader = hi_host_find_thread(session->self.host,
				     session->self.host->pid);
	return hi_clock_ns() - session->root_end_ns > UNDERWAY_NS ||
	       (leader && !leader->watched &&
		!hi_follow_find_new(&session->follow));
}
