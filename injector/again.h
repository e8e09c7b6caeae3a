/*
 * again - system calls that our interrupt alone has ended, and that the thread makes
 * again, so that the host does not see it.
 *
 * The kernel does so by itself for most calls; of those of signal(7) that end with
 * EINTR after any stop, the arguments are as they were: the call is made anew. A
 * time-out starts anew, too; but when it has passed since the call was ended first, the
 * call ends as it does then. So stops that come again and again do not put it off for
 * ever. Time-outs of sockets (SO_RCVTIMEO) and of recvmmsg(2) are left alone.
 *
 * Errors:    none: what cannot be done, the host sees as after any debugger.
 * Source:    clock_gettime(2), CLOCK_MONOTONIC; signal(7), "Interruption of system
 *            calls and library functions by stop
 *            signals"; x86-64 psABI A.2.1.
 */
#ifndef HI_INJECTOR_AGAIN_H
#define HI_INJECTOR_AGAIN_H

#include <sys/user.h>

#include "injector/host.h"

/* Whether a held thread with these registers has a call to make again. */
bool hi_again_is_due(const struct user_regs_struct *regs);
/* Have it made when the thread is let go. */
void hi_again_make(struct hi_thread *thread);
/*
 * A signal of the host came together with our interrupt: its handler must find
 * the call ended with EINTR, as without us.
 */
void hi_again_take_back(struct hi_thread *thread);

#endif
