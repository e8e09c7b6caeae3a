#include "injector/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "injector/again.h"
#include "injector/clock.h"

#define AWAIT_LIMIT_NS (500 * HI_NS_PER_MS)
#define END_NAP_US     500

struct hi_host *hi_host_new(pid_t pid)
{
	struct hi_host *host = calloc(1, sizeof(*host));

	if (host) {
		host->pid = pid;
		host->mem_fd = -1;
	}
	return host;
}

static void remove_thread(struct hi_host *host, struct hi_thread *thread)
{
	HASH_DEL(host->threads, thread);
	hi_host_close_fd(thread);
	free(thread);
}

void hi_host_free(struct hi_host *host)
{
	struct hi_thread *thread, *next;

	if (!host)
		return;
	HASH_ITER(hh, host->threads, thread, next)
		remove_thread(host, thread);
	if (host->mem_fd >= 0)
		close(host->mem_fd);
	hi_limit_done(&host->limit);
	free(host);
}

static void read_name(struct hi_host *host)
{
	char path[64];
	FILE *comm;

	snprintf(path, sizeof(path), "/proc/%d/comm", host->pid);
	comm = fopen(path, "re");
	if (!comm)
		return;
	if (fgets(host->name, sizeof(host->name), comm))
		host->name[strcspn(host->name, "\n")] = '\0';
	fclose(comm);
}

int hi_host_reopen(struct hi_host *host, struct hi_err *err)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", host->pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	read_name(host);
	if (fd < 0 && errno == EACCES) {
		/* the kernel keeps its text from those who may not read it */
		hi_fail(err, HI_E_RIGHTS,
			"%s may be executed but not read, and so may its "
			"memory",
			host->name);
		hi_err_hint(err, "give yourself the right to read %s",
			    host->name);
		return HI_E_RIGHTS;
	}
	if (fd < 0)
		return hi_fail_sys(err, "opening the memory of process %d",
				   host->pid);
	if (host->mem_fd >= 0)
		close(host->mem_fd);
	host->mem_fd = fd;
	return 0;
}

struct hi_thread *hi_host_find_thread(struct hi_host *host, pid_t tid)
{
	struct hi_thread *thread;

	HASH_FIND_INT(host->threads, &tid, thread);
	return thread;
}

struct hi_thread *hi_host_add_thread(struct hi_host *host, pid_t tid)
{
	struct hi_thread *thread = hi_host_find_thread(host, tid);

	if (thread)
		return thread;
	thread = calloc(1, sizeof(*thread));
	if (!thread)
		return NULL;
	thread->tid = tid;
	thread->proc_fd = -1;
	HASH_ADD_INT(host->threads, tid, thread);
	if (!thread->hh.tbl) {
		free(thread);
		return NULL;
	}
	return thread;
}

/* clone(2) without CLONE_THREAD makes a process, which is none of ours. */
bool hi_host_owns(const struct hi_host *host, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", host->pid, tid);
	return access(path, F_OK) == 0;
}

/* execve(2) ends every other thread, and the caller takes the leader's id. */
static void forget_other_threads(struct hi_host *host)
{
	struct hi_thread *thread, *next;

	HASH_ITER(hh, host->threads, thread, next)
		if (thread->tid != host->pid)
			remove_thread(host, thread);
}

static void handle_signal(struct hi_host *host, struct hi_thread *thread,
			  int signal)
{
	hi_again_take_back(thread);
	thread->held = true;
	thread->signal = signal;
	if (host->hooks.on_signal &&
	    host->hooks.on_signal(host->hooks.context, host, thread, signal))
		thread->signal = 0;
}

static void handle_end(struct hi_host *host, const struct hi_stop *stop)
{
	struct hi_thread *thread = hi_host_find_thread(host, stop->tid);

	if (stop->tid == host->pid) {
		host->ended = true;
		host->status = stop->status;
	}
	if (thread)
		remove_thread(host, thread);
}

/* A process that the host made, or another one that is followed. */
static void handle_stranger(struct hi_host *host, const struct hi_stop *stop)
{
	if ((!host->hooks.on_stranger ||
	     !host->hooks.on_stranger(host->hooks.context, stop)) &&
	    stop->kind != HI_STOP_ENDED && stop->kind != HI_STOP_NONE)
		hi_tracee_detach(stop->tid, 0);
}

