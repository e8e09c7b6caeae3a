/*
 * support_run - a real host under hotinject, and a worker that is rebuilt under
 * it.
 *
 * The folder tests/hosts/NAME holds the worker, "build" (a shell script; its
 * argument is the number of the build) and what the host reads.
 *
 * Each answer of a host is a line of NAME=NUMBER words. "answer" is the build
 * that gave it; "calls" and the like count on in the worker's own variables, one
 * for each answer, whatever build gives it; "twice", from a function that
 * build 3 is the first to have, is twice the number of answers.
 *
 * Ownership: run_prepare() makes the scene that run_end() ends.
 * Errors:    each function fails the running test with a sentence.
 * Threads:   one.
 */
#ifndef HI_TESTS_SUPPORT_RUN_H
#define HI_TESTS_SUPPORT_RUN_H

#include <stdbool.h>

#include "tests/support.h"

#define RUN_MAX_NAMES 4
#define RUN_MAX_WORDS 24

enum { RUN_LAST_BUILD = 3 };

struct host {
	const char *name;                 /* of its folder */
	const char *words[RUN_MAX_WORDS]; /* after "hotinject" */
	bool linked;      /* the worker is there from the start */
	const char *open; /* what to tell it first, or NULL */
	const char *question;
	/* names whose number is the build's, names that count the answers */
	const char *builds[RUN_MAX_NAMES], *counts[RUN_MAX_NAMES];
	const char *changed; /* by each build; NULL: not looked at */
};

struct run {
	const struct host *host;
	struct support *scene;
	long n_answers;
};

/* Copy the host's folder into a new scene, and build the worker. */
void run_prepare(struct run *run, const struct host *host);
/* Start the host and wait until the worker is ready. */
void run_start(struct run *run);
/* The answer to a question. */
const char *run_ask(struct run *run, const char *question);
/* LINE is the next answer and is NUMBER's: its builds, counts and "twice". */
void run_check(struct run *run, const char *line, int number);
/* Ask the host's own question several times; all answers are NUMBER's. */
void run_ask_some(struct run *run, int number);
/* Build NUMBER and wait until it is live; what changed is as expected. */
void run_reload(struct run *run, int number);
/* The host ends of its own will and well. */
void run_end(struct run *run);
/* All of it, once everything is prepared. */
void run_through_all_builds(struct run *run);

#endif
