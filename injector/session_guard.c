/*
 * Crashes in the worker: what becomes of the host, and what is said of it.
 */
#include <string.h>

#include "injector/clock.h"
#include "injector/crash_tell.h"
#include "injector/guard.h"
#include "injector/hold.h"
#include "injector/session_parts.h"

/* The same place again and again: said at the first time, the tenth, ... */
#define TIMES_STEP 10

/* Until a thread comes to where it can be taken out: half a second. */
#define KICK_TRIES  250
#define KICK_NAP_US 2000
#define KICK_MAX    256

static struct hi_guard make_guard(struct session *session,
				  struct hi_worker **workers)
{
	struct hi_guard guard = {
		.host = session->self.host,
		.unwinder = session->unwinder,
		.place = &session->place,
		.workers = workers,
		.mode = session->options->guard,
	};

	for (size_t i = 0; i < session->n_charges; i++)
		if (session->charges[i].worker->current)
			workers[guard.n_workers++] = session->charges[i].worker;
	return guard;
}

/* --- what was seen --- */

/* How often this place has crashed; a new one takes the oldest's. */
static size_t count(struct session *session, const struct hi_crash *crash)
{
	const struct hi_crash_place new = { crash->escape.innermost.pc,
					    crash->escape.entered_pc,
					    crash->fault.signal, 1 };
	struct hi_crash_place *place;

	for (size_t i = 0; i < HI_CRASH_PLACES; i++) {
		place = &session->crash_places[i];
		/* several functions may end in one, such as abort() */
		if (place->pc == new.pc &&
		    place->entered_pc == new.entered_pc &&
		    place->signal == new.signal)
			return ++place->times;
	}
	place = &session->crash_places[session->next_crash_place++ %
				       HI_CRASH_PLACES];
	*place = new;
	return 1;
}

static bool is_worth_saying(size_t times)
{
	while (times % TIMES_STEP == 0)
		times /= TIMES_STEP;
	return times == 1;
}

static const char *choose_action(const struct session *session,
				 const struct hi_crash *crash, bool out)
{
	if (!out)
		return "off";
	if (session->options->guard == HI_GUARD_ROLLBACK && crash->to_build)
		return "rollback";
	return crash->held ? "hold" : "return";
}

static void tell(struct session *session, const struct hi_crash *crash,
		 bool out)
{
	struct hi_told told;

	if (!is_worth_saying(crash->times))
		return;
	hi_crash_tell(crash, session->self.host, session->unwinder, &told);
	told.report.times = crash->times;
	told.report.action = choose_action(session, crash, out);
	told.report.to_build = crash->to_build;
	hi_report_crash(session->report, &told.report);
	hi_crash_tell_done(&told);
}

/* --- at the signal --- */

static void put_off(struct session *session, const struct hi_crash *crash)
{
	/* nothing is to be said or done of most of a thousand */
	if (session->n_crashes < HI_CRASHES_MAX &&
	    (crash->held || is_worth_saying(crash->times)))
		session->crashes[session->n_crashes++] = *crash;
}

/* Whether a thread has crashed in a build of this number. */
static bool has_crashed(const struct hi_worker *worker, unsigned int number)
{
	for (size_t i = 0; i < worker->n_builds; i++)
		if (worker->builds[i]->number == number &&
		    worker->builds[i]->crashed)
			return true;
	return false;
}

/*
 * The last build before the one that has crashed in which nothing has. None when
 * newer code is live already, or when one that was gone back to crashes in the same
 * function again.
 */
static unsigned int find_good(const struct charge *charge,
			      const struct hi_crash *crash)
{
	const struct hi_worker *worker = charge->worker;
	unsigned int good = 0;

	if (crash->escape.build->number != worker->current->number ||
	    (worker->current->again && charge->rolled_back == crash->function))
		return 0;
	for (size_t i = 0; i < worker->n_builds; i++) {
		unsigned int number = worker->builds[i]->number;

		if (number < worker->current->number && number > good &&
		    !has_crashed(worker, number))
			good = number;
	}
	return good;
}

bool hi_session_on_crash(struct session *session, struct hi_thread *thread,
			 int signal)
{
	struct hi_worker *workers[WORKERS_MAX];
	struct hi_guard guard = make_guard(session, workers);
	struct hi_crash crash;
	int code;

	if (session->lent || session->leaving || guard.n_workers == 0)
		return false;
	code = hi_guard_catch(&guard, thread, signal, &crash, &crash.why_not);
	if (code == HI_E_CLOSED)
		return false;
	crash.times = count(session, &crash);
	if (code < 0 || guard.mode == HI_GUARD_OFF) {
		tell(session, &crash, false);
		return false;
	}
	crash.escape.build->crashed = true;
	put_off(session, &crash);
	return true;
}

/* --- threads that do not leave --- */

