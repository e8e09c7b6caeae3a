/*
 * support_again - the host of tests/again, which counts its worker's calls and compares
 * its pointers, and which hotinject leaves and takes up again.
 *
 * Ownership: again_compile() gives a scene that again_end() ends.
 * Errors:    each function fails the running test with a sentence.
 * Threads:   one.
 */
#ifndef HI_TESTS_SUPPORT_AGAIN_H
#define HI_TESTS_SUPPORT_AGAIN_H

#include "tests/support.h"

#define AGAIN_WORKER "libworker.so"

/* "host", and "worker.1.so" to "worker.N_BUILDS.so", in LANGUAGE: "c" or "cc". */
struct support *again_compile(const char *name, int n_builds,
			      const char *language);
/* Put "worker.FILE.so" in place. */
void again_put(struct support *scene, int file);
/* BUILD runs; counts, pointers and results are right. */
void again_expect(struct support *scene, long build, long *count);
/* The host is taken up at BUILD. */
void again_attach(struct support *scene, long build);
/* The hotinject that is attached is killed. */
void again_kill_tool(struct support *scene);
/* The host ends well. */
void again_end(struct support *scene);

#endif
