/*
 * tracee - the only file that calls ptrace(2), one thread of the host at a time.
 *
 * Units:     registers are the kernel's struct user_regs_struct; in it the host's
 *            addresses are integers.
 * Errors:    HI_E_GONE when the thread has ended meanwhile (it may at any time),
 *            HI_E_RIGHTS with the reason, HI_E_SYS otherwise.
 * Threads:   all calls from the one thread that seized (ptrace(2)).
 */
#ifndef HI_INJECTOR_TRACEE_H
#define HI_INJECTOR_TRACEE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "common/err.h"

/* Large enough for AVX-512 and AMX state; the kernel says how much it is. */
#define HI_XSTATE_MAX 16384

struct hi_xstate {
	size_t len;
	_Alignas(64) unsigned char bytes[HI_XSTATE_MAX];
};

enum hi_stop_kind {
	HI_STOP_NONE,  /* nothing to report now */
	HI_STOP_ENDED, /* the thread (or the process, for the leader) is gone */
	HI_STOP_TRAP,  /* our interrupt, or a new thread's first stop */
	HI_STOP_GROUP, /* stopped by job control; value: the signal */
	HI_STOP_SIGNAL,  /* about to get a signal; value: the signal */
	HI_STOP_CLONE,   /* made a thread; value: its id */
	HI_STOP_FORK,    /* made a process; value: its id */
	HI_STOP_EXEC,    /* a new program; value: the thread that called exec */
	HI_STOP_SYSCALL, /* entry or exit of a system call */
};

struct hi_stop {
	enum hi_stop_kind kind;
	pid_t tid;
	unsigned long value;
	int status; /* of waitpid(2), for HI_STOP_ENDED */
};

/* Also traced from their first instruction on: its threads, and the processes that it
   forks. */
int hi_tracee_seize(pid_t tid, struct hi_err *err) HI_MUST_USE;
/* What the stopped thread vforks is not traced any more. */
void hi_tracee_pass_vforks(pid_t tid);
int hi_tracee_interrupt(pid_t tid, struct hi_err *err) HI_MUST_USE;
/* Resume, delivering SIGNAL (0: none). A thread that is gone is no error. */
void hi_tracee_resume(pid_t tid, int signal);
/* Resume up to the next entry or exit of a system call. */
void hi_tracee_resume_to_syscall(pid_t tid, int signal);
/* One instruction. */
void hi_tracee_step(pid_t tid);
/* Leave in its job-control stop, and hear of its end. */
void hi_tracee_listen(pid_t tid);
void hi_tracee_detach(pid_t tid, int signal);

int hi_tracee_get_regs(pid_t tid, struct user_regs_struct *ret_regs,
		       struct hi_err *err) HI_MUST_USE;
int hi_tracee_set_regs(pid_t tid, const struct user_regs_struct *regs,
		       struct hi_err *err) HI_MUST_USE;
int hi_tracee_get_xstate(pid_t tid, struct hi_xstate *ret_xstate,
			 struct hi_err *err) HI_MUST_USE;
int hi_tracee_set_xstate(pid_t tid, const struct hi_xstate *xstate,
			 struct hi_err *err) HI_MUST_USE;
/* The signal mask of the kernel: one bit a signal. */
int hi_tracee_get_sigmask(pid_t tid, uint64_t *ret_mask,
			  struct hi_err *err) HI_MUST_USE;
int hi_tracee_set_sigmask(pid_t tid, uint64_t mask,
			  struct hi_err *err) HI_MUST_USE;
int hi_tracee_get_siginfo(pid_t tid, siginfo_t *ret_info,
			  struct hi_err *err) HI_MUST_USE;

/* Take the next report of any thread (TID -1) or of one; HI_STOP_NONE: there is none. */
struct hi_stop hi_tracee_wait(pid_t tid);
/*
 * Wait until a thread stops, and take that. HI_STOP_ENDED says that it will not, and is
 * not taken: of the end of a process' first thread nobody hears before the others
 * have been waited for.
 */
struct hi_stop hi_tracee_await(pid_t tid);
/* The same until a signal interrupts it: HI_STOP_NONE (see limit). */
struct hi_stop hi_tracee_await_or_signal(pid_t tid);
/*
 * Sleep until SIGCHLD is pending, and take it, or for LIMIT_NS. The caller has it
 * blocked and looks for reports before and after.
 */
void hi_tracee_await_news(uint64_t limit_ns);

#endif
