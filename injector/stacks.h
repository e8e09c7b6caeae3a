/*
 * stacks - the live part of the threads' stacks, read from outside.
 *
 * Where one ends is told by
 *
 *     the thread's descriptor   of a thread that is stopped, at its fs_base: the
 *                               libraries for threads put it above all frames of the stack
 *                               that they make, and it holds its own address
 *     the maps that were kept   /proc/PID/maps is slow to read, so it is kept from
 *                               one reload to the next. They are believed when a
 *                               look behind the end finds nothing there
 *     the kernel                asked for the one mapping; otherwise the maps have to
 *                               be read anew
 *
 * Units:     host addresses.
 * Ownership: hi_stacks_done() frees what hi_stacks_refresh() read.
 * Errors:    HI_E_GONE, HI_E_SYS, HI_E_NOMEM.
 * Threads:   one.
 * Source:    proc(5), process_vm_readv(2); ELF Handling For Thread-Local Storage,
 *            4.3.6 (x86-64: %fs:0 holds the address that it has).
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
	bool kept;    /* maps has been read, and maps_fd opened */
	bool current; /* nothing is known to have changed since */
	int maps_fd;  /* for hi_maps_ask() */
};

/* The host has mapped or unmapped something, or may have. */
void hi_stacks_stale(struct hi_stacks *stacks);
/* Read the maps, unless they are current. */
int hi_stacks_refresh(struct hi_stacks *stacks, const struct hi_host *host,
		      struct hi_err *err) HI_MUST_USE;
void hi_stacks_done(struct hi_stacks *stacks);
/* Whether the kernel says that what was kept of the mapping at ADDRESS is so still. */
bool hi_stacks_still_holds(const struct hi_stacks *stacks, uint64_t address);

/* Is given the words of a stack, from the stack pointer on, in pieces; some perhaps
   twice. */
typedef void hi_stack_sink(void *context, const uint64_t *words, size_t n);

/*
 * The words from SP to the end of the mapping that holds it. False when that end
 * cannot be trusted: refresh and try again. With TRUST it is (the maps have just been
 * read).
 */
bool hi_stacks_read(const struct hi_stacks *stacks, const struct hi_host *host,
		    uint64_t sp, bool trust, hi_stack_sink *sink,
		    void *context);

/* One of many. */
struct hi_stack {
	uint64_t sp, fs_base;
	void *context; /* for the sink */
	bool read;     /* otherwise hi_stacks_read() has to do it */
};

/* Read those that end at a descriptor nearby, with few calls of the kernel. */
void hi_stacks_read_many(const struct hi_host *host, struct hi_stack *all,
			 size_t n, hi_stack_sink *sink);

#endif
