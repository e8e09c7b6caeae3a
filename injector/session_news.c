/*
 * News of the worker's file, and when to look without any.
 */
#include "injector/clock.h"
#include "injector/session_parts.h"

#define UNDERWAY_MS 20 /* a script has ended, and what it left is looked at */

void hi_session_tell_limitation(struct session *session, struct charge *charge)
{
	const char *why = hi_watch_get_limitation(charge->watch);

	if (why && !charge->limited)
		hi_report_note(session->report, "%s", why);
	charge->limited |= why != NULL;
}

/*
 * Nobody tells of an opening: one look each time. What could not be adopted is not
 * tried again so often, but with the next build.
 */
static void look_once(struct charge *charge, bool changed)
{
	if (charge->look_until_ns || (*charge->said && !changed))
		return;
	charge->look_at_ns = charge->look_until_ns = hi_clock_ns();
}

void hi_session_on_watch(struct session *session, struct charge *charge)
{
	struct hi_err err = { 0 };
	uint64_t seen_ns = 0;
	int events = hi_watch_read(charge->watch, &seen_ns, &err);

	if (events < 0) {
		hi_report_error(session->report, &err);
		return;
	}
	hi_session_tell_limitation(session, charge);
	if (!session->self.entered && !session->follow.relatives)
		return;
	if (charge->worker->current && (events & HI_WATCH_CANDIDATE)) {
		if (!hi_session_follow_forks(session, true))
			hi_session_reload(session, charge, seen_ns);
		return;
	}
	if (charge->worker->current &&
	    (events & (HI_WATCH_OPENED | HI_WATCH_UNTOLD)))
		hi_session_check(session, charge);
	if (!charge->worker->current && (events & HI_WATCH_UNTOLD))
		look_once(charge, events & HI_WATCH_CANDIDATE);
	/* or what could not be adopted can be now */
	if (!charge->worker->current &&
	    (events & (HI_WATCH_OPENED | HI_WATCH_CANDIDATE))) {
		charge->look_at_ns = hi_clock_ns();
		charge->look_until_ns = charge->look_at_ns + HI_SESSION_LOOK_NS;
	}
}

int hi_session_next_timeout_ms(const struct session *session)
{
	uint64_t now = hi_clock_ns();
	int timeout = session->root_ended && !session->settled ? UNDERWAY_MS :
								 -1;

	for (size_t i = 0; i < session->n_charges; i++) {
		const struct charge *charge = &session->charges[i];
		int wait;

		if (!charge->look_until_ns)
			continue;
		wait = charge->look_at_ns <= now ?
			       0 :
			       (int)((charge->look_at_ns - now) /
				     HI_NS_PER_MS) +
				       1;
		timeout = timeout < 0 || wait < timeout ? wait : timeout;
	}
	return timeout;
}

void hi_session_look_again(struct session *session)
{
	uint64_t now = hi_clock_ns();

	for (size_t i = 0; i < session->n_charges; i++) {
		struct charge *charge = &session->charges[i];

		if (!charge->look_until_ns || charge->look_at_ns > now)
			continue;
		bool last = now > charge->look_until_ns;

		if (last)
			charge->look_until_ns = 0;
		charge->look_at_ns = now + 2 * HI_NS_PER_MS;
		if (!charge->worker->current)
			hi_session_look_for(session, charge, NULL,
					    last && charge->missed);
		if (last || charge->worker->current)
			charge->missed = false;
	}
}

/* What was not adopted yet is looked for as if the file had just been opened. */
void hi_session_begin_again(struct session *session, struct charge *charge,
			    pid_t parent)
{
	const struct hi_worker *worker = charge->worker;
	unsigned int back = charge->going_back;
	struct stat st;

	charge->going_back = 0;
	if (worker->current)
		hi_report_forked(session->report, session->self.host->name,
				 session->self.host->pid, parent, worker->name,
				 worker->current->number, worker->n_functions);

	if (!charge->worker->current) {
		charge->look_at_ns = hi_clock_ns();
		charge->look_until_ns = charge->look_at_ns + HI_SESSION_LOOK_NS;
	} else if (back) {
		(void)!hi_session_roll_back(session, charge, back);
	} else if (stat(charge->worker->path, &st) == 0 &&
		   (st.st_ino != charge->seen.st_ino ||
		    st.st_dev != charge->seen.st_dev ||
		    st.st_size != charge->seen.st_size ||
		    st.st_mtim.tv_sec != charge->seen.st_mtim.tv_sec ||
		    st.st_mtim.tv_nsec != charge->seen.st_mtim.tv_nsec)) {
		hi_session_reload(session, charge, hi_clock_ns());
	}
}
