/*
 * guard - a thread that crashes in the worker, or will not leave it, is taken out; the
 * host goes on as if its call had returned zero.
 *
 *     fault -> escape -> hold -> zero -> resumed
 *
 * What takes time (who has crashed where, in words) is done by others once the thread
 * runs again.
 *
 * Ownership: a crash holds no memory; what it points to belongs to the worker.
 * Errors:    HI_E_CLOSED: none of ours; others say why the thread cannot be taken out,
 *            which is as it was.
 * Threads:   one; the thread of the host is held.
 */
#ifndef HI_INJECTOR_GUARD_H
#define HI_INJECTOR_GUARD_H

#include "common/err.h"
#include "injector/cli.h"
#include "injector/escape.h"
#include "injector/fault.h"
#include "injector/held_locks.h"
#include "injector/remote.h"
#include "injector/worker.h"

struct hi_guard {
	struct hi_host *host;
	struct hi_unwinder *unwinder;
	const struct hi_shim_place *place;
	struct hi_worker *const *workers;
	size_t n_workers;
	enum hi_guard_mode mode;
};

struct hi_crash {
	pid_t tid;
	struct hi_fault fault;
	struct hi_escape escape;
	struct hi_function *function; /* that the host has called; NULL: none that
					 is known */
	unsigned int to_build;        /* that the host goes back to, 0: none */
	bool held;                    /* its calls return zero from now on */
	size_t times;                 /* for the session: that it has been so */
	struct hi_held_locks locks;   /* that the call has left behind */
	struct hi_err why_not;        /* held, or taken out */
};

/* SIGNAL is about to be delivered to THREAD. */
int hi_guard_catch(const struct hi_guard *guard, struct hi_thread *thread,
		   int signal, struct hi_crash *ret_crash,
		   struct hi_err *err) HI_MUST_USE;
/*
 * THREAD, stopped by us, is taken out where that does no harm: HI_E_BUSY when it is
 * in a function of somebody else that the worker has called, other than to sleep.
 * OLD: only if the host has called a build that is no longer the current one.
 */
int hi_guard_kick(const struct hi_guard *guard, struct hi_thread *thread,
		  bool old, struct hi_crash *ret_crash,
		  struct hi_err *err) HI_MUST_USE;

#endif
