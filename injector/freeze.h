/*
 * freeze - stop the host's threads for an instant and see who is inside the worker.
 *
 * A thread that sleeps in a system call is not interrupted: its stack pointer and
 * program counter are read from outside. Only threads that run are stopped.
 *
 * Units:     addresses are the host's; times CLOCK_MONOTONIC nanoseconds.
 * Ownership: hi_freeze() fills a value; hi_thaw() ends the stop, hi_freeze_done()
 *            the value. Threads belong to the host.
 * Errors:    HI_E_BUSY (a thread that cannot be stopped), HI_E_GONE; on failure
 *            nothing stays stopped.
 * Threads:   one.
 * Source:    proc(5), ptrace(2), sched(7).
 */
#ifndef HI_INJECTOR_FREEZE_H
#define HI_INJECTOR_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "injector/host.h"
#include "injector/look.h"

struct hi_freeze {
	struct hi_look *looks;
	size_t n_looks;
	size_t n_before;     /* looks of the rounds before */
	uint64_t started_ns; /* names this freeze, too */
	uint64_t stopped_ns; /* the first thread was asked to stop */
	uint64_t paused_ns;  /* set by hi_thaw() */
	bool fifo;           /* the tracer runs at SCHED_FIFO meanwhile */
	bool limited;        /* one timer is for all waits */
};

/*
 * The stacks of LOOKER may be a little old; its unwinder has been refreshed. A look
 * that was told by its program counter alone has not been confirmed.
 */
int hi_freeze(struct hi_host *host, const struct hi_looker *looker,
	      struct hi_freeze *ret_freeze, struct hi_err *err) HI_MUST_USE;
/* Let everything go on. The looks tell how it was. */
void hi_thaw(struct hi_host *host, struct hi_freeze *freeze);
void hi_freeze_done(struct hi_freeze *freeze);

/* A thread with a frame in the worker, one that stays if there is no other; or NULL:
   the host is quiescent. */
struct hi_look *hi_freeze_find_inside(const struct hi_freeze *freeze);
/* Whether a thread has a frame in BUILD. */
bool hi_freeze_is_inside(const struct hi_freeze *freeze,
			 const struct hi_build *build);
/* Whether a return address or program counter lies in (START, END). */
const struct hi_look *hi_freeze_find_between(const struct hi_freeze *freeze,
					     uint64_t start, uint64_t end);

#endif
