/*
 * What becomes of the processes that the host forks: each is looked after by another
 * process of hotinject, which begins with all that this one knows.
 */
#include "injector/session_parts.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "injector/adopt.h"
#include "injector/attach.h"
#include "injector/clock.h"
#include "injector/maps.h"

/* Who lives for so long is worth an event. */
#define ANNOUNCE_NS (100 * HI_NS_PER_MS)

/* --- before: in the process that traces the host -------------------------------- */

static int have_group(struct session *session, struct hi_err *err)
{
	int code = 0;

	if (!session->group) {
		code = hi_group_new(session->report, &session->group, err);
		session->own_group = code == 0;
	}
	if (code == 0)
		hi_group_set_host(session->group, session->self.host->name,
				  session->self.host->pid);
	return code;
}

static void say_left(struct session *session, pid_t pid, const char *why)
{
	hi_report_note(session->report,
		       "process %d, which %s (%d) forked, keeps the build that "
		       "it has: %s",
		       pid, session->self.host->name, session->root_pid, why);
}

/* --- after: in the process that is to look after the fork ----------------------- */

/*
 * The host is the other process's: none of ours, nor to be written to. A reload that is
 * under way comes to its end as if the host had ended.
 */
static void abandon_host(struct session *session, pid_t heir)
{
	struct hi_host *host = session->self.host;

	hi_brood_done(&session->brood);
	hi_follow_done(&session->follow);
	host->ended = true;
	host->pid = INT_MAX;      /* which no process has */
	host->limit.made = false; /* timers are not inherited: fork(2) */
	if (host->mem_fd >= 0)
		close(host->mem_fd);
	host->mem_fd = -1;
	session->root_ended = false;
	session->terminal_stop = false;
	session->member = true;
	session->heir = heir;
	session->n_elder = 0;
	session->n_crashes = 0; /* the other process tells them */
}

/* Descriptors that would share their news with the other process. */
static int reopen(struct session *session, struct hi_err *err)
{
	int code = hi_session_open_signals(session, err);

	for (size_t i = 0; i < session->n_charges && code == 0; i++) {
		struct charge *charge = &session->charges[i];
		struct hi_watch *watch;

		code = hi_watch_new(charge->worker->path, &watch, err);
		if (code < 0)
			break;
		hi_watch_free(charge->watch);
		charge->watch = watch;
	}
	return code;
}

/* It may have begun another program before it was traced again. */
static bool has_builds(const struct session *session, pid_t pid)
{
	struct hi_maps maps;
	bool has = false, lacks = false;

	if (hi_maps_read(pid, &maps, NULL) < 0)
		return false;
	for (size_t i = 0; i < session->n_charges; i++) {
		const struct hi_worker *worker = session->charges[i].worker;
		bool there = worker->current &&
			     hi_adopt_still_there(worker, &maps);

		has |= there;
		lacks |= worker->current && !there;
	}
	hi_maps_done(&maps);
	return has && !lacks;
}

static void forget_host(struct session *session)
{
	hi_host_free(session->self.host);
	session->self.host = NULL;
	hi_unwinder_free(session->unwinder);
	session->unwinder = NULL;
	hi_stacks_done(&session->stacks);
	memset(&session->stacks, 0, sizeof(session->stacks));
	memset(&session->loader, 0, sizeof(session->loader));
}

static int take_over(struct session *session, struct hi_err *err)
{
	const struct hi_host_hooks hooks = session->self.host->hooks;
	struct hi_host *host = NULL;
	int code = reopen(session, err);

	if (code == 0)
		code = hi_attach(session->heir, &host, err);
	if (code < 0 || !host)
		return code;
	forget_host(session);
	session->self.host = host;
	host->hooks = hooks;
	if (session->fresh)
		hi_session_forget(session);
	else if (!has_builds(session, session->heir))
		code = hi_fail(err, HI_E_GONE, "it runs another program");
	if (code == 0)
		code = hi_unwinder_new(host, &session->unwinder, err);
	if (code < 0) {
		hi_attach_end(host);
		return code;
	}
	session->loader.host = host;
	session->loader.unwinder = session->unwinder;
	session->loader.place = &session->place;
	hi_group_set_host(session->group, host->name, host->pid);
	return 0;
}

void hi_session_take_heir(struct session *session)
{
	struct hi_err err = { 0 };
	pid_t parent = session->root_pid;
	int code = take_over(session, &err);

	hi_report_set_unheard(session->report);
	hi_control_forget(session->control);
	session->control = NULL;
	session->leavers = 0;
	session->reloading = false;
	if (code < 0) {
		/* one that is ending may not be traced */
		if (code != HI_E_GONE && has_builds(session, session->heir))
			say_left(session, session->heir, err.sentence);
		session->stillborn = true;
		return;
	}
	session->announce_ns = hi_clock_ns() + ANNOUNCE_NS;
	session->root_pid = session->heir;
	session->heir = 0;
	session->fresh = false;
	for (size_t i = 0; i < session->n_charges && !session->heir; i++)
		hi_session_begin_again(session, &session->charges[i], parent);
	for (size_t i = 0; i < session->n_charges && !session->heir; i++)
		hi_session_note(session, &session->charges[i]);
	if (session->heir)
		return;
	/* who could not be asked yet has to find out */
	hi_session_open_control(session);
	hi_session_go_after(session);
}

