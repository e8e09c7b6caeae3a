/*
 * freeze - stop the host's threads for an instant and see who is inside the worker.
 *
 * A thread that sleeps in a system call is not interrupted: its stack pointer and
 * program counter are read from outside. Only threads that run are stopped. A
 * first look asks whether the program counter or any return address on the live
 * stack lies in the worker's text; only where that says maybe, the frames are unwound.
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
#include "injector/stacks.h"
#include "injector/unwind.h"
#include "injector/worker.h"

/* One thread, as it stands or sleeps. */
struct hi_look {
	pid_t tid;
	bool held; /* stopped by us; otherwise it sleeps */
	struct hi_start_regs start;
	/* words of its live stack that are addresses in the worker's text */
	uint64_t *words;
	size_t n_words;
	bool inside;        /* has a frame in the worker */
	uint64_t inside_pc; /* of the outermost such frame: the function that
			       the host has called */
};

struct hi_freeze {
	struct hi_look *looks;
	size_t n_looks;
	size_t n_before;     /* looks of the rounds before */
	uint64_t started_ns; /* names this freeze, too */
	uint64_t stopped_ns; /* the first thread was asked to stop */
	uint64_t paused_ns;  /* set by hi_thaw() */
	bool fifo;           /* the tracer runs at SCHED_FIFO meanwhile */
};

/*
 * MAPS tell where the stacks end; they may be a little old. UNWINDER has been
 * refreshed.
 */
int hi_freeze(struct hi_host *host, const struct hi_worker *worker,
	      struct hi_stacks *stacks, struct hi_unwinder *unwinder,
	      struct hi_freeze *ret_freeze, struct hi_err *err) HI_MUST_USE;
/* Unwind a look that was told by its program counter alone. */
void hi_freeze_explain(const struct hi_worker *worker,
		       struct hi_unwinder *unwinder, struct hi_look *look);
/* Let everything go on. The looks tell how it was. */
void hi_thaw(struct hi_host *host, struct hi_freeze *freeze);
void hi_freeze_done(struct hi_freeze *freeze);

/* The first thread with a frame in the worker, or NULL: the host is quiescent. */
struct hi_look *hi_freeze_find_inside(const struct hi_freeze *freeze);
/* Whether a thread has a frame in BUILD. */
bool hi_freeze_is_inside(const struct hi_freeze *freeze,
			 const struct hi_build *build);
/* Whether a return address or program counter lies in (START, END). */
const struct hi_look *hi_freeze_find_between(const struct hi_freeze *freeze,
					     uint64_t start, uint64_t end);

#endif
