/*
 * reach - one file, by the name that hotinject has for it and by that of the host,
 * which may have a root folder or mounts of its own, and another user.
 *
 * A file that lies inside such a host is named /proc/PID/root/... here, and by the
 * rest of that inside.
 *
 * Errors:    none; what cannot be told is as if both saw the same.
 * Threads:   no shared state.
 * Source:    proc(5): root, ns/mnt, map_files; namespaces(7).
 */
#ifndef HI_INJECTOR_REACH_H
#define HI_INJECTOR_REACH_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "injector/maps.h"

/* Whether process PID has another root folder, or other mounts. */
bool hi_reach_is_apart(pid_t pid);
/* Whether it is another user's; *RET_GROUP is its group then. */
bool hi_reach_is_other_user(pid_t pid, gid_t *ret_group);

/* The name that the host has for PATH, a part of it. */
const char *hi_reach_inside(const char *path);

/*
 * The name by which the file that process PID maps at MAP can be opened here; that of
 * the mapping when there is none. Who may (CAP_CHECKPOINT_RESTORE) reaches one
 * without a name, too.
 */
void hi_reach_file(pid_t pid, const struct hi_map *map,
		   char ret_path[PATH_MAX]);
/* Whether PATH, that was reached so, has the file that is mapped at MAP. */
bool hi_reach_is_file_of(const char *path, const struct hi_map *map);

/* The first mapping of the file that is PATH here, or NULL. */
const struct hi_map *hi_reach_find(const struct hi_maps *maps,
				   const char *path);

#endif