/* Its first stop is still to come; the parent may have ended by then. */
static void handle_fork(struct hi_host *host, const struct hi_stop *stop)
{
	struct hi_stop begin = { HI_STOP_NONE, (pid_t)stop->value, 0, 0 };

	handle_stranger(host, &begin);
}

/* No memory for it: it runs on, and is looked for before threads are to be stopped. */
static void miss_thread(struct hi_host *host, const struct hi_stop *stop)
{
	host->incomplete = true;
	if (stop->kind == HI_STOP_GROUP)
		hi_tracee_listen(stop->tid);
	else
		hi_tracee_resume(stop->tid, stop->kind == HI_STOP_SIGNAL ?
						    (int)stop->value :
						    0);
}

/* The thread is left held only when somebody wants it so. */
void hi_host_take(struct hi_host *host, const struct hi_stop *stop)
{
	struct hi_thread *thread = hi_host_find_thread(host, stop->tid);

	if (stop->kind == HI_STOP_ENDED) {
		if (thread || stop->tid == host->pid)
			handle_end(host, stop);
		else
			handle_stranger(host, stop);
		return;
	}
	if (!thread && !hi_host_owns(host, stop->tid)) {
		handle_stranger(host, stop);
		return;
	}
	thread = thread ? thread : hi_host_add_thread(host, stop->tid);
	if (!thread) {
		miss_thread(host, stop);
		return;
	}
	thread->held = true;
	if (stop->kind != HI_STOP_SIGNAL)
		thread->again_rip = 0;
	if (stop->kind == HI_STOP_TRAP) {
		thread->group = false;
		thread->trapped = true;
	} else if (stop->kind == HI_STOP_CLONE &&
		   hi_host_owns(host, (pid_t)stop->value))
		host->incomplete |=
			!hi_host_add_thread(host, (pid_t)stop->value);
	else if (stop->kind == HI_STOP_SIGNAL)
		handle_signal(host, thread, (int)stop->value);
	else if (stop->kind == HI_STOP_GROUP)
		thread->group = true;
	else if (stop->kind == HI_STOP_FORK)
		handle_fork(host, stop);
	else if (stop->kind == HI_STOP_SYSCALL && thread->watched &&
		 host->hooks.on_syscall)
		host->leaving |= host->hooks.on_syscall(host, thread);
	if (stop->kind == HI_STOP_EXEC) {
		thread->watched = false;
		forget_other_threads(host);
		if (host->hooks.on_exec)
			host->hooks.on_exec(host->hooks.context, host, thread);
	}
	if (!thread->wanted)
		hi_host_release(host, thread);
}

void hi_host_pump(struct hi_host *host)
{
	while (!host->ended) {
		struct hi_stop stop = hi_tracee_wait(-1);

		if (stop.kind == HI_STOP_NONE)
			return;
		if (stop.kind == HI_STOP_ENDED && stop.tid <= 0) {
			host->ended = true; /* no child is left: ECHILD */
			return;
		}
		hi_host_take(host, &stop);
	}
}

bool hi_host_await_end(struct hi_host *host)
{
	uint64_t start = hi_clock_ns();

	while (!host->ended && hi_clock_ns() - start < AWAIT_LIMIT_NS) {
		hi_clock_nap_us(END_NAP_US);
		hi_host_pump(host);
	}
	return host->ended;
}

int hi_host_ask(struct hi_host *host, struct hi_thread *thread,
		struct hi_err *err)
{
	int code;

	(void)host;
	if (thread->held || thread->wanted) {
		thread->wanted = true;
		return 0;
	}
	thread->wanted = true;
	code = hi_tracee_interrupt(thread->tid, err);
	if (code < 0)
		thread->wanted = false;
	return code;
}

/*
 * A wait for one thread is not disturbed by others that stop, as one for SIGCHLD
 * is: each of them would wake us, on a processor that the next one needs. It is
 * broken off from time to time: execve(2) may take a thread's id away without a word.
 * False: the thread has ended as the first of its process, of which hi_host_pump()
 * hears after it has heard of the others.
 */
