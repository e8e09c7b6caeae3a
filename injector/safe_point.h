/*
 * safe_point - a thread of the host that can be borrowed for a call.
 *
 * A thread that was stopped at random may hold a lock of ld.so or malloc, or may be
 * inside pthread_create, fork or a signal handler; a call that needs the same would
 * hang or break the host. A thread is safe when none of its frames is in the C
 * library or the loader but for the system call wrapper it sleeps in and the
 * frames that every thread starts with.
 *
 * Errors:    HI_E_BUSY when no thread came to a safe point within the time.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_SAFE_POINT_H
#define HI_INJECTOR_SAFE_POINT_H

#include <stdint.h>

#include "common/err.h"
#include "injector/host.h"
#include "injector/unwind.h"

/* Hold a thread at a safe point; it is released with hi_host_release(). */
int hi_safe_point_hold(struct hi_host *host, struct hi_unwinder *unwinder,
		       uint64_t limit_ns, struct hi_thread **ret_thread,
		       struct hi_err *err) HI_MUST_USE;

/* Hold any thread, for a bare system call. */
int hi_safe_point_hold_any(struct hi_host *host, struct hi_thread **ret_thread,
			   struct hi_err *err) HI_MUST_USE;

#endif