/* One try; HI_E_CLOSED: there is nothing to do. */
static int kick(struct session *session, const struct hi_guard *guard,
		pid_t tid, bool old, struct hi_err *err)
{
	struct hi_thread *thread = hi_host_find_thread(guard->host, tid);
	struct hi_crash crash;
	int code = thread ? hi_host_hold(guard->host, thread, err) :
			    HI_E_CLOSED;

	if (code < 0)
		return code;
	code = hi_guard_kick(guard, thread, old, &crash, err);
	if (code == 0)
		hi_host_know_regs(thread, &crash.escape.regs);
	hi_host_release(guard->host, thread);
	if (code < 0)
		return code;
	crash.times = 1;
	put_off(session, &crash);
	return 0;
}

static int kick_patiently(struct session *session, const struct hi_guard *guard,
			  pid_t tid, bool old, struct hi_err *err)
{
	int code = HI_E_BUSY;

	for (int i = 0; code == HI_E_BUSY && i < KICK_TRIES; i++) {
		if (i > 0)
			hi_clock_nap_us(KICK_NAP_US);
		code = kick(session, guard, tid, old, err);
	}
	return code;
}

/* The threads that there are: they come and go meanwhile. */
static size_t list_threads(const struct hi_host *host, pid_t tids[KICK_MAX])
{
	const struct hi_thread *thread = host->threads;
	size_t n = 0;

	for (; thread && n < KICK_MAX; thread = thread->hh.next)
		if (!thread->mine)
			tids[n++] = thread->tid;
	return n;
}

int hi_session_kick(struct session *session, pid_t tid, bool old,
		    struct hi_err *err)
{
	struct hi_worker *workers[WORKERS_MAX];
	struct hi_guard guard = make_guard(session, workers);
	pid_t tids[KICK_MAX] = { tid };
	size_t n = tid ? 1 : list_threads(guard.host, tids);
	int n_out = 0, failed = 0;

	for (size_t i = 0; i < n && guard.n_workers > 0; i++) {
		struct hi_err one = { 0 };
		int code = kick_patiently(session, &guard, tids[i], old, &one);

		n_out += code == 0;
		if (code == 0 || code == HI_E_CLOSED || code == HI_E_GONE)
			continue;
		failed = code;
		*err = one;
	}
	return failed < 0 && n_out == 0 ? failed : n_out;
}

void hi_session_watch_hang(struct session *session, uint64_t since_ns)
{
	if (session->options->hang_s)
		session->hang_at_ns =
			since_ns + session->options->hang_s * HI_NS_PER_S;
}

void hi_session_end_hang(struct session *session, bool old)
{
	struct hi_err err = { 0 };

	if (!session->hang_at_ns || hi_clock_ns() < session->hang_at_ns)
		return;
	session->hang_at_ns = 0;
	if (hi_session_kick(session, 0, old, &err) < 0)
		hi_report_note(session->report, "%s (%d): %s",
			       session->self.host->name,
			       session->self.host->pid, err.sentence);
}

/* --- once the thread runs again --- */

static struct charge *find_charge(struct session *session,
				  const struct hi_crash *crash)
{
	for (size_t i = 0; i < session->n_charges; i++)
		if (session->charges[i].worker == crash->escape.worker)
			return &session->charges[i];
	return NULL;
}

/* Stored pointers and direct calls reach the slot only by a patch point. */
static void hold_home(struct session *session, struct charge *charge,
		      struct hi_crash *crash)
{
	const struct hi_looker looker = { session->self.host, charge->worker,
					  &session->stacks, session->unwinder,
					  true };
	struct hi_err err = { 0 };
	int code;

	if (!crash->held || !crash->function->held_remote ||
	    !hi_hold_needs_home(crash->function))
		return;
	code = hi_stacks_refresh(&session->stacks, session->self.host, &err);
	if (code == 0)
		code = hi_hold_home(charge->worker, crash->function,
				    session->self.host, &looker, &err);
	if (code < 0 && code != HI_E_GONE)
		hi_report_detail(session->report, "%s", err.sentence);
}

/* Until the other build is live, calls return zero. */
static void go_back(struct session *session, struct charge *charge,
		    struct hi_crash *crash)
{
	struct hi_content from = charge->worker->current->content;

	if (!crash->to_build)
		return;
	charge->rolled_back = crash->function;
	if (hi_session_roll_back(session, charge, crash->to_build))
		hi_session_go_ahead(session, charge, &from, true);
	else if (charge->worker->current)
		hold_home(session, charge, crash);
}

static void settle(struct session *session, struct hi_crash *crash)
{
	struct charge *charge = find_charge(session, crash);

	/* its builds have gone with it */
	if (!charge || !charge->worker->current)
		return;
	if (session->self.host->ended) {
		tell(session, crash, true);
		return;
	}
	/* another build that waits is as good */
	if (session->options->guard == HI_GUARD_ROLLBACK &&
	    crash->fault.signal && !session->reloading)
		crash->to_build = find_good(charge, crash);
	if (!crash->to_build)
		hold_home(session, charge, crash);
	tell(session, crash, true);
	go_back(session, charge, crash);
}

void hi_session_settle_crashes(struct session *session)
{
	/* more may come meanwhile */
	while (session->n_crashes > 0) {
		struct hi_crash crash = session->crashes[0];

		session->n_crashes--;
		memmove(session->crashes, session->crashes + 1,
			session->n_crashes * sizeof(crash));
		settle(session, &crash);
	}
}
