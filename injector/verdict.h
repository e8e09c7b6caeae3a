/*
 * verdict - would the host, compiled against build #1, break with a new build, or
 * what lives on from the current one?
 *
 * Judges what only the worker as a whole knows (functions that shared one body)
 * and asks elfscan for the rest. --on-drift decides what a finding means, unless it
 * is about the bytes of a variable: --state=fresh is for those.
 *
 * Errors:    HI_E_NOMEM; findings are reasons.
 */
#ifndef HI_INJECTOR_VERDICT_H
#define HI_INJECTOR_VERDICT_H

#include "common/err.h"
#include "injector/bind.h"
#include "injector/cli.h"
#include "injector/reasons.h"
#include "injector/report.h"
#include "injector/worker.h"

int hi_verdict(struct hi_worker *worker, struct hi_build *build,
	       const struct hi_used *used, const struct hi_options *options,
	       struct hi_report *report, struct hi_reasons *reasons,
	       struct hi_err *err) HI_MUST_USE;

#endif
