/*
 * history - the builds that have come, and what became of each: the last ones.
 *
 * An entry is the event of the build (hotinject(1), EVENTS) with these keys besides:
 *
 *     "build_id"   in hexadecimal, or ""
 *     "text"       what the message says behind "live: " or "refused: "
 *     "copy"       the private copy's path, of a build that is or was live
 *
 * and of long lists only the first names.
 *
 * Ownership: hi_history_done() releases; what is given to be added is taken, what is
 *            got is borrowed, unless it says new.
 * Errors:    without memory an entry is left out.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_HISTORY_H
#define HI_INJECTOR_HISTORY_H

#include <jansson.h>
#include <stddef.h>

#include "elfscan/image.h"

#define HI_HISTORY_MAX 64

struct hi_history {
	json_t *entries; /* an array, oldest first; NULL: none */
	size_t n_added;  /* ever */
	char build_id[2 * HI_BUILD_ID_MAX + 1];
	char *copy; /* of the next entry's build; or NULL */
};

/* The next entry is of this file, and its private copy; NULL: of one that cannot be
   read. */
void hi_history_set_image(struct hi_history *history,
			  const struct hi_image *image, const char *copy);
void hi_history_add(struct hi_history *history, const json_t *event,
		    const char *text);
/* Of a build that came before, which is IMAGE; the next entry may be under way. */
void hi_history_add_of(struct hi_history *history, const struct hi_image *image,
		       const json_t *event, const char *text);
/* One that another session has had; it is borrowed. */
void hi_history_restore(struct hi_history *history, json_t *entry);
void hi_history_done(struct hi_history *history);

/* The last entry of WORKER, or NULL: "ready", "live" or
   "rollback" when CURRENT. */
json_t *hi_history_find_last(const struct hi_history *history,
			     const char *worker, int current);
/*
 * The last verdict on a build of WORKER of those that were added since there were
 * N_BEFORE, or NULL; only of one that was to be gone back to, when BACK.
 */
json_t *hi_history_find_verdict(const struct hi_history *history,
				size_t n_before, const char *worker, int back);
/* Entry N of all that were ever added, from 0; NULL when it is kept no more. */
json_t *hi_history_get(const struct hi_history *history, size_t n);
/* A new array of the newest entries whose text is at most LEN_MAX bytes long,
   oldest first. */
json_t *hi_history_get_new(const struct hi_history *history, size_t len_max);

#endif
