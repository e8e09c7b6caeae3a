/*
 * alike - which of the files that a host maps is the worker, though its name and its
 * inode are others: renamed, replaced by a newer build, or a copy that the host has
 * made for itself.
 *
 * Errors:    none; what cannot be told is not found.
 * Threads:   no shared state.
 * Source:    System V gABI ch. 5 (DT_SONAME); ld(1), --build-id.
 */
#ifndef HI_INJECTOR_ALIKE_H
#define HI_INJECTOR_ALIKE_H

#include <sys/types.h>

#include "injector/maps.h"

/*
 * The first mapping of the one object that has the build-id of the file PATH, else
 * its SONAME; NULL when there is none, or more than one.
 */
const struct hi_map *hi_alike_find(pid_t pid, const struct hi_maps *maps,
				   const char *path);

#endif
