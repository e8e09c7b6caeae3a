/*
 * err - what went wrong, as a code for programs and a sentence for people.
 *
 * Ownership: struct hi_err is a plain value; whoever declares it owns it.
 * Errors:    functions that can fail return 0 or a count on success and a
 *            negative enum hi_code on failure, and fill their last argument.
 *            The layer that knows the subject writes the sentence: lower
 *            case, no full stop, what failed first, then the cause.
 * Threads:   no shared state.
 */
#ifndef HI_COMMON_ERR_H
#define HI_COMMON_ERR_H

#include <stddef.h>

/* name, short description (used where no sentence was written) */
#define HI_CODES(X)                                                        \
	X(SYS, "a system call failed")                                     \
	X(NOMEM, "out of memory")                                          \
	X(BADELF, "the file is not a loadable ELF library")                \
	X(CUT, "the file is not complete")                                 \
	X(FOREIGN, "the file is for another machine or system")            \
	X(LOAD, "the host's loader refused the file")                      \
	X(RELINK, "the new build could not be joined to the living state") \
	X(REFUSED, "the build would break the host")                       \
	X(BUSY, "the host is not at a point where this can be done")       \
	X(GONE, "the host has ended")                                      \
	X(CLOSED, "the host has closed the worker")                        \
	X(RIGHTS, "a right is missing")                                    \
	X(HOST, "the host cannot be worked with")                          \
	X(USAGE, "the command line is wrong")                              \
	X(INTERNAL, "hotinject is at fault")

enum hi_code {
	HI_OK = 0,
	HI_CODE_FIRST_ = -1000,
#define X(name, text) HI_E_##name,
	HI_CODES(X)
#undef X
};

struct hi_err {
	int code;           /* enum hi_code; HI_OK when nothing failed */
	int sys_errno;      /* errno for HI_E_SYS, otherwise 0 */
	char sentence[480]; /* what failed and why */
	char hint[240];     /* what the user can do, or "" */
};

#define HI_MUST_USE __attribute__((warn_unused_result))
#define HI_PRINTF(format_at, args_at) \
	__attribute__((format(printf, format_at, args_at)))

/* Fill ERR (may be NULL) and return CODE, so that callers can return it. */
int hi_fail(struct hi_err *err, int code, const char *format, ...)
	HI_PRINTF(3, 4);

/* As hi_fail() with HI_E_SYS; ": " and the text of the current errno are added. */
int hi_fail_sys(struct hi_err *err, const char *format, ...) HI_PRINTF(2, 3);

/* Add the hint to a failure that is already described. */
void hi_err_hint(struct hi_err *err, const char *format, ...) HI_PRINTF(2, 3);

/* Put more context before the sentence: "loading x: " + sentence. */
void hi_err_prefix(struct hi_err *err, const char *format, ...) HI_PRINTF(2, 3);

/* The short description of CODE; never NULL. */
const char *hi_code_text(int code);

#endif
