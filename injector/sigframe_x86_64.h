/*
 * sigframe - the frame from which rt_sigreturn(2) restores a thread.
 *
 * Source:    the kernel's struct rt_sigframe, struct sigcontext_64 and struct
 *            _fpx_sw_bytes (asm/sigcontext.h, asm/ucontext.h).
 */
#ifndef HI_INJECTOR_SIGFRAME_X86_64_H
#define HI_INJECTOR_SIGFRAME_X86_64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

#include "injector/tracee.h"

struct hi_sigframe {
	size_t len;
	_Alignas(64) unsigned char bytes[1024 + HI_XSTATE_MAX];
};

/*
 * Make the frame for a thread with these registers, to be written below TOP_REMOTE.
 * Returns the address that the stack pointer must have at rt_sigreturn, which
 * is that of the frame's first byte, a multiple of 64. A system call that the stop
 * interrupted is made again.
 */
uint64_t hi_sigframe_make(const struct user_regs_struct *regs,
			  const struct hi_xstate *xstate, uint64_t sigmask,
			  uint64_t top_remote, struct hi_sigframe *ret_frame);

/*
 * The stack pointer that the signal's handler returns to, if word AT of a stack is the
 * one with the segments in a frame, which is preceded by stack pointer, program counter
 * and flags; else 0.
 */
uint64_t hi_sigframe_get_sp(const uint64_t *words, size_t at);

/*
 * Whether the first of N words on a stack may be the program counter at which a signal
 * interrupted the thread: in its frame, flags and segments come next. True when there
 * are too few words to tell.
 */
bool hi_sigframe_may_keep_pc(const uint64_t *words, size_t n);

#endif
