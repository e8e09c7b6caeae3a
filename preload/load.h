/*
 * load - one dlopen() on a short-lived thread, so that no thread of the host
 * waits for it.
 *
 * The new build's constructors are not run by ld.so (its snapshot names none) but
 * here, with no lock of ld.so held: a constructor that crashes or calls exit()
 * is left behind with a jump, and the host's loader stays usable.
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

/* Where the injector sends a loader thread that crashed in a constructor. */
HI_EXPORT _Noreturn void hotinject_abandon(void);

/* What exit(), _exit(), quick_exit() and abort() are for a constructor. */
HI_EXPORT _Noreturn void hotinject_exit(void);

#endif
