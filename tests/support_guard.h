/*
 * support_guard - the host of tests/guard, whose worker crashes.
 *
 * Ownership: guard_end() ends the scene.
 * Errors:    each function fails the running test with a sentence.
 * Threads:   one.
 */
#ifndef HI_TESTS_SUPPORT_GUARD_H
#define HI_TESTS_SUPPORT_GUARD_H

#include <stdbool.h>

#include "tests/support.h"

enum {
	GUARD_ADDRESS = 1,   /* is told */
	GUARD_NEXT_LINE = 2, /* may be where it stops */
	GUARD_ANY_LINE = 4,
	GUARD_INSIDE = 8, /* of a call into the C library, which goes on */
};

struct guard_fault {
	const char *name; /* the line that crashes ends with it */
	const char *signal;
	const char *function; /* that crashes; NULL: fault_NAME; "": any */
	unsigned int flags;
};

struct guard_toolchain {
	const char *name;
	const char *cc;
	const char *flags;
	const char *names; /* of the faults that are tried */
};

/* Whether all faults are to be tried with all toolchains. */
bool guard_is_full(void);
/* "host", and "build.1.so" to "build.LAST.so". */
void guard_compile(struct support *scene,
		   const struct guard_toolchain *toolchain, unsigned int last);
/* Under hotinject with OPTION, with build 1. */
void guard_start(struct support *scene, const char *option);
/* The same with that of build FILE, which is then build 1. */
void guard_start_at(struct support *scene, const char *option,
		    unsigned int file);
/* Put build NUMBER in place; it goes live. Crashes that were told before are passed
   over if they are not the first at their place. */
void guard_put(struct support *scene, unsigned int number);
/* The same of "build.FILE.so". */
void guard_put_as(struct support *scene, unsigned int file,
		  unsigned int number);
void guard_expect(struct support *scene, const char *question, long result);
/* The next event. ACTION may be NULL: any that keeps the host alive. */
json_t *guard_expect_crash(struct support *scene,
			   const struct guard_fault *fault, unsigned int build,
			   const char *action);
/* The host ends with its own status; another may be started. */
void guard_leave(struct support *scene);
/* The same, and the scene ends. */
void guard_end(struct support *scene);

#endif
