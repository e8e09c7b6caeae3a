/*
 * holds - the memory that builds have in the host, and their copies on disk.
 *
 * Units:     bytes; host addresses.
 * Ownership: the caller's array.
 * Errors:    what cannot be read counts as nothing.
 * Threads:   no state.
 * Source:    proc(5), /proc/PID/smaps.
 */
#ifndef HI_INJECTOR_HOLDS_H
#define HI_INJECTOR_HOLDS_H

#include <stdint.h>
#include <sys/types.h>

#include "injector/worker.h"

struct hi_holds {
	uint64_t own;    /* pages that are the host's alone: written to */
	uint64_t mapped; /* addresses, whether there is memory behind or not */
	uint64_t file;   /* what its copy takes */
};

/* One for each of the worker's builds, as they went live. */
void hi_holds_read(pid_t pid, const struct hi_worker *worker,
		   struct hi_holds *ret_holds);

#endif
