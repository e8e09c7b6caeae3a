#include "injector/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/adopt.h"
#include "injector/answers.h"
#include "injector/apply.h"
#include "injector/clock.h"
#include "injector/follow.h"
#include "injector/launch.h"
#include "injector/program.h"
#include "injector/publish.h"
#include "injector/reload.h"
#include "injector/safe_point.h"
#include "injector/sandbox.h"
#include "injector/search.h"
#include "injector/shim_place.h"

#define WORKERS_MAX 64
/* How long after an opening of the file the host's mapping is looked for. */
#define LOOK_NS       (3ULL * HI_NS_PER_S)
#define REOPEN_NS     (300 * HI_NS_PER_MS)
#define SAFE_POINT_NS (5 * HI_NS_PER_MS)
/* How long after the end of a script it may still be about to start the host. */
#define UNDERWAY_NS (2ULL * HI_NS_PER_S)
#define UNDERWAY_MS 20

/* One worker of the host. */
struct charge {
	struct hi_worker *worker;
	struct hi_watch *watch;
	struct hi_used used;
	bool late;
	char said[sizeof(((struct hi_err *)NULL)->sentence)]; /* the failure */
	bool missed; /* the host has closed it; to be said when it stays so */
	uint64_t look_until_ns; /* the file was opened: is it mapped? */
	uint64_t look_at_ns;
};

struct session {
	const struct hi_options *options;
	struct hi_report *report;
	struct hi_snapshots *snapshots;
	struct hi_followed self; /* the host, or who may become it */
	struct hi_follow follow;
	pid_t root_pid; /* that was started; it may start the host */
	int root_status;
	bool root_ended;
	uint64_t root_end_ns;
	struct hi_unwinder *unwinder;
	struct hi_stacks stacks;
	struct hi_loader loader;
	struct hi_shim_place place;
	bool placed;  /* the shim is known to be in the host */
	bool settled; /* this one has the worker: its forks are not followed */
	char *shim_path;
	struct charge charges[WORKERS_MAX];
	size_t n_charges;
	int signal_fd;
	bool terminal_stop; /* the terminal has sent SIGTSTP */
	sigset_t old_mask;
};

/* --- the worker in the host --- */

static int adopt(struct session *session, struct charge *charge,
		 struct hi_thread *thread, const struct hi_maps *maps,
		 struct hi_err *err)
{
	struct hi_plan plan = HI_PLAN_INIT;
	struct hi_used used = { NULL, 0, NULL };
	int code = hi_adopt(charge->worker, session->snapshots,
			    session->self.host, thread, &session->place, maps,
			    err);

	if (code == 0)
		code = hi_bind(charge->worker, session->self.host, maps,
			       !charge->late, &plan, &used, err);
	if (code == 0)
		code = hi_answers_publish(charge->worker, session->self.host,
					  thread, &session->place, err);
	if (code == 0)
		code = hi_apply(session->self.host, &plan, err);
	hi_plan_done(&plan);
	if (code < 0) {
		hi_used_done(&used);
		hi_worker_reset(charge->worker);
		return code;
	}
	hi_used_done(&charge->used);
	charge->used = used;
	hi_unwinder_stale(session->unwinder);
	hi_report_ready(session->report, session->self.host->name,
			session->self.host->pid, charge->worker->name,
			charge->worker->n_functions);
	return 0;
}

/* Nothing is known of the process that is looked after from now on. */
static void forget(struct session *session)
{
	for (size_t i = 0; i < session->n_charges; i++)
		hi_worker_reset(session->charges[i].worker);
	session->placed = false;
	session->settled = false;
	hi_unwinder_free(session->unwinder);
	session->unwinder = NULL;
	hi_stacks_stale(&session->stacks);
}

/* Make its shim ready for use; THREAD is held. */
static int place(struct session *session, struct hi_thread *thread,
		 struct hi_err *err)
{
	struct hi_host *host = session->self.host;
	struct hi_maps maps;
	int code = hi_maps_read(host->pid, &maps, err);

	if (code < 0)
		return code;
	if (hi_sandbox_has(host->pid, thread->tid))
		code = hi_sandbox_fail(host->pid, host->name, err);
	if (code == 0)
		code = hi_shim_place_find(host, thread, &maps,
					  session->shim_path, &session->place,
					  err);
	hi_maps_done(&maps);
	if (code == 0 && !session->unwinder)
		code = hi_unwinder_new(host, &session->unwinder, err);
	if (code < 0)
		return code;
	session->placed = true;
	memset(&session->loader, 0, sizeof(session->loader));
	session->loader.host = host;
	session->loader.unwinder = session->unwinder;
	session->loader.place = &session->place;
	return 0;
}

