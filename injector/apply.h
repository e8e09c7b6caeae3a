/*
 * apply - carry a plan out, or take it back.
 *
 * Errors:    when a write fails, those before it are taken back in reverse order
 *            and the failure is returned: the memory is as it was. Should the
 *            taking back fail as well, the sentence says so.
 */
#ifndef HI_INJECTOR_APPLY_H
#define HI_INJECTOR_APPLY_H

#include "common/err.h"
#include "injector/host.h"
#include "injector/plan.h"

int hi_apply(const struct hi_host *host, const struct hi_plan *plan,
	     struct hi_err *err) HI_MUST_USE;
/* Take back the whole plan, which has been carried out. */
int hi_apply_undo(const struct hi_host *host, const struct hi_plan *plan,
		  struct hi_err *err) HI_MUST_USE;

#endif
