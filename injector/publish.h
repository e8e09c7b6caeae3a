/*
 * publish - the writes that make a build live: one aligned 8-byte store per slot,
 * and patch points where pointers or direct calls still reach an older build.
 *
 * A patch point is `jmp rel32` to the function's trampoline, over the entry in its
 * home build; it is made once, at the first reload that replaces it. An older build that
 * may have handed out its own addresses (a thread is inside it, or its
 * constructors ran) gets patch points at all its entries.
 *
 * The five bytes are written by one system call, so that each entry is the old or the
 * new one whenever the injector is killed. A thread that sleeps is not stopped for it:
 * it would have to wake and come to the entry within the nanosecond that the kernel's
 * copy takes.
 *
 * Errors:    HI_E_BUSY with the thread and function when a return address lies in
 *            bytes that would change; those of apply, with nothing written.
 * Source:    Intel SDM vol. 3 ch. 9.1.3 (cross-modifying code).
 */
#ifndef HI_INJECTOR_PUBLISH_H
#define HI_INJECTOR_PUBLISH_H

#include <stdbool.h>

#include "common/err.h"
#include "injector/freeze.h"
#include "injector/host.h"
#include "injector/plan.h"
#include "injector/worker.h"

struct hi_patch {
	struct hi_function *function;
	struct hi_build *build; /* whose entry it is */
	size_t index;           /* of the function there */
	uint64_t entry_remote;
	uint8_t jump_at;
	uint8_t before[HI_WRITE_MAX]; /* the bytes from the entry on */
	uint8_t after[HI_JUMP_LEN];   /* what is to be at jump_at */
	bool undo;    /* of an earlier one: the old code is to run again */
	bool skipped; /* the bytes are not what the file says, or in use, or
			 old code relies on them (see reliance) */
};

struct hi_publish {
	struct hi_patch *patches;
	size_t n_patches;
	struct hi_plan plan;
	size_t n_skipped;
};

/* Add the patch point of BUILD's function INDEX; -1 without memory. */
int hi_publish_add(struct hi_publish *publish, struct hi_function *function,
		   struct hi_build *build, size_t index) HI_MUST_USE;

/*
 * Collect the patch points for the build that the worker's next_symbols name;
 * INSIDE (may be NULL) tells which builds need all of theirs. The host runs on.
 */
int hi_publish_prepare(struct hi_worker *worker, const struct hi_host *host,
		       struct hi_build *next, const struct hi_freeze *inside,
		       struct hi_publish *ret_publish,
		       struct hi_err *err) HI_MUST_USE;

/* The same of the entry of FUNCTION alone, in its home, and of no slot. */
int hi_publish_prepare_home(struct hi_function *function,
			    const struct hi_host *host,
			    struct hi_publish *ret_publish,
			    struct hi_err *err) HI_MUST_USE;

/* Write everything; the host is frozen. FORCE leaves out entries in use. NEXT is NULL
   when no slot changes. */
int hi_publish_commit(struct hi_publish *publish, struct hi_worker *worker,
		      struct hi_host *host, const struct hi_build *next,
		      struct hi_freeze *freeze, bool force,
		      struct hi_err *err) HI_MUST_USE;
void hi_publish_done(struct hi_publish *publish);

#endif
