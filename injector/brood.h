/*
 * brood - the processes that a host has just forked. Each is traced, and runs, until it
 * is old enough to be worth a process of hotinject of its own: most end or execute
 * another program before.
 *
 *     forked -> in the brood -> due        it becomes a host (session_forks.c)
 *                            -> ended
 *                            -> execve(2)  let go
 *
 * What they fork themselves is in the brood, too; what they vfork is not traced.
 *
 * Units:     times are CLOCK_MONOTONIC nanoseconds.
 * Ownership: the newborns belong to the struct hi_brood.
 * Errors:    what cannot be followed is let go.
 * Threads:   the one that traces.
 * Source:    ptrace(2), PTRACE_O_TRACEFORK.
 */
#ifndef HI_INJECTOR_BROOD_H
#define HI_INJECTOR_BROOD_H

#include <stdbool.h>
#include <stdint.h>

#include "injector/host.h"

struct hi_newborn {
	struct hi_host *host;
	uint64_t due_ns;
	unsigned int epoch; /* what the host's memory was like then */
	struct hi_newborn *next;
};

struct hi_brood {
	struct hi_newborn *first;
	unsigned int epoch; /* of those that are born now */
};

/*
 * A stop of a thread that is not the host's. The first one of a new process adds it:
 * HOOKS are those of the host. False when nobody wants the stop.
 */
bool hi_brood_take(struct hi_brood *brood, const struct hi_host_hooks *hooks,
		   const struct hi_stop *stop);
/* One that is due at NOW_NS, or any one when EARLY; NULL when there is none. */
struct hi_newborn *hi_brood_find_due(const struct hi_brood *brood,
				     uint64_t now_ns, bool early);
/* It is due now. */
void hi_brood_hurry(struct hi_brood *brood, const struct hi_host *host);
/* Milliseconds until the next one is due, -1 for never. */
int hi_brood_next_timeout_ms(const struct hi_brood *brood);
/* Forget those that have ended, or were let go; not from within a hook. */
void hi_brood_clean(struct hi_brood *brood);
/* Take every report that is pending, when nobody else does; never blocks. */
void hi_brood_pump(struct hi_brood *brood, const struct hi_host_hooks *hooks);
/* Let go of all. */
void hi_brood_let_go(struct hi_brood *brood);
/* Forget all: they are traced by another process, or not at all. */
void hi_brood_done(struct hi_brood *brood);

#endif
