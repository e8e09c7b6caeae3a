/*
 * support_control - a real host that is asked about from another terminal.
 *
 * The host is that of tests/attached. "worker.1.so" to "worker.3.so" give 1 to 3;
 * "worker.4.so" is refused.
 *
 * Ownership: control_begin() makes the scene that control_end() ends.
 * Errors:    each function fails the running test with a sentence.
 * Threads:   one.
 */
#ifndef HI_TESTS_SUPPORT_CONTROL_H
#define HI_TESTS_SUPPORT_CONTROL_H

#include "tests/support.h"

enum { CONTROL_ATTACHED, CONTROL_LAUNCHED };

/* Host and workers, and nothing runs yet. */
struct support *control_compile(const char *name);
/* The worker is ready; HOW is one of the two above. */
struct support *control_begin(const char *name, int how);
/* The same with a second thread that never rests. */
struct support *control_begin_busy(const char *name, int how);
/* The host and its hotinject end well. */
void control_end(struct support *scene, int how);

/* The host's next answer is VALUE. */
void control_expect(struct support *scene, long value);
void control_put(struct support *scene, const char *name);
/* Put "worker.N.so" in place; it is live as build NUMBER, and the answer is N. */
void control_go_live(struct support *scene, const char *name, long number);
/* Run "hotinject WORDS": it ends with STATUS, and a line of what it says is like the
   whole of PATTERN. */
void control_command(struct support *scene, int status, const char *words,
		     const char *pattern);

#endif
