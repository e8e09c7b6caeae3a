/*
 * escape - the way out of the worker: from where a thread stands to the first frame
 * outside, as if the call from there had returned.
 *
 *     abort, raise, ...         of the C library, perhaps none
 *     clamp() update()          of the worker: abandoned, with what is above
 *     main()                    goes on
 *
 * A function whose last instruction is a jump has no frame while what it has jumped to
 * runs; the call of its caller tells that it is there.
 *
 * A handler of the host that has interrupted the worker is the host's own affair: its
 * frames are none to leave.
 *
 * Units:     host addresses.
 * Ownership: values; builds belong to the worker.
 * Errors:    HI_E_CLOSED when the thread is not inside the worker; HI_E_HOST with the
 *            reason when the way out is not known for sure. Nothing is written.
 * Threads:   one; the thread is held.
 * Source:    psABI ch. 3.2.1 (registers that a call preserves), 3.6.2; sigreturn(2).
 */
#ifndef HI_INJECTOR_ESCAPE_H
#define HI_INJECTOR_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

#include "common/err.h"
#include "injector/unwind.h"
#include "injector/worker.h"

/* Frames that are kept, from the innermost on; recursion has many more. */
#define HI_ESCAPE_FRAMES 24

struct hi_escape_frame {
	uint64_t pc;                  /* for callers: inside the call */
	const struct hi_build *build; /* NULL: not of the worker */
};

struct hi_escape {
	const struct hi_worker *worker;
	struct hi_build *build; /* of the outermost frame that is left */
	uint64_t entered_pc;    /* in that: the function that was called */
	struct hi_escape_frame frames[HI_ESCAPE_FRAMES]; /* that are left */
	size_t n_frames; /* all of them: there may be more than are kept */
	size_t n_before; /* that are above the worker's */
	struct hi_escape_frame innermost; /* the worker's own first frame */
	bool has_jumped; /* the last one is not on the stack: it has ended in a
			    jump to what is above */
	bool is_handler; /* the kernel has called it, as a signal's handler */
	struct user_regs_struct regs; /* of the frame that goes on; rip is 0
					 when that is not known */
};

/* WORKERS are those of the host; START holds all registers. */
int hi_escape_find(const struct hi_host *host, struct hi_unwinder *unwinder,
		   struct hi_worker *const *workers, size_t n_workers,
		   pid_t tid, const struct hi_start_regs *start,
		   struct hi_escape *ret_escape,
		   struct hi_err *err) HI_MUST_USE;

#endif