static bool await_report(struct hi_host *host, pid_t tid, uint64_t limit_ns,
			 struct hi_stop *ret_stop)
{
	if (host->limit.n_begun == 0) { /* the timer is to be spared */
		*ret_stop = hi_tracee_wait(tid);
		if (ret_stop->kind != HI_STOP_NONE)
			return true;
	}
	if (!hi_limit_begin(&host->limit, HI_HOST_SLICE_NS)) {
		hi_tracee_await_news(limit_ns);
		*ret_stop = hi_tracee_wait(tid);
		return true;
	}
	*ret_stop = hi_tracee_await_or_signal(tid);
	hi_limit_end(&host->limit);
	if (ret_stop->kind != HI_STOP_ENDED)
		return true;
	*ret_stop = hi_tracee_wait(tid);
	return ret_stop->kind != HI_STOP_NONE;
}

static int fail_ended(pid_t tid, struct hi_err *err)
{
	return hi_fail(err, HI_E_GONE, "thread %d has ended", tid);
}

int hi_host_await(struct hi_host *host, struct hi_thread *thread,
		  struct hi_err *err)
{
	uint64_t start = hi_clock_ns();
	pid_t tid = thread->tid;

	while (!thread->held) {
		uint64_t waited = hi_clock_ns() - start;
		struct hi_stop stop;

		if (!await_report(host, tid, AWAIT_LIMIT_NS - waited, &stop)) {
			thread->wanted = false;
			return fail_ended(tid, err);
		}
		if (stop.kind != HI_STOP_NONE)
			hi_host_take(host, &stop);
		if (host->ended || !hi_host_find_thread(host, tid))
			return fail_ended(tid, err);
		if (thread->held)
			break;
		if (waited + HI_HOST_SLICE_NS > AWAIT_LIMIT_NS) {
			thread->wanted = false;
			return hi_fail(err, HI_E_BUSY,
				       "thread %d is in an uninterruptible "
				       "wait and cannot be stopped",
				       tid);
		}
	}
	return 0;
}

int hi_host_hold(struct hi_host *host, struct hi_thread *thread,
		 struct hi_err *err)
{
	int code = hi_host_ask(host, thread, err);

	return code < 0 ? code : hi_host_await(host, thread, err);
}

void hi_host_know_regs(struct hi_thread *thread,
		       const struct user_regs_struct *regs)
{
	thread->plain = !hi_again_is_due(regs);
	thread->seen_sp = regs->rsp;
	thread->seen_fs_base = regs->fs_base;
}

void hi_host_release(struct hi_host *host, struct hi_thread *thread)
{
	int signal = thread->signal;

	thread->wanted = false;
	if (!thread->held)
		return;
	if (thread->trapped && !thread->group && !signal && !thread->plain)
		hi_again_make(thread);
	thread->trapped = false;
	thread->plain = false;
	thread->held = false;
	thread->signal = 0;
	if (host->leaving) {
		hi_tracee_detach(thread->tid, signal);
		remove_thread(host, thread);
		host->ended = host->threads == NULL;
	} else if (thread->group)
		hi_tracee_listen(thread->tid);
	else if (thread->watched && thread->n_watched++ < HI_HOST_WATCHED_MAX)
		hi_tracee_resume_to_syscall(thread->tid, signal);
	else
		hi_tracee_resume(thread->tid, signal);
}

void hi_host_hold_all(struct hi_host *host)
{
	struct hi_thread *thread, *next;

	HASH_ITER(hh, host->threads, thread, next)
		if (!thread->held)
			(void)!hi_host_ask(host, thread, NULL);
	HASH_ITER(hh, host->threads, thread, next)
		if (thread->wanted)
			(void)!hi_host_await(host, thread, NULL);
}

void hi_host_release_all(struct hi_host *host, const struct hi_thread *keep)
{
	struct hi_thread *thread, *next;

	HASH_ITER(hh, host->threads, thread, next)
		if (thread != keep && thread->held)
			hi_host_release(host, thread);
}