/* Hold a thread where it may be made to call something. */
static int hold_one(struct session *session, struct hi_thread **ret_thread,
		    struct hi_err *err)
{
	int code = 0;

	if (!session->unwinder)
		code = hi_unwinder_new(session->self.host, &session->unwinder,
				       err);
	/* not in the middle of the dlopen() that maps it */
	if (code == 0) {
		hi_unwinder_stale(session->unwinder);
		code = hi_safe_point_hold(session->self.host, session->unwinder,
					  SAFE_POINT_NS, ret_thread, err);
	}
	return code;
}

/* Whether the process runs the worker; who only reads the file does not. */
static bool has_worker(const struct hi_host *host, const struct charge *charge)
{
	struct hi_maps maps;
	const struct hi_map *map;
	bool found = false;

	if (hi_maps_read(host->pid, &maps, NULL) < 0)
		return false;
	map = hi_adopt_find(&maps, charge->worker);
	for (size_t i = 0; map && i < maps.n_maps; i++)
		found |= maps.maps[i].inode == map->inode &&
			 maps.maps[i].dev == map->dev &&
			 (maps.maps[i].prot & PROT_EXEC);
	hi_maps_done(&maps);
	return found;
}

/* Another of the processes that are followed may have opened it. */
static void look_around(struct session *session, const struct charge *charge)
{
	struct hi_relative *relative = session->follow.relatives;

	for (; relative && !session->settled; relative = relative->next) {
		if (relative->is.host->ended || relative->unwanted ||
		    !relative->is.entered ||
		    !has_worker(relative->is.host, charge))
			continue;
		hi_follow_swap(relative, &session->self);
		forget(session);
		return; /* it is looked for again soon */
	}
}

static int take_worker(struct session *session, struct charge *charge,
		       struct hi_thread *held, struct hi_err *err)
{
	struct hi_thread *thread = held;
	struct hi_maps maps;
	int code = 0;

	charge->late = !held;
	if (!thread)
		code = hold_one(session, &thread, err);
	if (code < 0)
		return code;
	hi_host_hold_all(session->self.host);
	if (!session->settled)
		hi_follow_settle(&session->follow, session->self.host);
	session->settled = true;
	if (!session->placed)
		code = place(session, thread, err);
	if (code == 0)
		code = hi_maps_read(session->self.host->pid, &maps, err);
	if (code == 0) {
		code = adopt(session, charge, thread, &maps, err);
		hi_maps_done(&maps);
	}
	hi_host_release_all(session->self.host, held);
	return code;
}

/* Look whether the host has the worker now, and take it. */
static void look_for(struct session *session, struct charge *charge,
		     struct hi_thread *held, bool say_absent)
{
	struct hi_err err = { 0 };
	int code;

	if (!session->self.entered)
		return;
	if (!has_worker(session->self.host, charge)) {
		if (say_absent)
			hi_report_absent(session->report,
					 session->self.host->name,
					 session->self.host->pid,
					 charge->worker->name);
		else
			look_around(session, charge);
		return;
	}
	code = take_worker(session, charge, held, &err);
	if (code == HI_E_BUSY || code == HI_E_GONE)
		return; /* looked for again soon */
	charge->look_until_ns = 0;
	/* each opening of the file is another try; one sentence will do */
	if (code < 0 && strcmp(charge->said, err.sentence) != 0) {
		hi_report_error(session->report, &err);
		memcpy(charge->said, err.sentence, sizeof(charge->said));
	}
}

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

static struct hi_reload make_reload(struct session *session,
				    struct charge *charge, uint64_t seen_ns)
{
	return (struct hi_reload){
		.options = session->options,
		.report = session->report,
		.snapshots = session->snapshots,
		.host = session->self.host,
		.unwinder = session->unwinder,
		.stacks = &session->stacks,
		.loader = &session->loader,
		.worker = charge->worker,
		.used = &charge->used,
		.watch = charge->watch,
		.seen_ns = seen_ns,
		.late = charge->late,
	};
}

static void reload(struct session *session, struct charge *charge,
		   uint64_t seen_ns)
{
	struct hi_reload one = make_reload(session, charge, seen_ns);
	enum hi_reload_end end = hi_reload_run(&one);

	while (end == HI_RELOAD_NEWER) {
		one.seen_ns = hi_clock_ns();
		end = hi_reload_run(&one);
	}
	if (end == HI_RELOAD_CLOSED)
		let_go(session, charge);
}

