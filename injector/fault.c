#include "injector/fault.h"

#include <signal.h>
#include <sys/syscall.h>

#include "injector/signals.h"

/* Of an address below the stack pointer that the next frame would have used. */
#define OVERFLOW_REACH (1UL << 20)
/* So deep a stack is not one frame that was too large. */
#define OVERFLOW_FRAMES 200

static const struct {
	int signal;
	const char *name;
} fatal[] = {
	{ SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" },   { SIGILL, "SIGILL" },
	{ SIGFPE, "SIGFPE" },   { SIGABRT, "SIGABRT" }, { SIGTRAP, "SIGTRAP" },
};

const char *hi_fault_get_name(int signal)
{
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		if (fatal[i].signal == signal)
			return fatal[i].name;
	return NULL;
}

/* Still on its way out of the system call that has sent it. */
static bool sends(const struct user_regs_struct *regs, int signal)
{
	switch ((long)regs->orig_rax) {
	case SYS_tgkill:
	case SYS_rt_tgsigqueueinfo:
		return (int)regs->rdx == signal;
	case SYS_tkill:
	case SYS_kill:
	case SYS_rt_sigqueueinfo:
		return (int)regs->rsi == signal;
	default:
		return false;
	}
}

bool hi_fault_read(const struct hi_thread *thread, pid_t pid, int signal,
		   struct hi_fault *ret_fault)
{
	struct hi_fault fault = { .signal = signal };
	siginfo_t info;

	if (!hi_fault_get_name(signal) ||
	    hi_tracee_get_siginfo(thread->tid, &info, NULL) < 0 ||
	    hi_tracee_get_regs(thread->tid, &fault.regs, NULL) < 0 ||
	    (info.si_code <= 0 && !sends(&fault.regs, signal)) ||
	    hi_signals_are_caught(pid, thread->tid, signal))
		return false;
	/* int3: it has been executed, and what follows may be of another function */
	if (signal == SIGTRAP && info.si_code == SI_KERNEL)
		fault.regs.rip--;
	/* SI_KERNEL: an address that no memory can have, and it is not told */
	fault.has_address = info.si_code > 0 && info.si_code != SI_KERNEL &&
			    (signal == SIGSEGV || signal == SIGBUS);
	if (fault.has_address)
		fault.address_remote = (uint64_t)info.si_addr;
	*ret_fault = fault;
	return true;
}

bool hi_fault_is_overflow(const struct hi_fault *fault, size_t n_frames)
{
	return fault->signal == SIGSEGV && fault->has_address &&
	       n_frames > OVERFLOW_FRAMES &&
	       fault->regs.rsp - fault->address_remote + OVERFLOW_REACH / 2 <
		       OVERFLOW_REACH;
}
