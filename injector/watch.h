/*
 * watch - tells when a worker's file may have become a new build.
 *
 * Watches the file's folder (linkers unlink and create, rename, or rewrite in
 * place) through inotify; a folder that is itself a symbolic link's target or
 * that is removed and made anew is followed. Reports a candidate at the close
 * after writing and at a rename onto the name, and an opening of the file by
 * anyone (a host that dlopens it).
 * Where inotify(7) has no room left, or does not tell of all changes, the file is
 * looked at from time to time instead (watch_poll.h).
 *
 * Units:     times are CLOCK_MONOTONIC nanoseconds.
 * Ownership: hi_watch_new() gives a watch that hi_watch_free() ends.
 * Errors:    HI_E_SYS with a sentence that names the folder.
 * Threads:   one.
 * Source:    inotify(7).
 */
#ifndef HI_INJECTOR_WATCH_H
#define HI_INJECTOR_WATCH_H

#include <stdint.h>

#include "common/err.h"

enum hi_watch_event {
	HI_WATCH_NOTHING = 0,
	HI_WATCH_CANDIDATE = 1, /* written and closed, or moved to the name */
	HI_WATCH_OPENED = 2,    /* opened by some process */
	HI_WATCH_DELETED = 4,   /* the name is gone */
	HI_WATCH_UNTOLD = 8,    /* it may have been opened: nobody tells */
};

struct hi_watch;

int hi_watch_new(const char *path, struct hi_watch **ret_watch,
		 struct hi_err *err) HI_MUST_USE;
void hi_watch_free(struct hi_watch *watch);
/* A descriptor that polls readable when hi_watch_read() has news. */
int hi_watch_get_fd(const struct hi_watch *watch);
/*
 * Why the file is only looked at from time to time, a sentence for the user; NULL
 * when changes are told. It may begin at any hi_watch_read().
 */
const char *hi_watch_get_limitation(const struct hi_watch *watch);
/*
 * Take all pending news without blocking: a union of enum hi_watch_event;
 * *ret_time_ns is when the last candidate was seen (0: never). The union tells how
 * things stand now: never CANDIDATE and DELETED at once, and a file that
 * went and came back in between is no DELETED. Negative on failure.
 */
int hi_watch_read(struct hi_watch *watch, uint64_t *ret_time_ns,
		  struct hi_err *err) HI_MUST_USE;

#endif
