/*
 * adopt - take the worker that the host has mapped as build #1.
 *
 *     find   the mapping of the worker's file
 *     pin    put a private copy in its place: a build system that rewrites the
 *            file in place can no longer reach the host
 *     table  one slot per function, leading to its home
 *     bind   the host's PLT slots -> trampolines; where an entry cannot be
 *            overwritten, every reference and dlsym() -> its trampoline
 *
 * Errors:    HI_E_HOST when the file on disk is no longer the one that is mapped and
 *            that one cannot be reached, or there is no room for the table; those of
 *            elfscan and remote. On failure the host is as it was, but for private
 *            copies of unchanged bytes.
 * Threads:   one; a thread of the host is held while the host's memory changes.
 * Source:    mmap(2), mremap(2), ld.so(8).
 */
#ifndef HI_INJECTOR_ADOPT_H
#define HI_INJECTOR_ADOPT_H

#include <stdbool.h>

#include "common/err.h"
#include "injector/host.h"
#include "injector/maps.h"
#include "injector/remote.h"
#include "injector/snapshot.h"
#include "injector/worker.h"

/* The first mapping of the worker's file, or NULL. */
const struct hi_map *hi_adopt_find(const struct hi_maps *maps,
				   const struct hi_worker *worker);

/* Read the build that is mapped before anything is held, so that the host goes on
   meanwhile. */
int hi_adopt_prepare(struct hi_worker *worker, struct hi_snapshots *snapshots,
		     const struct hi_host *host, const struct hi_maps *maps,
		     struct hi_err *err) HI_MUST_USE;

/*
 * Adopt it through the held THREAD; all other threads of the host are held, too.
 */
int hi_adopt(struct hi_worker *worker, struct hi_snapshots *snapshots,
	     struct hi_host *host, struct hi_thread *thread,
	     const struct hi_shim_place *place, const struct hi_maps *maps,
	     struct hi_err *err) HI_MUST_USE;

/* Whether the host still has build #1 where it was adopted. */
bool hi_adopt_still_there(const struct hi_worker *worker,
			  const struct hi_maps *maps);

#endif
