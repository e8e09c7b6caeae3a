/*
 * snapshot - private copies of a worker's builds, in a folder that only this
 * session uses.
 *
 * The folder is $XDG_RUNTIME_DIR/hotinject/PID where that can hold code that is
 * executed (not noexec), otherwise one made with mkdtemp in $TMPDIR, /tmp or
 * /var/tmp; mode 0700. A build of libworker.so is named libworker.N.so there (libz.so.1.2
 * gives libz.N.so.1.2); further copies of it libworker.N-1.so, libworker.N-2.so ...
 * The copy shares blocks where the file system can (FICLONE), else
 * it is read and written.
 *
 * Ownership: hi_snapshots_new() makes the folder; hi_snapshots_free() removes the
 *            files and the folder. Mapped files stay usable.
 * Errors:    HI_E_SYS with a sentence that names the file and the cause (no space,
 *            not readable, a directory in its place, ...).
 * Threads:   one.
 * Source:    ioctl_ficlone(2), XDG Base Directory 0.8, gABI ch. 4-5.
 */
#ifndef HI_INJECTOR_SNAPSHOT_H
#define HI_INJECTOR_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct hi_snapshots;

int hi_snapshots_new(struct hi_snapshots **ret_snapshots,
		     struct hi_err *err) HI_MUST_USE;
/* For a process that runs already, which has to reach them. */
int hi_snapshots_new_for(pid_t pid, struct hi_snapshots **ret_snapshots,
			 struct hi_err *err) HI_MUST_USE;
void hi_snapshots_free(struct hi_snapshots *snapshots);
/* Whether they are for a process that may not reach files of ours elsewhere. */
bool hi_snapshots_are_shared(const struct hi_snapshots *snapshots);
/* Copy a file there, of its own name; for free(), NULL when that fails. */
char *hi_snapshots_add_file(struct hi_snapshots *snapshots, const char *path,
			    struct hi_err *err);
/* The host goes on running what is in the folder: it stays when this session ends. */
void hi_snapshots_keep(struct hi_snapshots *snapshots);
/* Other processes of ours share the folder: it stays if a host of theirs still runs
   what is in it. */
void hi_snapshots_keep_used(struct hi_snapshots *snapshots);
const char *hi_snapshots_get_folder(const struct hi_snapshots *snapshots);

/* What a file holds, to tell whether its content is the one we know. */
struct hi_content {
	uint64_t len;
	uint64_t hash_high, hash_low; /* XXH3, 128 bits, over all bytes */
	uint64_t mapped_len;          /* the part that begin copies ... */
	uint64_t mapped_hash;         /* ... and XXH3 of it */
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

/*
 * The same in steps, for those who are in a hurry:
 *
 *     begin      the part that ld.so maps is in the copy, which has its full
 *                length, and can be loaded; in memory are also the section
 *                headers and what stands around them
 *     read_rest  all of the file is in memory: debug information above all
 *     end        and in the copy
 *
 * |  mapped by ld.so  | debug information | symbols, headers |
 *   copied by begin     read by read_rest   read by begin
 *
 * The memory shows the file as it was before anybody wrote to the copy where
 * hi_image_keep() is used, and is given back by end as far as the copy serves.
 * begin and read_rest fail with HI_E_CUT as hi_snapshot_take() does.
 */
struct hi_snapshot;

int hi_snapshot_begin(struct hi_snapshots *snapshots, const char *path,
		      unsigned int number, struct hi_snapshot **ret_snapshot,
		      struct hi_err *err) HI_MUST_USE;
/* The same of an open file, which is taken, for one that would be called NAME. */
int hi_snapshot_begin_fd(struct hi_snapshots *snapshots, int fd,
			 const char *name, unsigned int number,
			 struct hi_snapshot **ret_snapshot,
			 struct hi_err *err) HI_MUST_USE;
int hi_snapshot_read_rest(struct hi_snapshot *snapshot,
			  struct hi_err *err) HI_MUST_USE;
/* The snapshot is released, also on failure (no room: the copy lacks its end). */
int hi_snapshot_end(struct hi_snapshot *snapshot,
		    struct hi_content *ret_content,
		    struct hi_err *err) HI_MUST_USE;
/* Release it and remove the copy; NULL is allowed. */
void hi_snapshot_cancel(struct hi_snapshot *snapshot);

const char *hi_snapshot_get_path(const struct hi_snapshot *snapshot);
/*
 * The memory, LEN bytes in whole pages; whoever takes it unmaps it, and not before
 * the end.
 */
uint8_t *hi_snapshot_take_bytes(struct hi_snapshot *snapshot, size_t *ret_len);
/* What it holds; the rest is read for that. */
int hi_snapshot_get_content(struct hi_snapshot *snapshot,
			    struct hi_content *ret_content,
			    struct hi_err *err) HI_MUST_USE;
/*
 * Whether the file holds KNOWN. The part that ld.so maps tells nearly always; where
 * it does not, the rest is read.
 */
int hi_snapshot_is_known(struct hi_snapshot *snapshot,
			 const struct hi_content *known, bool *ret_known,
			 struct hi_err *err) HI_MUST_USE;

/* Whether it holds what OTHER does, all of which has been read. */
int hi_snapshot_is_same(struct hi_snapshot *snapshot, struct hi_snapshot *other,
			bool *ret_same, struct hi_err *err) HI_MUST_USE;

/* Remove a copy that is not needed (a refused or unchanged build). */
void hi_snapshot_drop(struct hi_snapshots *snapshots, const char *path);

bool hi_content_equal(const struct hi_content *a, const struct hi_content *b);

#endif
