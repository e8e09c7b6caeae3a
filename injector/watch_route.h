/*
 * watch_route - what has to be watched on the way to a file.
 *
 * The way is walked as the kernel does, one component at a time. Each step that
 * decides where it ends becomes a spot, a name in a watched folder:
 *
 *   /p/lib -> build/lib        LINK     "lib" in /p
 *   /p/build is not there      MISSING  "build" in /p, the walk ends
 *   /p/build/lib/libw.so       FINAL    "libw.so" in /p/build/lib
 *
 * Every folder passed is watched for its own removal or renaming.
 *
 * Ownership: a route is a value that hi_route_done() ends; its inotify watches
 *            stay until hi_route_replace() or until the descriptor is closed.
 * Errors:    HI_E_SYS with a sentence that names the folder.
 * Threads:   one.
 * Source:    path_resolution(7), inotify(7).
 */
#ifndef HI_INJECTOR_WATCH_ROUTE_H
#define HI_INJECTOR_WATCH_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum hi_spot_kind { HI_SPOT_LINK, HI_SPOT_MISSING, HI_SPOT_FINAL };

struct hi_spot {
	int wd; /* of the folder */
	char *name;
	enum hi_spot_kind kind;
};

struct hi_route {
	struct hi_spot *spots;
	size_t n_spots;
	int *wds; /* of all folders passed, spots' included */
	size_t n_wds;
	char *final_path; /* without symbolic links; NULL when the walk ended
			     before it */
};

/* Walk to PATH (absolute) and watch the way with INOTIFY_FD. */
int hi_route_walk(int inotify_fd, const char *path, struct hi_route *ret_route,
		  struct hi_err *err) HI_MUST_USE;
void hi_route_done(struct hi_route *route);

/* NEW takes the place of ROUTE; watches that only the old one had are removed. */
void hi_route_replace(int inotify_fd, struct hi_route *route,
		      struct hi_route *new);

bool hi_route_has_folder(const struct hi_route *route, int wd);
/* The spot for NAME in the folder of WD; absent is no error: NULL. */
const struct hi_spot *hi_route_find_spot(const struct hi_route *route, int wd,
					 const char *name);

#endif
