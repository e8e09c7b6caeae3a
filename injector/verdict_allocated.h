/*
 * verdict_allocated - structs of C that are known inside the worker alone.
 *
 * What is behind a void pointer, or cast to what somebody else knows of it, no
 * exported function and no variable leads to. But a struct that no variable, parameter
 * or other struct holds by value can only be allocated, so that objects of it may
 * outlive a build: when its layout has changed, a new function gets the old objects.
 *
 * Errors:    none: what is not known fits. What does not goes to the reasons.
 * Threads:   one.
 * Source:    DWARF 5 ch. 5.7.
 */
#ifndef HI_INJECTOR_VERDICT_ALLOCATED_H
#define HI_INJECTOR_VERDICT_ALLOCATED_H

#include "injector/reasons.h"
#include "injector/worker.h"

/* What is told of layouts already is not told again. */
void hi_verdict_allocated(const struct hi_worker *worker,
			  const struct hi_build *build,
			  struct hi_reasons *reasons);

#endif
