/*
 * support_fuse - a folder that is seen through a FUSE mount: what changes in it
 * behind the mount makes no inotify event there, as on a file system of a network.
 *
 *	support_fuse_mount(scene, "behind", "mounted");
 *	support_put(scene, "build.2.so", "behind/libworker.so", SUPPORT_RENAME);
 *
 * Files only, and read only; the program behind the mount is a child of the test that
 * ends with it.
 *
 * Ownership: support_fuse_unmount() ends what support_fuse_mount() began.
 * Errors:    fail the running test; false when there is no FUSE to be had.
 * Threads:   one.
 * Source:    fuse(4), linux/fuse.h.
 */
#ifndef HI_TESTS_SUPPORT_FUSE_H
#define HI_TESTS_SUPPORT_FUSE_H

#include "tests/support.h"

/* Both are new folders of the scene. Needs the right to mount. */
bool support_fuse_mount(struct support *scene, const char *behind,
			const char *mounted);
void support_fuse_unmount(struct support *scene, const char *mounted);

#endif
