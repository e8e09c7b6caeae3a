/*
 * takeup - whether the host is as a restored worker says, and what is to be mended
 * in it when a publication was cut short.
 *
 *     builds        are mapped where they were
 *     slots         lead to the recorded implementations; to a build that nobody
 *                   has recorded: led back; or to the shim: held, and stay so
 *     patch points  stand, or do not; begun ones, and those of functions that are
 *                   at home in what their slot leads to, become what they were
 *
 * Errors:    HI_E_HOST with what does not fit, in words that go on after "cannot be
 *            taken up again: "; HI_E_CLOSED when the host does not have build #1 any
 *            more. The host is only read.
 * Threads:   one; the host may run.
 * Source:    proc(5), /proc/PID/maps.
 */
#ifndef HI_INJECTOR_TAKEUP_H
#define HI_INJECTOR_TAKEUP_H

#include "common/err.h"
#include "injector/host.h"
#include "injector/maps.h"
#include "injector/plan.h"
#include "injector/worker.h"

/* What stands at the entries is noted in WORKER; what is to be mended, in PLAN, for
   hi_apply() while everything is held; the host is right after each single write. */
int hi_takeup_check(struct hi_worker *worker, const struct hi_host *host,
		    const struct hi_maps *maps, struct hi_plan *plan,
		    struct hi_err *err) HI_MUST_USE;

#endif