/* --- one by one ----------------------------------------------------------------- */

static bool has_slot_alike(const struct hi_host *a, const struct hi_host *b,
			   const struct hi_function *function)
{
	uint64_t at = function->slot.slot_remote, in_a, in_b;

	return !at ||
	       (hi_remote_read(a, at, &in_a, 8, NULL) == 0 &&
		hi_remote_read(b, at, &in_b, 8, NULL) == 0 && in_a == in_b);
}

/*
 * Whether all that is known of the host is so in the process that it has forked: it may
 * have done that in the middle of a reload.
 */
static bool is_alike(const struct session *session,
		     const struct hi_newborn *newborn)
{
	if (session->n_areas != hi_session_count_areas(session))
		return false; /* a reload has made the table larger */
	if (newborn->epoch == session->brood.epoch)
		return true;
	for (size_t i = 0; i < session->n_charges; i++) {
		const struct hi_worker *worker = session->charges[i].worker;

		for (size_t k = 0; k < worker->n_functions; k++)
			if (!has_slot_alike(session->self.host, newborn->host,
					    worker->functions[k]))
				return false;
	}
	return true;
}

size_t hi_session_count_areas(const struct session *session)
{
	size_t n = 0;

	for (size_t i = 0; i < session->n_charges; i++)
		if (session->charges[i].worker->table)
			n += hi_table_count_areas(
				session->charges[i].worker->table);
	return n;
}

/* What either may still compare with another build, none of them makes thin. */
static void share_copies(struct session *session)
{
	for (size_t i = 0; i < session->n_charges; i++) {
		const struct hi_worker *worker = session->charges[i].worker;

		for (size_t k = 0; k < worker->n_active; k++)
			worker->active[k]->shared = true;
	}
}

void hi_session_unshare_copies(struct session *session)
{
	for (size_t i = 0; i < session->n_charges; i++) {
		const struct hi_worker *worker = session->charges[i].worker;

		for (size_t k = 0; k < worker->n_builds; k++)
			worker->builds[k]->shared = false;
	}
}

/* True in the process that looks after it from now on. */
static bool follow(struct session *session, struct hi_newborn *newborn)
{
	struct hi_host *host = newborn->host;
	bool alike = is_alike(session, newborn);
	pid_t pid = host->pid, member;
	struct hi_err err = { 0 };
	int code = 0;

	if (hi_session_shares_memory(session, pid)) {
		hi_attach_end(host);
		return false;
	}
	(void)!hi_session_allow_us(session, host);
	hi_attach_end(host);
	if (!alike) {
		/* one that is ending has no memory that could be */
		if (has_builds(session, pid))
			say_left(session, pid,
				 "it was forked while one went live");
		return false;
	}
	code = have_group(session, &err);
	share_copies(session);
	hi_snapshots_keep_used(session->snapshots);
	member = code == 0 ? hi_group_fork(session->group, &err) : -1;
	if (member < 0 && err.code != HI_E_BUSY)
		say_left(session, pid, err.sentence);
	if (member == 0)
		abandon_host(session, pid);
	return member == 0;
}

void hi_session_hand_over(struct session *session, struct hi_relative *relative)
{
	struct hi_host *host = relative->is.host;

	if (session->n_elder == HI_SESSION_ELDER_MAX)
		return; /* looked for again at the next opening */
	session->elder[session->n_elder++] = host->pid;
	/* it has our shim where its parent has it */
	if (hi_session_allow_us(session, host))
		hi_host_release(host, hi_host_find_thread(host, host->pid));
	hi_follow_leave(relative);
}

/* One that was forked before the worker was found, as soon as it is let go. */
static bool follow_elder(struct session *session)
{
	struct hi_err err = { 0 };
	size_t i = 0;
	pid_t pid, member = -1;

	while (i < session->n_elder &&
	       hi_follow_find_pid(&session->follow, session->elder[i]))
		i++;
	if (i == session->n_elder)
		return false;
	pid = session->elder[i];
	session->elder[i] = session->elder[--session->n_elder];
	if (have_group(session, &err) == 0) {
		hi_snapshots_keep_used(session->snapshots);
		member = hi_group_fork(session->group, &err);
	}
	if (member < 0 && err.code != HI_E_BUSY)
		say_left(session, pid, err.sentence);
	if (member == 0) {
		abandon_host(session, pid);
		session->fresh = true;
	}
	return member == 0;
}

bool hi_session_has_no_forks(const struct session *session)
{
	return !hi_brood_find_due(&session->brood, 0, true);
}

bool hi_session_follow_forks(struct session *session, bool early)
{
	struct hi_newborn *newborn;
	uint64_t now = hi_clock_ns();

	for (size_t n = session->n_elder; n > 0; n--)
		if (follow_elder(session))
			return true;
	hi_brood_clean(&session->brood);
	while ((newborn = hi_brood_find_due(&session->brood, now, early))) {
		if (follow(session, newborn))
			return true;
		hi_brood_clean(&session->brood);
	}
	return false;
}
