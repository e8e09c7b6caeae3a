/*
 * zero_x86_64 - a thread as it is when a call has just returned zero.
 *
 * The registers that a call preserves are those of the caller's frame; results are
 * zero; the x87 stack is empty but for a result in it, the direction flag clear. What
 * a call must leave alone stays as it is: the control words of x87 and SSE, the
 * signal mask.
 *
 * Errors:    HI_E_GONE, HI_E_SYS.
 * Threads:   one; the thread is held.
 * Source:    psABI ch. 3.2.1, 3.2.3; Intel SDM vol. 1 ch. 13.4 (XSAVE area).
 */
#ifndef HI_INJECTOR_ZERO_X86_64_H
#define HI_INJECTOR_ZERO_X86_64_H

#include <sys/user.h>

#include "common/err.h"
#include "injector/host.h"

/* N_X87 results are on the x87 stack. REGS has the caller's; rax is its result. */
int hi_zero_return(const struct hi_thread *thread,
		   const struct user_regs_struct *regs, unsigned int n_x87,
		   struct hi_err *err) HI_MUST_USE;

#endif
