/*
 * shim_place - where the host has the shim.
 *
 * Errors:    HI_E_HOST when the shim is not mapped or is of another version.
 */
#ifndef HI_INJECTOR_SHIM_PLACE_H
#define HI_INJECTOR_SHIM_PLACE_H

#include "common/err.h"
#include "injector/maps.h"
#include "injector/remote.h"
#include "injector/snapshot.h"

/* Of the stack for remote calls. */
#define HI_SHIM_PLACE_STACK_LEN (256UL << 10)

/* The shim's file: beside hotinject itself, else where it was installed. The
   result is for free(). */
char *hi_shim_find_file(struct hi_err *err);

/*
 * Takes PATH and gives one for free() that LD_PRELOAD can hold: PATH itself, or a
 * link to it in FOLDER. NULL when neither can be.
 */
char *hi_shim_make_plain(char *path, const char *folder, struct hi_err *err);

/*
 * Takes PATH and gives one for free() that the process of SNAPSHOTS can open: PATH
 * itself, or a copy among them when it is another user's, or has a root folder or
 * mounts of its own. NULL when that fails.
 */
char *hi_shim_make_reachable(char *path, struct hi_snapshots *snapshots,
			     struct hi_err *err);

/* Find it in the host; maps a stack for remote calls through the held THREAD. */
int hi_shim_place_find(struct hi_host *host, struct hi_thread *thread,
		       const struct hi_maps *maps, const char *shim_path,
		       struct hi_shim_place *ret_place,
		       struct hi_err *err) HI_MUST_USE;

#endif
