#include "injector/session.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/attach.h"
#include "injector/await.h"
#include "injector/clock.h"
#include "injector/elsewhere.h"
#include "injector/launch.h"
#include "injector/private_folder.h"
#include "injector/program.h"
#include "injector/search.h"
#include "injector/session_parts.h"
#include "injector/shim_place.h"

/* --- the loop --- */

static void on_group(struct session *session)
{
	hi_group_run(session->group);
	session->leaving |= hi_group_is_over(session->group);
	if (!session->stillborn)
		hi_session_go_after(session);
	if (hi_group_is_head(session->group) &&
	    hi_group_count(session->group) == 0)
		hi_session_unshare_copies(session);
}

#define FDS_BEFORE 3 /* those of the workers */

static nfds_t list_fds(const struct session *session, struct pollfd *fds)
{
	nfds_t n = FDS_BEFORE;

	fds[0].fd = session->signal_fd;
	fds[1].fd = session->group ? hi_group_get_fd(session->group) : -1;
	fds[2].fd = hi_control_get_fd(session->control);
	for (size_t i = 0; i < session->n_charges; i++)
		fds[n++].fd = hi_watch_get_fd(session->charges[i].watch);
	for (nfds_t i = 0; i < n; i++)
		fds[i].events = POLLIN;
	return n;
}

/* The sooner of two; -1 is never. */
static int get_sooner(int one_ms, int other_ms)
{
	return one_ms < 0 || (other_ms >= 0 && other_ms < one_ms) ? other_ms :
								    one_ms;
}

/* Until a point in time; 0 is none. */
static int get_rest_ms(uint64_t due_ns)
{
	uint64_t now = hi_clock_ns();

	if (!due_ns)
		return -1;
	return due_ns <= now ? 0 : (int)((due_ns - now) / HI_NS_PER_MS) + 1;
}

static int get_timeout_ms(const struct session *session)
{
	int look = hi_session_next_timeout_ms(session);

	look = get_sooner(look, hi_brood_next_timeout_ms(&session->brood));
	look = get_sooner(look, get_rest_ms(session->hang_at_ns));
	return get_sooner(look, get_rest_ms(session->announce_ns));
}

/* A fork's first event. */
static void announce(struct session *session)
{
	if (!session->announce_ns || hi_clock_ns() < session->announce_ns)
		return;
	session->announce_ns = 0;
	hi_report_release(session->report);
}

static bool is_over(struct session *session)
{
	if ((session->leaving && hi_session_may_leave(session)) ||
	    session->stillborn)
		return true;
	/* a daemon, perhaps */
	if (session->self.host->ended && session->brood.first)
		return false;
	return (session->self.host->ended && !hi_session_hand_on(session)) ||
	       hi_session_is_hopeless(session);
}

static void pump(struct session *session)
{
	struct hi_host *host = session->self.host;

	hi_host_pump(host);
	if (host->ended)
		hi_brood_pump(&session->brood, &host->hooks);
}

static void run_loop(struct session *session)
{
	struct pollfd fds[WORKERS_MAX + FDS_BEFORE];

	for (;;) {
		nfds_t n;

		pump(session);
		hi_session_end_hang(session, true);
		hi_session_settle_crashes(session);
		if (!session->heir)
			(void)!hi_session_follow_forks(session, false);
		/* what one forks meanwhile is another's */
		while (session->heir && !session->stillborn)
			hi_session_take_heir(session);
		hi_session_clean(session);
		if (is_over(session))
			return;
		announce(session);
		hi_record_say(session->record);
		hi_control_follow(session->control, session->self.host->pid);
		n = list_fds(session, fds);
		hi_await_news(fds, n, get_timeout_ms(session));
		if (fds[0].revents)
			hi_session_on_signals(session);
		if (fds[1].revents)
			on_group(session);
		pump(session);
		hi_session_stop_with_host(session);
		for (size_t i = 0; i < session->n_charges; i++)
			if (fds[i + FDS_BEFORE].revents &&
			    !session->self.host->ended && !session->stillborn)
				hi_session_on_watch(session,
						    &session->charges[i]);
		if (!session->self.host->ended && !session->stillborn)
			hi_session_look_again(session);
		if (fds[2].revents && !session->self.host->ended &&
		    !session->stillborn)
			hi_session_on_control(session);
	}
}

/* --- start and end --- */

static int open_charge(struct session *session, const char *name,
		       const char *host_path, struct hi_err *err)
{
	struct charge *charge = &session->charges[session->n_charges];
	struct hi_image *image = NULL;
	char *HI_FREE path = NULL;
	int code;

	if (session->n_charges == WORKERS_MAX)
		return hi_fail(err, HI_E_USAGE, "more than %d workers",
			       WORKERS_MAX);
	code = hi_search_worker(name, host_path, &path, err);
	if (code == 0)
		code = hi_image_open(path, &image, err);
	hi_image_free(image);
	if (code == 0)
		code = hi_worker_new(path, &charge->worker, err);
	if (code == 0)
		code = hi_watch_new(path, &charge->watch, err);
	if (code < 0) {
		hi_worker_free(charge->worker);
		return code;
	}
	session->n_charges++;
	hi_session_tell_limitation(session, charge);
	return 0;
}

static int open_charges(struct session *session, const char *host_path,
			struct hi_err *err)
{
	int code = 0;

	for (size_t i = 0; i < session->options->n_workers && code == 0; i++)
		code = open_charge(session, session->options->workers[i],
				   host_path, err);
	return code;
}

static int launch(struct session *session, const char *host_path,
		  struct hi_err *err)
{
	int code;

