/*
 * large_result - the place of a result that is too large for registers: the caller has
 * passed its address in rdi, and wants it back in rax.
 *
 * Units:     host addresses, bytes.
 * Errors:    none: 0 when the place is not known.
 * Threads:   one; the thread of the host is held.
 * Source:    psABI ch. 3.2.3.
 */
#ifndef HI_INJECTOR_LARGE_RESULT_H
#define HI_INJECTOR_LARGE_RESULT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

#include "injector/host.h"
#include "injector/unwind.h"

/* REGS are the caller's as after the call. Of a place that is known for sure the SIZE
   bytes are made zero. */
uint64_t hi_large_result_clear(const struct hi_host *host,
			       struct hi_unwinder *unwinder,
			       const struct user_regs_struct *regs,
			       size_t size);

#endif
