/*
 * hold - functions whose calls return zero at once, until a new build arrives.
 *
 *     hi_hold         its slot leads to the shim's code for that
 *     hi_hold_home    pointers and direct calls reach the slot, too
 *     hi_hold_lift    all lead to their own code again; a build that goes live
 *                     does the same by itself
 *
 * Units:     host addresses.
 * Errors:    HI_E_BUSY (a thread is at the entry), HI_E_HOST, those of remote.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_HOLD_H
#define HI_INJECTOR_HOLD_H

#include "common/err.h"
#include "elfscan/result.h"
#include "injector/loader.h"
#include "injector/look.h"
#include "injector/remote.h"
#include "injector/worker.h"

/* FUNCTION has a slot. The host runs on. */
int hi_hold(struct hi_function *function, const struct hi_host *host,
	    const struct hi_shim_place *place, const struct hi_result *result,
	    struct hi_err *err) HI_MUST_USE;
/* Stops the host's threads for an instant. */
int hi_hold_home(struct hi_worker *worker, struct hi_function *function,
		 struct hi_host *host, const struct hi_looker *looker,
		 struct hi_err *err) HI_MUST_USE;
/* Whether anything but its slot leads to it. */
bool hi_hold_needs_home(const struct hi_function *function);
/* All threads are held. Patch points of functions that are not held stay, unless
   RESTORE. */
void hi_hold_lift(struct hi_worker *worker, const struct hi_host *host,
		  bool restore);

#endif
