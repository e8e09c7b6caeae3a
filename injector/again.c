#include "injector/again.h"

#include <errno.h>
#include <sys/syscall.h>

#define SYSCALL_LEN 2

/*
 * The calls of signal(7) that end with EINTR after a stop, though no handler ran.
 * A time-out starts anew.
 */
static bool ends_after_stop(long number)
{
	static const long calls[] = {
		SYS_epoll_wait,   SYS_epoll_pwait,   SYS_epoll_pwait2,
		SYS_semop,        SYS_semtimedop,    SYS_rt_sigtimedwait,
		SYS_io_getevents, SYS_io_pgetevents, SYS_recvfrom,
		SYS_recvmsg,      SYS_recvmmsg,      SYS_accept,
		SYS_accept4,      SYS_sendto,        SYS_sendmsg,
		SYS_connect,
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (number == calls[i])
			return true;
	return false;
}

bool hi_again_is_due(const struct user_regs_struct *regs)
{
	return (long)regs->rax == -EINTR &&
	       ends_after_stop((long)regs->orig_rax);
}

void hi_again_make(struct hi_thread *thread)
{
	struct user_regs_struct regs;

	if (hi_tracee_get_regs(thread->tid, &regs, NULL) < 0 ||
	    !hi_again_is_due(&regs))
		return;
	regs.rax = regs.orig_rax;
	regs.rip -= SYSCALL_LEN;
	regs.orig_rax = (unsigned long)-1;
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
	(void)!hi_tracee_set_regs(thread->tid, &regs, NULL);
}