	session->shim_path = hi_shim_make_plain(
		session->shim_path, hi_snapshots_get_folder(session->snapshots),
		err);
	code = session->shim_path ? 0 : HI_E_HOST;
	if (code == 0)
		code = open_charges(session, host_path, err);
	if (code == 0)
		code = hi_session_block_signals(session, err);
	if (code == 0)
		code = hi_launch(host_path, session->options->host_argv,
				 &session->old_mask, &session->self.host, err);
	return code;
}

/* What runs at PID runs on whatever becomes of this. */
static int attach(struct session *session, struct hi_err *err)
{
	char link[64], path[PATH_MAX];
	ssize_t len;
	int code;

	snprintf(link, sizeof(link), "/proc/%d/exe", session->options->pid);
	len = readlink(link, path, sizeof(path) - 1);
	path[len < 0 ? 0 : len] = '\0';
	session->shim_path = hi_shim_make_reachable(session->shim_path,
						    session->snapshots, err);
	code = session->shim_path ? open_charges(session, path, err) :
				    HI_E_HOST;
	if (code == 0)
		code = hi_session_block_signals(session, err);
	if (code == 0)
		code = hi_attach(session->options->pid, &session->self.host,
				 err);
	return code;
}

static void set_hooks(struct session *session)
{
	session->self.host->hooks.context = session;
	session->self.host->hooks.on_exec = hi_session_on_exec;
	session->self.host->hooks.on_signal = hi_session_on_signal;
	session->self.host->hooks.on_syscall = hi_follow_at_syscall;
	session->self.host->hooks.on_stranger = hi_session_on_stranger;
	session->root_pid = session->family = session->self.host->pid;
}

/* Nobody looks for them there otherwise. */
static void tell_where(struct session *session)
{
	char *HI_FREE why = hi_elsewhere_explain(
		hi_snapshots_get_folder(session->snapshots));

	if (why && !hi_snapshots_are_shared(session->snapshots))
		hi_report_note(session->report, "%s", why);
}

static int start(struct session *session, int *ret_exit, struct hi_err *err)
{
	char *HI_FREE host_path = NULL;
	int code = 0;

	if (!session->options->pid)
		code = hi_program_find(session->options->host, &host_path,
				       ret_exit, err);
	if (code < 0)
		return code;
	*ret_exit = HI_EXIT_HOTINJECT;
	session->shim_path = hi_shim_find_file(err);
	if (!session->shim_path)
		return HI_E_HOST;
	code = hi_snapshots_new_for(session->options->pid, &session->snapshots,
				    err);
	if (code == 0)
		tell_where(session);
	if (code == 0)
		code = hi_record_new(hi_report_get_history(session->report),
				     &session->record, err);
	if (code == 0)
		code = session->options->pid ? attach(session, err) :
					       launch(session, host_path, err);
	if (code < 0)
		return code;
	set_hooks(session);
	hi_session_open_control(session);
	if (session->options->pid)
		code = hi_session_enter(session, err);
	return code;
}

static void done(struct session *session)
{
	for (size_t i = 0; i < session->n_charges; i++) {
		hi_worker_free(session->charges[i].worker);
		hi_watch_free(session->charges[i].watch);
		hi_used_done(&session->charges[i].used);
	}
	hi_unwinder_free(session->unwinder);
	hi_stacks_done(&session->stacks);
	hi_follow_done(&session->follow);
	hi_brood_done(&session->brood);
	if (session->own_group)
		hi_group_free(session->group);
	hi_host_free(session->self.host);
	hi_record_free(session->record);
	free(session->old_folder);
	hi_snapshots_free(session->snapshots);
	free(session->shim_path);
	hi_control_free(session->control);
	if (session->signal_fd >= 0)
		close(session->signal_fd);
}

/* A daemon's first process ends at once; what it forked is not reloaded. */
static void report_left(struct session *session)
{
	const struct hi_host *host = session->self.host;
	pid_t left = 0;

	if (session->settled && !session->group)
		left = hi_private_folder_find_process(
			hi_snapshots_get_folder(session->snapshots));
	if (left)
		hi_report_note(
			session->report,
			"%s (%d) has ended; process %d, which it forked, "
			"keeps the build that it has (to reload it, "
			"start %s in the foreground)",
			host->name, host->pid, left, host->name);
}

/* A script's is its own, unless the host has outlived it. */
static int exit_status(const struct session *session)
{
	int status = session->root_ended && !session->settled ?
			     session->root_status :
			     session->self.host->status;

	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

static int end(struct session *session)
{
	int status;

	report_left(session);
	status = exit_status(session);
	hi_report_exit(session->report, session->self.host->pid, status);
	return status;
}

/* The first of many stays until the last of them has ended. */
static int finish(struct session *session)
{
	int status = 0;

	if (session->stillborn)
		return 0;
	hi_brood_let_go(&session->brood);
	if (session->leaving && !session->self.host->ended)
		hi_session_leave(session);
	else
		status = end(session);
	hi_session_answer_leavers(session);
	if (session->group && hi_group_is_head(session->group))
		hi_session_attend(session);
	return status;
}

int hi_session_run(const struct hi_options *options, struct hi_report *report,
		   struct hi_group *group)
{
	struct session *session = calloc(1, sizeof(*session));
	struct hi_err err = { 0 };
	int status = HI_EXIT_HOTINJECT;

	if (!session)
		return status;
	session->options = options;
	session->report = report;
	session->group = group;
	session->signal_fd = -1;
	if (start(session, &status, &err) < 0) {
		if (options->pid && session->self.host)
			hi_attach_end(session->self.host);
		hi_report_error(report, &err);
	} else {
		/* naps of some microseconds, not of 50 more; not before the
		   start, because the host would inherit it */
		prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
		run_loop(session);
		status = finish(session);
	}
	done(session);
	free(session);
	return status;
}
