/*
 * stacks - where the live part of a thread's stack ends.
 *
 * /proc/PID/maps is slow to read, so it is kept from one reload to the next. A stack
 * is not taken from what was kept unless a look behind its end finds nothing there;
 * a mapping that has grown meanwhile is so found out.
 *
 * Units:     host addresses.
 * Ownership: hi_stacks_done() frees what hi_stacks_refresh() read.
 * Errors:    HI_E_GONE, HI_E_SYS, HI_E_NOMEM.
 * Threads:   one.
 * Source:    proc(5), process_vm_readv(2).
 */
#ifndef HI_INJECTOR_STACKS_H
#define HI_INJECTOR_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "injector/host.h"
#include "injector/maps.h"

struct hi_stacks {
	struct hi_maps maps;
	bool kept;    /* maps has been read */
	bool current; /* nothing is known to have changed since */
};

/* The host has mapped or unmapped something, or may have. */
void hi_stacks_stale(struct hi_stacks *stacks);
/* Read the maps, unless they are current. */
int hi_stacks_refresh(struct hi_stacks *stacks, const struct hi_host *host,
		      struct hi_err *err) HI_MUST_USE;
void hi_stacks_done(struct hi_stacks *stacks);

/*
 * Give SINK the words from SP to the end of the mapping that holds it, in pieces.
 * False when that end cannot be trusted: refresh and try again. With TRUST it is
 * (the maps have just been read).
 */
typedef void hi_stack_sink(void *context, const uint64_t *words, size_t n);
bool hi_stacks_read(const struct hi_stacks *stacks, const struct hi_host *host,
		    uint64_t sp, bool trust, hi_stack_sink *sink,
		    void *context);

#endif
