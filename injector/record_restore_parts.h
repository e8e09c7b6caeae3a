/*
 * record_restore_parts - a worker that is being restored, for the files that do it;
 * nobody else includes it.
 *
 * record_restore.c  what the builds' symbols are
 * record_builds.c   the builds themselves
 */
#ifndef HI_INJECTOR_RECORD_RESTORE_PARTS_H
#define HI_INJECTOR_RECORD_RESTORE_PARTS_H

#include <jansson.h>

#include "common/err.h"
#include "injector/worker.h"

struct hi_restore {
	struct hi_worker *worker;
	json_t **lines; /* of this worker, borrowed; as many as builds */
	struct hi_build **builds;
	bool *taken; /* that the worker owns */
	size_t n;
	const json_t *last; /* the newest line */
	/* the line that is looked at, and its build */
	const json_t *line;
	struct hi_build *build;
	size_t n_functions, n_variables; /* of the build */
};

int hi_restore_fail_damaged(struct hi_err *err);

/* What a line has under KEY: a number, one of a list, four or five of a list; 0 for
   none. */
uint64_t hi_restore_get_number(const json_t *line, const char *key);
uint64_t hi_restore_get_word(const json_t *line, const char *key, size_t at);
struct hi_shim_tls hi_restore_get_tls(const json_t *line, const char *key);
struct hi_content hi_restore_get_content(const json_t *line, const char *key);

/* Open the build of a line; with its symbols, unless it is retired: without a file then,
   there is no build. */
int hi_restore_open_build(struct hi_restore *restore, size_t at,
			  struct hi_err *err) HI_MUST_USE;

#endif
