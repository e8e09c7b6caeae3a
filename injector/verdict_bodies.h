/*
 * verdict_bodies - functions that share one body of code.
 *
 * Aliases, and functions that the linker has folded, have one entry, which can lead
 * to one implementation only.
 *
 * Errors:    HI_E_NOMEM; what no longer fits goes to the reasons.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_VERDICT_BODIES_H
#define HI_INJECTOR_VERDICT_BODIES_H

#include "injector/reasons.h"
#include "injector/worker.h"

/* Of BUILD, which is matched. */
int hi_verdict_bodies(const struct hi_worker *worker,
		      const struct hi_build *build, struct hi_reasons *reasons,
		      struct hi_err *err) HI_MUST_USE;

#endif
