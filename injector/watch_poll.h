/*
 * watch_poll - looks at a file from time to time, where nobody tells of changes:
 * inotify may have no room left, and says nothing of what another machine does in a
 * folder of a network file system, or the program behind a FUSE mount.
 *
 * A file that differs from the one that was known is a candidate once it has looked
 * the same twice: until then it is being written.
 *
 * Units:     times are CLOCK_MONOTONIC nanoseconds.
 * Ownership: hi_poll_new() gives a poll that hi_poll_free() ends.
 * Errors:    HI_E_SYS, HI_E_NOMEM with a sentence that names the file.
 * Threads:   one.
 * Source:    timerfd_create(2), statfs(2), linux/magic.h; statx(2) for
 *            AT_STATX_FORCE_SYNC, nfs(5) for what is cached otherwise.
 */
#ifndef HI_INJECTOR_WATCH_POLL_H
#define HI_INJECTOR_WATCH_POLL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/err.h"

/* A file is looked at so often. */
#define HI_POLL_MS 250

/* What a path led to when it was looked at. A new file may get the number of the one
   before; times are only compared for being the same ones. */
struct hi_identity {
	bool exists;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct hi_identity hi_identify(const char *path);
bool hi_identity_equal(const struct hi_identity *a,
		       const struct hi_identity *b);

struct hi_poll;

/* KNOWN is no news; PATH must outlive the poll. */
int hi_poll_new(const char *path, const struct hi_identity *known,
		struct hi_poll **ret_poll, struct hi_err *err) HI_MUST_USE;
void hi_poll_free(struct hi_poll *poll);
/* A descriptor that polls readable when it is time for hi_poll_read(). */
int hi_poll_get_fd(const struct hi_poll *poll);
/* Look, if it is time: a union of enum hi_watch_event (watch.h). */
int hi_poll_read(struct hi_poll *poll);

/*
 * The file system of the file at PATH or of its folder (or the nearest one above that
 * is there), when it is one that inotify does not tell all of: "NFS"; or NULL.
 */
const char *hi_poll_find_silent(const char *path);
/* The same of a file system's f_type. */
const char *hi_poll_name_silent(unsigned long type);

#endif
