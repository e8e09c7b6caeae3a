/*
 * load - one dlopen() on a short-lived thread, so that no thread of the host
 * waits for it.
 *
 * The new build's constructors and IFUNC resolvers are not run by ld.so (its snapshot
 * names none) but after it, see guarded.h.
 *
 * Errors:    load.error holds the sentence, load.step HI_LOAD_FAILED.
 * Threads:   one load at a time; the steps are in common/shim_abi.h.
 * Source:    dlopen(3), dlinfo(3), pthread_create(3).
 */
#ifndef HI_PRELOAD_LOAD_H
#define HI_PRELOAD_LOAD_H

#include "preload/shim.h"

/* Start the loader thread for hotinject_shim.load; 0 or an errno. Called by
   the injector on a thread of the host, all signals blocked; does not wait. */
HI_EXPORT int hotinject_spawn(void);

#endif