/* Somebody has opened the file: the host, that reopens it? */
static void check(struct session *session, struct charge *charge)
{
	struct hi_reload one = make_reload(session, charge, 0);

	hi_stacks_stale(&session->stacks);
	if (hi_reload_check(&one, NULL) == HI_E_CLOSED &&
	    !session->self.host->ended)
		let_go(session, charge);
}

static void on_watch(struct session *session, struct charge *charge)
{
	struct hi_err err = { 0 };
	uint64_t seen_ns = 0;
	int events = hi_watch_read(charge->watch, &seen_ns, &err);

	if (events < 0) {
		hi_report_error(session->report, &err);
		return;
	}
	if (!session->self.entered && !session->follow.relatives)
		return;
	if (charge->worker->current && (events & HI_WATCH_CANDIDATE))
		reload(session, charge, seen_ns);
	else if (charge->worker->current && (events & HI_WATCH_OPENED))
		check(session, charge);
	if (!charge->worker->current && (events & HI_WATCH_OPENED)) {
		charge->look_at_ns = hi_clock_ns();
		charge->look_until_ns = charge->look_at_ns + LOOK_NS;
	}
}

/* --- what the host and its relatives report --- */

static void on_exec(void *context, struct hi_host *host,
		    struct hi_thread *thread)
{
	struct session *session = context;
	struct hi_relative *relative = hi_follow_find(&session->follow, host);
	struct hi_followed *one = relative ? &relative->is : &session->self;
	struct hi_err err = { 0 };

	if (host->leaving)
		return;
	if (!relative)
		forget(session);
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
	code = place(session, thread, &err);
	if (code < 0)
		hi_report_error(session->report, &err);
	for (size_t i = 0; i < session->n_charges && code == 0; i++)
		look_for(session, &session->charges[i], thread, true);
}

/* A program that the started one has started: is it the host? */
static void on_relative_entry(struct session *session,
			      struct hi_relative *relative,
			      struct hi_thread *thread)
{
	hi_follow_entered(relative);
	for (size_t i = 0; i < session->n_charges && !session->settled; i++) {
		if (!has_worker(relative->is.host, &session->charges[i]))
			continue;
		hi_follow_swap(relative, &session->self);
		forget(session);
		on_entry(session, thread);
		return;
	}
}

static bool on_signal(void *context, struct hi_host *host,
		      struct hi_thread *thread, int signal)
{
	struct session *session = context;
	struct hi_relative *relative = hi_follow_find(&session->follow, host);
	struct hi_followed *one = relative ? &relative->is : &session->self;

	if (signal == SIGTRAP &&
	    hi_launch_at_entry(host, thread, &one->entry)) {
		if (relative)
			on_relative_entry(session, relative, thread);
		else
			on_entry(session, thread);
		return true;
	}
	if (relative || !session->placed)
		return false;
	if (hi_loader_on_signal(&session->loader, thread, signal))
		return true;
	for (size_t i = 0; i < session->n_charges && signal == SIGTRAP; i++)
		if (hi_publish_on_trap(session->charges[i].worker, thread))
			return true;
	return false;
}

static bool on_stranger(void *context, const struct hi_stop *stop)
{
	struct session *session = context;
	struct hi_host *host = session->self.host;

	/* the one that waited may have been another when it began to */
	if (hi_host_find_thread(host, stop->tid) ||
	    hi_host_owns(host, stop->tid)) {
		hi_host_take(host, stop);
		return true;
	}
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

static void clean(struct session *session)
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
static bool hand_on(struct session *session)
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
	forget(session);
	hi_follow_clean(&session->follow);
	return true;
}

/* The script has ended, and what it has left does not look like the host. */
static bool is_hopeless(const struct session *session)
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

/*
 * The terminal's ^Z goes to hotinject and the host alike. When the host has stopped,
 * hotinject stops, too, so that the shell has its prompt; both are continued
 * together. A host that is stopped by somebody else is none of our business.
 */
static void stop_with_host(struct session *session)
{
	const struct hi_thread *leader = hi_host_find_thread(
		session->self.host, session->self.host->pid);

	if (!session->terminal_stop || !leader || !leader->group)
		return;
	session->terminal_stop = false;
	raise(SIGSTOP);
}

/* --- the loop --- */

/* A signal for hotinject is the host's, unless the terminal sent it to both. */
static void on_own_signal(struct session *session)
{
	struct signalfd_siginfo info;

	while (read(session->signal_fd, &info, sizeof(info)) ==
	       (ssize_t)sizeof(info)) {
		bool sent = info.ssi_code == SI_USER ||
			    info.ssi_code == SI_TKILL ||
			    info.ssi_code == SI_QUEUE;

		if (info.ssi_signo == SIGCHLD || session->self.host->ended)
			continue;
		if (info.ssi_signo == SIGTSTP || info.ssi_signo == SIGCONT)
			session->terminal_stop = info.ssi_signo == SIGTSTP &&
						 !sent;
		if (sent)
			kill(session->self.host->pid, (int)info.ssi_signo);
	}
}

