/*
 * look - whether a thread, as it stands or sleeps, is inside the worker.
 *
 * A first look asks whether the program counter or any return address on the live
 * stack lies in the worker's text, or one at which a signal interrupted it; only where
 * that says maybe, the frames are unwound.
 *
 * Units:     addresses are the host's.
 * Ownership: hi_look_done() frees what a look has found.
 * Errors:    those of stacks.
 * Threads:   one.
 * Source:    Intel SDM vol. 2, CALL.
 */
#ifndef HI_INJECTOR_LOOK_H
#define HI_INJECTOR_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "injector/host.h"
#include "injector/stacks.h"
#include "injector/unwind.h"
#include "injector/worker.h"

/* A word of a stack that is an address in the worker's text. */
struct hi_word {
	uint64_t address;
	bool interrupted; /* where a signal came, not where a call returns to */
};

/* An address in the function that the word belongs to: a call may be its last
   instruction. */
uint64_t hi_word_get_pc(const struct hi_word *word);

/* What to look with. */
struct hi_looker {
	const struct hi_host *host;
	const struct hi_worker *worker;
	struct hi_stacks *stacks;
	struct hi_unwinder *unwinder;
	bool brief; /* one thread that is inside is enough to know: the looks at
		       others are then not complete */
};

/* One thread. */
struct hi_look {
	pid_t tid;
	bool held; /* stopped by us; otherwise it sleeps */
	struct hi_start_regs start;
	struct hi_word *words; /* of its live stack */
	size_t n_words;
	bool inside;           /* has a frame in the worker */
	uint64_t inside_pc;    /* of the outermost such frame: the function that
			       the host has called */
	uint64_t inside_frame; /* the same when it is known for sure, or 0 */
	bool stays; /* it has not left since the build of that frame was
			       replaced: it was waited for then, in vain */
};

/* The first look at those of N threads that are HELD, or at those that sleep; their
   registers are known. */
int hi_look_at(const struct hi_looker *looker, struct hi_look *looks, size_t n,
	       bool held, struct hi_err *err) HI_MUST_USE;
/* Unwind: what is not known for sure counts as inside. */
void hi_look_confirm(const struct hi_looker *looker, struct hi_look *look);
/* Whether a thread stays whose outermost frame in the worker is at PC. */
bool hi_look_stays(const struct hi_looker *looker, uint64_t pc);
/* Whether there may be such threads. */
bool hi_look_may_stay(const struct hi_looker *looker);
void hi_look_done(struct hi_look *look);

#endif
