/*
 * escape_parts - for the files of escape; no one else includes it.
 */
#ifndef HI_INJECTOR_ESCAPE_PARTS_H
#define HI_INJECTOR_ESCAPE_PARTS_H

#include "injector/escape.h"

/* Whether the call before the return address BACK was that of a function of the worker,
   which then has no frame: as if it had. */
bool hi_escape_add_jumped(const struct hi_host *host,
			  struct hi_worker *const *workers, size_t n_workers,
			  uint64_t back, struct hi_escape *escape) HI_MUST_USE;
/* REGS of a thread whose next instruction is nowhere: whether a function of the worker
   has sent it there in its own place. */
bool hi_escape_from_nowhere(const struct hi_host *host,
			    struct hi_worker *const *workers, size_t n_workers,
			    const struct user_regs_struct *regs,
			    struct hi_escape *ret_escape) HI_MUST_USE;

#endif
