/*
 * loader - have the host map a new build, step by step (common/shim_abi.h).
 *
 *     start    wake the shim's loader thread if it still lingers; else borrow a
 *              thread to create it, and give that back
 *     await    until dlopen() has mapped and relocated the build
 *     resolve  its IFUNC resolvers run
 *     construct  its constructors run
 *     end      keep the build, or close it again
 *
 * A crash, an endless loop, and an attempt to end the host are caught in resolvers and
 * constructors.
 *
 * Errors:    HI_E_LOAD with the loader's own sentence; HI_E_BUSY when the host came
 *            to no safe point, or a constructor does not return; HI_E_GONE.
 * Threads:   one load at a time.
 */
#ifndef HI_INJECTOR_LOADER_H
#define HI_INJECTOR_LOADER_H

#include "common/err.h"
#include "common/shim_abi.h"
#include "injector/host.h"
#include "injector/remote.h"
#include "injector/unwind.h"
#include "injector/worker.h"

struct hi_loader {
	struct hi_host *host;
	struct hi_unwinder *unwinder;
	const struct hi_shim_place *place;
	struct hi_shim_load load; /* as last read, without path and error */
	pid_t thread;             /* of the shim's loader, 0: not known yet */
	bool requested;           /* a load was asked for, if not begun yet */
	int crash_signal;         /* that a constructor was ended with */
	bool hurried;             /* its thread runs ahead of the host's */
	uint64_t stuck;           /* signals that wait for ever ... */
	pid_t stuck_thread;       /* ... for this thread */
};

/*
 * The shim has served another session. A load of that one which was not ended is kept:
 * it may have been published.
 */
int hi_loader_take_up(struct hi_loader *loader, struct hi_err *err) HI_MUST_USE;

/*
 * A load is near: have the thread that lingers stand ready. Followed by
 * hi_loader_start() or, if nothing comes of it, hi_loader_relax().
 */
void hi_loader_rouse(struct hi_loader *loader);
void hi_loader_relax(struct hi_loader *loader);

/*
 * Start the load of BUILD, whose constructors are silenced; ALONE when no other
 * library's code can run because of it. It goes on by itself;
 * hi_loader_end() may be called at any time from now on.
 */
int hi_loader_start(struct hi_loader *loader, const struct hi_worker *worker,
		    const struct hi_build *build, bool alone,
		    struct hi_err *err) HI_MUST_USE;
int hi_loader_await(struct hi_loader *loader, struct hi_worker *worker,
		    struct hi_build *build, struct hi_err *err) HI_MUST_USE;
/* Loaded: make room in the table for the functions that have no slot yet. */
int hi_loader_reserve(struct hi_loader *loader, struct hi_worker *worker,
		      struct hi_err *err) HI_MUST_USE;
/* How a sentence calls the function whose resolver is at AT of a list. */
typedef const char *hi_resolver_name(const void *context, size_t at);
/* Call each resolver in turn; ADDRESSES hold what they returned afterwards. */
int hi_loader_resolve(struct hi_loader *loader, uint64_t *addresses, size_t n,
		      hi_resolver_name *name, const void *context,
		      struct hi_err *err) HI_MUST_USE;
int hi_loader_construct(struct hi_loader *loader,
			struct hi_err *err) HI_MUST_USE;
/* Waits until the host has begun with the load, so that the word is for it. */
void hi_loader_end(struct hi_loader *loader, bool keep);

/* A signal of the loader thread: true when it was a crash that is dealt with. */
bool hi_loader_on_signal(struct hi_loader *loader, struct hi_thread *thread,
			 int signal);

#endif
