#include "injector/again.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "injector/clock.h"

#define SYSCALL_LEN 2

/*
 * The flags SF and ZF: no computation leaves both, because zero has no sign. A thread has
 * them while it is in a call that is made again, and so tells it from the next call of
 * the same place; after a system call nobody asks what the flags were before.
 */
#define MARK 0xc0UL

#define SECONDS_MAX (1L << 32)

/* The calls of signal(7) that end with EINTR after a stop, though no handler ran. */
static const struct call {
	long number;
	/* its time-out in milliseconds, or a struct timespec; and how it ends then */
	enum { NONE, MS_IN_R10, AT_RDX, AT_R10, AT_R8 } timeout;
	long result;
} calls[] = {
	{ SYS_epoll_wait, MS_IN_R10, 0 },
	{ SYS_epoll_pwait, MS_IN_R10, 0 },
	{ SYS_epoll_pwait2, AT_R10, 0 },
	{ SYS_semop, NONE, 0 },
	{ SYS_semtimedop, AT_R10, -EAGAIN },
	{ SYS_rt_sigtimedwait, AT_RDX, -EAGAIN },
	{ SYS_io_getevents, AT_R8, 0 },
	{ SYS_io_pgetevents, AT_R8, 0 },
	{ SYS_recvfrom, NONE, 0 },
	{ SYS_recvmsg, NONE, 0 },
	{ SYS_recvmmsg, NONE, 0 },
	{ SYS_accept, NONE, 0 },
	{ SYS_accept4, NONE, 0 },
	{ SYS_sendto, NONE, 0 },
	{ SYS_sendmsg, NONE, 0 },
	{ SYS_connect, NONE, 0 },
};

static const struct call *find_call(const struct user_regs_struct *regs)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].number == (long)regs->orig_rax)
			return &calls[i];
	return NULL;
}

/* False: there is none, or none that would ever pass. */
static bool read_timespec(pid_t tid, uint64_t at_remote, uint64_t *ret_ns)
{
	struct timespec spec;
	struct iovec here = { &spec, sizeof(spec) };
	struct iovec there = { (void *)at_remote, sizeof(spec) };

	if (!at_remote ||
	    process_vm_readv(tid, &here, 1, &there, 1, 0) != sizeof(spec) ||
	    spec.tv_sec < 0 || spec.tv_sec > SECONDS_MAX)
		return false;
	*ret_ns = (uint64_t)spec.tv_sec * HI_NS_PER_S + (uint64_t)spec.tv_nsec;
	return true;
}

static bool read_timeout(pid_t tid, const struct call *call,
			 const struct user_regs_struct *regs, uint64_t *ret_ns)
{
	switch (call->timeout) {
	case MS_IN_R10:
		*ret_ns = (uint64_t)(int)regs->r10 * HI_NS_PER_MS;
		return (int)regs->r10 >= 0;
	case AT_RDX:
		return read_timespec(tid, regs->rdx, ret_ns);
	case AT_R10:
		return read_timespec(tid, regs->r10, ret_ns);
	case AT_R8:
		return read_timespec(tid, regs->r8, ret_ns);
	default:
		return false;
	}
}

bool hi_again_is_due(const struct user_regs_struct *regs)
{
	return (long)regs->rax == -EINTR && find_call(regs);
}

static void restore_flags(const struct hi_thread *thread,
			  struct user_regs_struct *regs)
{
	regs->eflags = (regs->eflags & ~MARK) | thread->again_flags;
}

/* Whether the call's time is over; counted from the first stop that has ended it. */
static bool is_over(struct hi_thread *thread,
		    const struct user_regs_struct *regs)
{
	uint64_t now = hi_clock_ns(), timeout_ns;

	if (!thread->again_since_ns || (regs->eflags & MARK) != MARK) {
		thread->again_since_ns = now;
		thread->again_flags = regs->eflags & MARK;
		return false;
	}
	return read_timeout(thread->tid, find_call(regs), regs, &timeout_ns) &&
	       now - thread->again_since_ns >= timeout_ns;
}

void hi_again_make(struct hi_thread *thread)
{
	struct user_regs_struct regs;

	if (hi_tracee_get_regs(thread->tid, &regs, NULL) < 0 ||
	    !hi_again_is_due(&regs))
		return;
	if (is_over(thread, &regs)) {
		regs.rax = (unsigned long)find_call(&regs)->result;
		regs.orig_rax = (unsigned long)-1;
		restore_flags(thread, &regs);
		(void)!hi_tracee_set_regs(thread->tid, &regs, NULL);
		return;
	}
	regs.rax = regs.orig_rax;
	regs.rip -= SYSCALL_LEN;
	regs.orig_rax = (unsigned long)-1;
	regs.eflags |= MARK;
	if (hi_tracee_set_regs(thread->tid, &regs, NULL) == 0)
		thread->again_rip = regs.rip;
}

void hi_again_take_back(struct hi_thread *thread)
{
	struct user_regs_struct regs;

	if (!thread->again_rip ||
	    hi_tracee_get_regs(thread->tid, &regs, NULL) < 0 ||
	    regs.rip != thread->again_rip)
		return;
	regs.rip += SYSCALL_LEN;
	regs.rax = (unsigned long)-EINTR;
	restore_flags(thread, &regs);
	(void)!hi_tracee_set_regs(thread->tid, &regs, NULL);
}
