/*
 * priority - run ahead of the host's threads for a moment, where that is allowed.
 *
 * While threads of the host wait for the tracer, the tracer must not wait for them:
 * with more running threads than processors it would queue behind those that it
 * has already let go. The same goes for the loader's thread, for which it waits.
 *
 * Source:    sched(7), SCHED_FIFO.
 */
#ifndef HI_INJECTOR_PRIORITY_H
#define HI_INJECTOR_PRIORITY_H

#include <stdbool.h>
#include <sys/types.h>

#define HI_PRIORITY_SELF 0

/* True when the thread's priority was raised by this call; then lower it again. */
bool hi_priority_raise(pid_t tid);
void hi_priority_lower(pid_t tid);

#endif
