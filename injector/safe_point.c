#include "injector/safe_point.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "common/own.h"
#include "injector/clock.h"
#include "injector/sandbox.h"

#define NAP_US      300
#define HOLD_ANY_NS HI_NS_PER_S

/*
 * System calls in which the C library waits without holding a lock that
 * pthread_create(3) needs (malloc's, the loader's, the stack cache's).
 */
static bool is_wait_call(long number)
{
	static const long calls[] = {
		SYS_read,
		SYS_write,
		SYS_readv,
		SYS_writev,
		SYS_pread64,
		SYS_pwrite64,
		SYS_poll,
		SYS_ppoll,
		SYS_select,
		SYS_pselect6,
		SYS_pause,
		SYS_rt_sigsuspend,
		SYS_epoll_wait,
		SYS_epoll_pwait,
		SYS_epoll_pwait2,
		SYS_nanosleep,
		SYS_clock_nanosleep,
		SYS_recvfrom,
		SYS_recvmsg,
		SYS_recvmmsg,
		SYS_sendto,
		SYS_sendmsg,
		SYS_accept,
		SYS_accept4,
		SYS_connect,
		SYS_wait4,
		SYS_waitid,
		SYS_rt_sigtimedwait,
		SYS_semop,
		SYS_semtimedop,
		SYS_msgrcv,
		SYS_msgsnd,
		SYS_ioctl,
		SYS_fcntl,
		SYS_flock,
		SYS_io_getevents,
		SYS_sched_yield,
		SYS_restart_syscall,
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (number == calls[i])
			return true;
	return false;
}

/* Exported functions that wait on a futex for another thread of the program. */
static bool is_futex_wait(const char *name)
{
	static const char *const waits[] = {
		"pthread_cond_wait",
		"pthread_cond_timedwait",
		"pthread_cond_clockwait",
		"sem_wait",
		"sem_timedwait",
		"sem_clockwait",
		"pthread_barrier_wait",
		"pthread_join",
		"pthread_timedjoin_np",
		"pthread_clockjoin_np",
		"pthread_mutex_lock",
		"pthread_mutex_timedlock",
		"pthread_rwlock_rdlock",
		"pthread_rwlock_wrlock",
		"syscall",
		"cnd_wait",
		"cnd_timedwait",
		"mtx_lock",
		"thrd_join",
	};

	while (name && *name == '_')
		name++;
	for (size_t i = 0; name && i < sizeof(waits) / sizeof(waits[0]); i++)
		if (strcmp(name, waits[i]) == 0)
			return true;
	return false;
}

/*
 * pthread_join(3) leaves no frame of its own where it waits for the kernel to clear
 * the thread's id (CLONE_CHILD_CLEARTID); locks are waited for in another way.
 */
static bool is_join(const struct hi_host *host,
		    const struct user_regs_struct *regs)
{
	return regs->rsi == (FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME) &&
	       regs->rdx && hi_host_owns(host, (pid_t)regs->rdx);
}

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* Files whose code may hold a lock that the call needs: the C library, the
   loader, the shim, and allocators that programs bring along. */
static bool is_locking_library(const char *module)
{
	return starts_with(module, "libc.so.6") ||
	       starts_with(module, "libc-2") ||
	       starts_with(module, "ld-linux") || starts_with(module, "ld-2") ||
	       starts_with(module, "libpthread") ||
	       starts_with(module, "libdl") ||
	       starts_with(module, "libhotinject.so") ||
	       starts_with(module, "libjemalloc") ||
	       starts_with(module, "libtcmalloc") ||
	       starts_with(module, "libmimalloc");
}

static bool is_loader(const char *module)
{
	return starts_with(module, "ld-") || starts_with(module, "libhotinj");
}

/* How many of the youngest frames are in a locking library. */
static size_t count_leaves(struct hi_unwinder *unwinder,
			   const struct hi_frames *frames)
{
	size_t n = 0;

	while (n < frames->n && is_locking_library(hi_unwinder_get_module(
					unwinder, frames->frames[n].pc)))
		n++;
	return n;
}

/*
 * How many of the oldest frames are the thread's start: start_thread and clone of
 * the C library, or __libc_start_main and, as the very last, the program's
 * _start.
 */
static size_t count_roots(struct hi_unwinder *unwinder,
			  const struct hi_frames *frames)
{
	size_t n = 1;

	while (n < frames->n &&
	       is_locking_library(hi_unwinder_get_module(
		       unwinder, frames->frames[frames->n - 1 - n].pc)))
		n++;
	return n;
}

static bool are_leaves_safe(struct hi_unwinder *unwinder,
			    const struct hi_host *host,
			    const struct hi_frames *frames, size_t n_leaves,
			    const struct user_regs_struct *regs)
{
	long number = (long)regs->orig_rax;

	for (size_t i = 0; i < n_leaves; i++)
		if (is_loader(hi_unwinder_get_module(unwinder,
						     frames->frames[i].pc)))
			return false;
	if (n_leaves == 0 || is_wait_call(number))
		return true;
	return number == SYS_futex &&
	       (is_join(host, regs) ||
		is_futex_wait(hi_unwinder_get_function(
			unwinder, frames->frames[n_leaves - 1].pc)));
}

/* The thread is held: may it be borrowed? */
static bool is_safe(const struct hi_host *host, struct hi_unwinder *unwinder,
		    struct hi_thread *thread)
{
	struct hi_frames *HI_FREE frames = malloc(sizeof(*frames));
	struct hi_start_regs start = { .all = true };
	size_t n_leaves, n_roots;

	if (!frames || hi_tracee_get_regs(thread->tid, &start.regs, NULL) < 0)
		return false;
	hi_unwind(unwinder, thread->tid, &start, frames);
	if (frames->n < 2 || (!frames->whole && frames->n < HI_FRAMES_MAX))
		return false;
	n_leaves = count_leaves(unwinder, frames);
	n_roots = count_roots(unwinder, frames);
	if (!are_leaves_safe(unwinder, host, frames, n_leaves, &start.regs))
		return false;
	for (size_t i = n_leaves; i + n_roots < frames->n; i++) {
		const char *module =
			hi_unwinder_get_module(unwinder, frames->frames[i].pc);

		if (module[0] == '\0' || is_locking_library(module))
			return false;
	}
	return true;
}

/*
 * Try one thread. Those that are in a group stop or already held for something else
 * are left alone.
 */
static bool try_thread(struct hi_host *host, struct hi_unwinder *unwinder,
		       struct hi_thread *thread)
{
	pid_t tid = thread->tid;

	if (thread->held || thread->group || thread->mine ||
	    hi_sandbox_has(host->pid, tid) ||
	    hi_host_hold(host, thread, NULL) < 0)
		return false;
	if (thread->trapped && !thread->signal &&
	    is_safe(host, unwinder, thread))
		return true;
	thread = hi_host_find_thread(host, tid);
	if (thread)
		hi_host_release(host, thread);
	return false;
}

/*
 * Running threads first: they are not in a system call that would have to be made again.
 * A thread may end while others are tried, so each round collects ids.
 */
static struct hi_thread *try_round(struct hi_host *host,
				   struct hi_unwinder *unwinder)
{
	size_t n = HASH_COUNT(host->threads), at = 0;
	pid_t *HI_FREE running = calloc(n + 1, sizeof(*running));
	pid_t *HI_FREE asleep = calloc(n + 1, sizeof(*asleep));
	size_t n_running = 0, n_asleep = 0;
	struct hi_thread *thread, *next;

	if (!running || !asleep)
		return NULL;
	HASH_ITER(hh, host->threads, thread, next) {
		uint64_t argument, sp, pc;
		long number;

		if (hi_host_find_sleep(host, thread, &number, &argument, &sp,
				       &pc))
			asleep[n_asleep++] = thread->tid;
		else
			running[n_running++] = thread->tid;
	}
	for (at = 0; at < n_running + n_asleep; at++) {
		pid_t tid = at < n_running ? running[at] :
					     asleep[at - n_running];

		thread = hi_host_find_thread(host, tid);
		if (thread && try_thread(host, unwinder, thread))
			return thread;
	}
	return NULL;
}

/* Job control has stopped it: every thread, for as long as it likes. */
static int fail_stopped(const struct hi_host *host, struct hi_err *err)
{
	hi_fail(err, HI_E_BUSY, "%s (%d) is stopped", host->name, host->pid);
	hi_err_hint(err, "have it go on first: kill -CONT %d", host->pid);
	return HI_E_BUSY;
}

static bool is_stopped(const struct hi_host *host)
{
	struct hi_thread *thread, *next;

	HASH_ITER(hh, host->threads, thread, next)
		if (!thread->group && !thread->mine)
			return false;
	return host->threads != NULL;
}

/* Every thread is under a filter of its own. */
static bool is_locked_in(struct hi_host *host)
{
	struct hi_thread *thread, *next;

	HASH_ITER(hh, host->threads, thread, next)
		if (!thread->mine && !hi_sandbox_has(host->pid, thread->tid))
			return false;
	return host->threads != NULL;
}

int hi_safe_point_hold(struct hi_host *host, struct hi_unwinder *unwinder,
		       uint64_t limit_ns, struct hi_thread **ret_thread,
		       struct hi_err *err)
{
	uint64_t start = hi_clock_ns();

	hi_unwinder_refresh(unwinder);
	while (!host->ended) {
		struct hi_thread *thread = try_round(host, unwinder);

		if (thread) {
			*ret_thread = thread;
			return 0;
		}
		if (is_locked_in(host))
			return hi_sandbox_fail(host->pid, host->name, err);
		if (hi_clock_ns() - start > limit_ns && is_stopped(host))
			return fail_stopped(host, err);
		if (hi_clock_ns() - start > limit_ns)
			return hi_fail(err, HI_E_BUSY,
				       "no thread of %s came to a point where "
				       "it can be borrowed for the load",
				       host->name);
		hi_host_pump(host);
		hi_clock_nap_us(NAP_US);
		/* the host may have mapped a library meanwhile */
		if (hi_clock_ns() - start > 20 * HI_NS_PER_MS)
			hi_unwinder_stale(unwinder);
	}
	return hi_fail(err, HI_E_GONE, "%s has ended", host->name);
}

/* The thread at a place in the table, which changes as threads come and go. */
static struct hi_thread *get_thread(const struct hi_host *host, size_t at)
{
	struct hi_thread *thread = host->threads;

	for (at %= HASH_COUNT(thread) + !thread; at > 0 && thread; at--)
		thread = thread->hh.next;
	return thread;
}

/* Not in the middle of a system call, as at an event of its own. */
static bool hold_between_calls(struct hi_host *host, struct hi_thread *thread)
{
	pid_t tid = thread->tid;

	if (thread->group || thread->held || hi_sandbox_has(host->pid, tid) ||
	    hi_host_hold(host, thread, NULL) < 0)
		return false;
	if (thread->trapped && !thread->signal)
		return true;
	thread = hi_host_find_thread(host, tid);
	if (thread)
		hi_host_release(host, thread);
	return false;
}

int hi_safe_point_hold_any(struct hi_host *host, struct hi_thread **ret_thread,
			   struct hi_err *err)
{
	uint64_t start = hi_clock_ns();
	size_t at = 0;

	do {
		struct hi_thread *thread = get_thread(host, at++);

		if (thread && hold_between_calls(host, thread)) {
			*ret_thread = thread;
			return 0;
		}
		hi_host_pump(host);
	} while (!host->ended && hi_clock_ns() - start < HOLD_ANY_NS);
	if (is_locked_in(host))
		return hi_sandbox_fail(host->pid, host->name, err);
	return hi_fail(err, HI_E_BUSY, "no thread of %s can be stopped",
		       host->name);
}
