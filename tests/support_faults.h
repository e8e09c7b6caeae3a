/*
 * support_faults - a host that answers "value" with the number of its worker's build,
 * for what fails in hotinject.
 *
 * "build.1.so" to "build.4.so" are there; "libworker.so" is the first, and is also looked
 * for in the folder "seen".
 *
 * Ownership: faults_make() gives a scene that faults_finish() ends.
 * Errors:    each function fails the running test with a sentence.
 * Threads:   one.
 * Source:    namespaces(7), /proc/sys/user: proc(5).
 */
#ifndef HI_TESTS_SUPPORT_FAULTS_H
#define HI_TESTS_SUPPORT_FAULTS_H

#include "tests/support.h"

struct support *faults_make(const char *name);
/* The programs alone. */
void faults_compile(struct support *scene);
/* The host ends well. */
void faults_finish(struct support *scene);

/* "build.NUMBER.so" becomes WORKER. */
void faults_put(struct support *scene, const char *worker, int number);
void faults_expect_value(struct support *scene, int number);
/* Put it, and it goes live; the one before does not come back. */
void faults_expect_live(struct support *scene, const char *worker, int number);
/* How many times what was said holds TEXT. */
int faults_count_said(struct support *scene, const char *text);

#define FAULTS_NO_INOTIFY "0 >/proc/sys/user/max_inotify_instances"

/* Start hotinject in a user namespace of its own after "echo LIMIT". False when there is
   none to be had: then the skip of the test WHAT has been printed. */
bool faults_limit_inotify(struct support *scene, const char *what,
			  const char *limit);

#endif