static int next_timeout_ms(const struct session *session)
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

static void look_again(struct session *session)
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
			look_for(session, charge, NULL, last && charge->missed);
		if (last || charge->worker->current)
			charge->missed = false;
	}
}

static void run_loop(struct session *session)
{
	struct pollfd fds[WORKERS_MAX + 1];

	fds[0].fd = session->signal_fd;
	for (size_t i = 0; i < session->n_charges; i++)
		fds[i + 1].fd = hi_watch_get_fd(session->charges[i].watch);
	for (size_t i = 0; i <= session->n_charges; i++)
		fds[i].events = POLLIN;
	for (;;) {
		hi_host_pump(session->self.host);
		clean(session);
		if ((session->self.host->ended && !hand_on(session)) ||
		    is_hopeless(session))
			return;
		if (poll(fds, session->n_charges + 1,
			 next_timeout_ms(session)) < 0 &&
		    errno != EINTR)
			return;
		if (fds[0].revents)
			on_own_signal(session);
		hi_host_pump(session->self.host);
		stop_with_host(session);
		for (size_t i = 0; i < session->n_charges; i++)
			if (fds[i + 1].revents && !session->self.host->ended)
				on_watch(session, &session->charges[i]);
		if (!session->self.host->ended)
			look_again(session);
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
	return 0;
}

/* Signals that a wrapper passes on. Those that end with a core stay ours. */
static int block_signals(struct session *session, struct hi_err *err)
{
	static const int signals[] = { SIGCHLD, SIGINT,  SIGQUIT, SIGTERM,
				       SIGHUP,  SIGUSR1, SIGUSR2, SIGWINCH,
				       SIGCONT, SIGTSTP, SIGALRM, SIGTTOU };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	session->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	/* a copy above the limit on files is an error, not the end */
	sigaddset(&set, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &set, &session->old_mask);
	if (session->signal_fd < 0)
		return hi_fail_sys(err, "watching for signals");
	return 0;
}

static int start(struct session *session, int *ret_exit, struct hi_err *err)
{
	char *HI_FREE host_path = NULL;
	int code = hi_program_find(session->options->host, &host_path, ret_exit,
				   err);

	if (code < 0)
		return code;
	*ret_exit = HI_EXIT_HOTINJECT;
	session->shim_path = hi_shim_find_file(err);
	if (!session->shim_path)
		return HI_E_HOST;
	code = hi_snapshots_new(&session->snapshots, err);
	if (code == 0) {
		session->shim_path = hi_shim_make_plain(
			session->shim_path,
			hi_snapshots_get_folder(session->snapshots), err);
		code = session->shim_path ? 0 : HI_E_HOST;
	}
	for (size_t i = 0; i < session->options->n_workers && code == 0; i++)
		code = open_charge(session, session->options->workers[i],
				   host_path, err);
	if (code == 0)
		code = block_signals(session, err);
	if (code == 0)
		code = hi_launch(host_path, session->options->host_argv,
				 &session->old_mask, &session->self.host, err);
	if (code < 0)
		return code;
	session->self.host->hooks.context = session;
	session->self.host->hooks.on_exec = on_exec;
	session->self.host->hooks.on_signal = on_signal;
	session->self.host->hooks.on_syscall = hi_follow_at_syscall;
	session->self.host->hooks.on_stranger = on_stranger;
	session->root_pid = session->self.host->pid;
	return 0;
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
	hi_host_free(session->self.host);
	hi_snapshots_free(session->snapshots);
	free(session->shim_path);
	if (session->signal_fd >= 0)
		close(session->signal_fd);
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

int hi_session_run(const struct hi_options *options, struct hi_report *report)
{
	struct session *session = calloc(1, sizeof(*session));
	struct hi_err err = { 0 };
	int status = HI_EXIT_HOTINJECT;

	if (!session)
		return status;
	session->options = options;
	session->report = report;
	session->signal_fd = -1;
	if (start(session, &status, &err) < 0) {
		hi_report_error(report, &err);
	} else {
		/* naps of some microseconds, not of 50 more; not before the
		   start, because the host would inherit it */
		prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
		run_loop(session);
		status = exit_status(session);
		hi_report_exit(report, session->self.host->pid, status);
	}
	done(session);
	free(session);
	return status;
}
