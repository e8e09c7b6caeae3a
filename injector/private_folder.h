/*
 * private_folder - a folder for this session's files, which only this user can
 * reach and from which code can be mapped.
 *
 * Ownership: hi_private_folder_new() makes the folder, hi_private_folder_free()
 *            removes it with all that is in it; after a fork(2), the last of the
 *            processes does. What a session that was killed
 *            left, there or in a folder for temporary files, is removed by
 *            the next one, unless some process still runs code of it. A
 *            session holds a lock on its folder, so that a process number of
 *            another PID namespace is not taken for a dead one; and only a
 *            marked folder that is this user's alone is touched.
 * Errors:    HI_E_SYS with a sentence that names the folder.
 * Threads:   one.
 * Source:    XDG Base Directory 0.8; statvfs(3), flock(2), proc(5): maps.
 */
#ifndef HI_INJECTOR_PRIVATE_FOLDER_H
#define HI_INJECTOR_PRIVATE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"

struct hi_private_folder;

/*
 * $XDG_RUNTIME_DIR/hotinject/PID where that is this user's own and not mounted
 * noexec, else one made by mkdtemp(3) in $TMPDIR, /tmp or /var/tmp.
 */
int hi_private_folder_new(struct hi_private_folder **ret_folder,
			  struct hi_err *err) HI_MUST_USE;
/*
 * For process PID, which may be another user's, or have a root folder or mounts of
 * its own: one that it can reach. Its group may read there then; no one else.
 */
int hi_private_folder_new_for(pid_t pid, struct hi_private_folder **ret_folder,
			      struct hi_err *err) HI_MUST_USE;
/* Whether it was made so. */
bool hi_private_folder_is_shared(const struct hi_private_folder *folder);
/* The host's group may read the new file FD in the folder, if it has to. */
void hi_private_folder_share(const struct hi_private_folder *folder, int fd);
void hi_private_folder_free(struct hi_private_folder *folder);
/* Remove a folder if it is a session's, and session and host are gone. */
void hi_private_folder_sweep(const char *path);
/* It stays when this session ends, until nobody runs code of it. */
void hi_private_folder_keep(struct hi_private_folder *folder);
/* The same if anybody does so at the end of the last session that has the folder. */
void hi_private_folder_keep_used(struct hi_private_folder *folder);
/*
 * Whether the name of a file says that it is in a session's folder, this one's or
 * another's: how long the folder's part of the name is, or 0.
 */
size_t hi_private_folder_has(const char *path);
/* Another process of this user, for root of any, that runs code of the folder at PATH;
   or 0. */
pid_t hi_private_folder_find_process(const char *path);
const char *hi_private_folder_get_path(const struct hi_private_folder *folder);

#endif
