#include "injector/tracee.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "injector/clock.h"

/* PTRACE_EVENT_STOP as the kernel defines it; older headers lack it. */
#define EVENT_STOP 128

static int fail(struct hi_err *err, pid_t tid, const char *what)
{
	if (errno == ESRCH)
		return hi_fail(err, HI_E_GONE, "thread %d has ended", tid);
	if (errno == EPERM)
		return hi_fail(err, HI_E_RIGHTS, "%s of thread %d: not allowed",
			       what, tid);
	return hi_fail_sys(err, "%s of thread %d", what, tid);
}

#define OPTIONS                                                             \
	(PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | \
	 PTRACE_O_TRACEFORK)

int hi_tracee_seize(pid_t tid, struct hi_err *err)
{
	if (ptrace(PTRACE_SEIZE, tid, 0, OPTIONS | PTRACE_O_TRACEVFORK) != 0)
		return fail(err, tid, "tracing");
	return 0;
}

void hi_tracee_pass_vforks(pid_t tid)
{
	ptrace(PTRACE_SETOPTIONS, tid, 0, (long)OPTIONS);
}

int hi_tracee_interrupt(pid_t tid, struct hi_err *err)
{
	if (ptrace(PTRACE_INTERRUPT, tid, 0, 0) != 0)
		return fail(err, tid, "the interruption");
	return 0;
}

void hi_tracee_resume(pid_t tid, int signal)
{
	ptrace(PTRACE_CONT, tid, 0, (long)signal);
}

void hi_tracee_resume_to_syscall(pid_t tid, int signal)
{
	ptrace(PTRACE_SYSCALL, tid, 0, (long)signal);
}

void hi_tracee_step(pid_t tid)
{
	ptrace(PTRACE_SINGLESTEP, tid, 0, 0);
}

void hi_tracee_listen(pid_t tid)
{
	ptrace(PTRACE_LISTEN, tid, 0, 0);
}

void hi_tracee_detach(pid_t tid, int signal)
{
	ptrace(PTRACE_DETACH, tid, 0, (long)signal);
}

int hi_tracee_get_regs(pid_t tid, struct user_regs_struct *ret_regs,
		       struct hi_err *err)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, tid, 0, &regs) != 0)
		return fail(err, tid, "reading the registers");
	*ret_regs = regs;
	return 0;
}

int hi_tracee_set_regs(pid_t tid, const struct user_regs_struct *regs,
		       struct hi_err *err)
{
	if (ptrace(PTRACE_SETREGS, tid, 0, regs) != 0)
		return fail(err, tid, "writing the registers");
	return 0;
}

int hi_tracee_get_xstate(pid_t tid, struct hi_xstate *ret_xstate,
			 struct hi_err *err)
{
	struct iovec iov = { ret_xstate->bytes, sizeof(ret_xstate->bytes) };

	if (ptrace(PTRACE_GETREGSET, tid, (long)NT_X86_XSTATE, &iov) != 0)
		return fail(err, tid, "reading the vector registers");
	ret_xstate->len = iov.iov_len;
	return 0;
}

int hi_tracee_set_xstate(pid_t tid, const struct hi_xstate *xstate,
			 struct hi_err *err)
{
	struct iovec iov = { (void *)xstate->bytes, xstate->len };

	if (ptrace(PTRACE_SETREGSET, tid, (long)NT_X86_XSTATE, &iov) != 0)
		return fail(err, tid, "writing the vector registers");
	return 0;
}

int hi_tracee_get_sigmask(pid_t tid, uint64_t *ret_mask, struct hi_err *err)
{
	uint64_t mask;

	if (ptrace(PTRACE_GETSIGMASK, tid, sizeof(mask), &mask) != 0)
		return fail(err, tid, "reading the signal mask");
	*ret_mask = mask;
	return 0;
}

int hi_tracee_set_sigmask(pid_t tid, uint64_t mask, struct hi_err *err)
{
	if (ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask) != 0)
		return fail(err, tid, "writing the signal mask");
	return 0;
}

int hi_tracee_get_siginfo(pid_t tid, siginfo_t *ret_info, struct hi_err *err)
{
	if (ptrace(PTRACE_GETSIGINFO, tid, 0, ret_info) != 0)
		return fail(err, tid, "reading a signal");
	return 0;
}

static int is_stop_signal(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN ||
	       signal == SIGTTOU;
}

/* ptrace(2), "Stopped states": what a wait status of a seized thread means. */
static void classify(struct hi_stop *stop, int status)
{
	int signal = WSTOPSIG(status);
	int event = status >> 16;

	stop->status = status;
	if (!WIFSTOPPED(status)) {
		stop->kind = HI_STOP_ENDED;
		return;
	}
	if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_EXEC) {
		stop->kind = event == PTRACE_EVENT_CLONE ? HI_STOP_CLONE :
							   HI_STOP_EXEC;
		ptrace(PTRACE_GETEVENTMSG, stop->tid, 0, &stop->value);
	} else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) {
		stop->kind = HI_STOP_FORK;
		ptrace(PTRACE_GETEVENTMSG, stop->tid, 0, &stop->value);
	} else if (event == EVENT_STOP) {
		stop->kind = is_stop_signal(signal) ? HI_STOP_GROUP :
						      HI_STOP_TRAP;
		stop->value = (unsigned long)signal;
	} else if (signal == (SIGTRAP | 0x80)) {
		stop->kind = HI_STOP_SYSCALL;
	} else {
		stop->kind = HI_STOP_SIGNAL;
		stop->value = (unsigned long)signal;
	}
}

/* What waitpid(2) has given for TID. */
static struct hi_stop make_stop(pid_t tid, pid_t got, int status)
{
	struct hi_stop stop = { HI_STOP_NONE, tid, 0, 0 };

	if (got > 0) {
		stop.tid = got;
		classify(&stop, status);
	} else if (got < 0 && tid > 0) {
		stop.kind = HI_STOP_ENDED;
	}
	return stop;
}

struct hi_stop hi_tracee_wait(pid_t tid)
{
	int status = 0;
	pid_t got;

	do {
		got = waitpid(tid, &status, __WALL | WNOHANG);
	} while (got < 0 && errno == EINTR);
	return make_stop(tid, got, status);
}

/*
 * A wait for stops alone fails as soon as the thread has ended; waitpid(2) goes on
 * waiting for a leader that has, as long as the process has other threads: those may
 * have ended as well and wait for us. si_status is what a status of waitpid(2) has
 * above its lowest byte.
 */
struct hi_stop hi_tracee_await_or_signal(pid_t tid)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)tid, &info, WSTOPPED | __WALL) == 0)
		return make_stop(tid, tid, W_STOPCODE(info.si_status));
	return make_stop(tid, errno == EINTR ? 0 : -1, 0);
}

struct hi_stop hi_tracee_await(pid_t tid)
{
	struct hi_stop stop;

	do {
		stop = hi_tracee_await_or_signal(tid);
	} while (stop.kind == HI_STOP_NONE);
	return stop;
}

void hi_tracee_await_news(uint64_t limit_ns)
{
	struct timespec limit = { (time_t)(limit_ns / HI_NS_PER_S),
				  (long)(limit_ns % HI_NS_PER_S) };
	sigset_t news;

	sigemptyset(&news);
	sigaddset(&news, SIGCHLD);
	sigtimedwait(&news, NULL, &limit);
}
