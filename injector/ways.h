/*
 * ways - the ways back that the processes of a host have gone: what was live before, and
 * what is instead. One goes first; the others go after it, and so does one that was being
 * forked meanwhile.
 *
 * It lies in memory that all of them share, and keeps the last few.
 *
 * Ownership: a struct hi_ways of zeroes is empty, and nothing is to be freed.
 * Errors:    none. What nobody has read before others took its place is forgotten.
 * Threads:   any, and any process that has the memory.
 */
#ifndef HI_INJECTOR_WAYS_H
#define HI_INJECTOR_WAYS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "injector/snapshot.h"

#define HI_WAYS_MAX 16

struct hi_way {
	pid_t family; /* the process that was started or attached to */
	struct hi_content from, to;
	bool crashed;       /* else it was asked for */
	char function[128]; /* in which it has crashed, "": not known */
};

struct hi_ways {
	atomic_uint_fast64_t n;
	struct {
		atomic_uint_fast64_t number; /* from 1 on; 0: being written */
		struct hi_way way;
	} list[HI_WAYS_MAX];
};

/* The number that it has: the AT of who has had it. */
uint64_t hi_ways_add(struct hi_ways *ways, const struct hi_way *way);
/* The one after the *AT that the caller has had; false when there is none yet. */
bool hi_ways_next(struct hi_ways *ways, uint64_t *at, struct hi_way *ret_way);

#endif
