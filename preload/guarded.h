/*
 * guarded - run code of a new build so that it cannot end the host.
 *
 * The snapshot hides constructors and IFUNC resolvers from ld.so; the loader thread
 * calls them here, with no lock of ld.so held. The injector sends a thread that
 * crashed, or does not come back, to hotinject_abandon(); a call of exit() and
 * its like ends in a stand-in. Both leave by a jump: what the code was at stays as
 * it is, the host's loader stays usable.
 *
 * Errors:    HI_LOAD_FAILED; load.ended_by, load.end_signal and load.at_resolver
 *            tell more.
 * Threads:   the loader's only.
 * Source:    gABI ch. 5 (order of constructors); x86-64 psABI ch. 4.4
 *            (IRELATIVE: a function without arguments that returns an address).
 */
#ifndef HI_PRELOAD_GUARDED_H
#define HI_PRELOAD_GUARDED_H

#include <stdbool.h>

#include "preload/shim.h"

/* Put the stand-ins into hotinject_shim. */
void hi_guarded_init(void);

/* Run what GO asks for; the step that the load has come to. */
enum hi_load_step hi_guarded_run(enum hi_load_go go);

/* Whether this thread is in the build's code right now. */
bool hi_guarded_is_here(void);
/* Leave it: stand-in AT was called, with a signal or 0. */
_Noreturn void hi_guarded_leave(unsigned int at, int signal);

/* Where the injector sends a loader thread that has to leave the build's code. */
HI_EXPORT _Noreturn void hotinject_abandon(void);

#endif
