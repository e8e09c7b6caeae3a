/*
 * snapshot - private copies of a worker's builds, in a folder that only this
 * session uses.
 *
 * The folder is $XDG_RUNTIME_DIR/hotinject/PID where that can hold code that is
 * executed (not noexec), otherwise one made with mkdtemp in $TMPDIR, /tmp or
 * /var/tmp; mode 0700. A build of libworker.so is named libworker.N.so there (libz.so.1.2
 * gives libz.N.so.1.2).
 * The copy shares blocks where the file system can (FICLONE), else
 * copy_file_range, else read and write.
 *
 * Ownership: hi_snapshots_new() makes the folder; hi_snapshots_free() removes the
 *            files and the folder. Mapped files stay usable.
 * Errors:    HI_E_SYS with a sentence that names the file and the cause (no space,
 *            not readable, a directory in its place, ...).
 * Threads:   one.
 * Source:    ioctl_ficlone(2), copy_file_range(2), XDG Base Directory 0.8.
 */
#ifndef HI_INJECTOR_SNAPSHOT_H
#define HI_INJECTOR_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct hi_snapshots;

int hi_snapshots_new(struct hi_snapshots **ret_snapshots,
		     struct hi_err *err) HI_MUST_USE;
void hi_snapshots_free(struct hi_snapshots *snapshots);
const char *hi_snapshots_get_folder(const struct hi_snapshots *snapshots);

/* What a file holds, to tell whether its content is the one we know. */
struct hi_content {
	uint64_t len;
	uint64_t hash_high, hash_low; /* XXH3, 128 bits, over all bytes */
};

/*
 * Copy the file at PATH as build NUMBER; *ret_path (free) names the copy and
 * *ret_content says what is in it. Fails with HI_E_CUT when the file changed
 * while it was copied (its writer will close it again).
 */
int hi_snapshot_take(struct hi_snapshots *snapshots, const char *path,
		     unsigned int number, char **ret_path,
		     struct hi_content *ret_content,
		     struct hi_err *err) HI_MUST_USE;
/* Remove a copy that is not needed (a refused or unchanged build). */
void hi_snapshot_drop(struct hi_snapshots *snapshots, const char *path);

bool hi_content_equal(const struct hi_content *a, const struct hi_content *b);

#endif
