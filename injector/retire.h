/*
 * retire - what is kept of builds that newer ones have replaced.
 *
 * The host keeps every build mapped for good. For hotinject most of them are
 * history:
 *
 *     replaced   its image gives back the memory that reading took, and from then
 *                on shows the relinked text
 *     retired    when HI_RETIRE_AFTER builds are newer, nothing is at home in it,
 *                no slot leads to it and no thread is inside: symbols,
 *                relocations and the like are freed (NULL)
 *     thin       when HI_RETIRE_WHOLE builds are newer, or all copies take more than
 *                a share of what the file system could give them, or more than
 *                HI_RETIRE_DISK_LEN: its private copy loses its debug
 *                information (thin.h), and the image of one that is retired is
 *                closed
 *
 * The last build that has a variable, which was removed since, keeps what tells types:
 * it may come back. With a build that is thin, types are not compared when
 * somebody goes back to it. Build #1, the last two, and those that threads are
 * inside, stay as they are.
 *
 * Units:     bytes.
 * Threads:   one.
 * Source:    statvfs(3).
 */
#ifndef HI_INJECTOR_RETIRE_H
#define HI_INJECTOR_RETIRE_H

#include "injector/freeze.h"
#include "injector/unwind.h"
#include "injector/worker.h"

#define HI_RETIRE_AFTER    4
#define HI_RETIRE_WHOLE    32
#define HI_RETIRE_CLOSE    16
#define HI_RETIRE_SHARE    4 /* a quarter */
#define HI_RETIRE_DISK_LEN (1UL << 30)

/* What the copies of a worker's builds take, and what they may. */
struct hi_retire_disk {
	uint64_t held, limit;
};

/* Remember which builds threads are inside. */
void hi_retire_note(struct hi_worker *worker, const struct hi_freeze *freeze);
/*
 * The current build has replaced PREVIOUS and was compared with it. KEEP_STATE:
 * variables that were removed may come back. BUSY: threads were inside, as noted.
 * False when the copies take more than they may: the host has the rest mapped.
 */
bool hi_retire(struct hi_worker *worker, struct hi_build *previous,
	       bool keep_state, bool busy, struct hi_retire_disk *ret_disk);
/* A copy of LEN bytes is to be made: where there is no room for it, old builds are
   made thin. */
void hi_retire_make_room(struct hi_worker *worker, uint64_t len);
/* When HI_RETIRE_CLOSE builds more are thin: what the unwinder has read of thin copies is
   given back. */
void hi_retire_close(struct hi_worker *worker, struct hi_unwinder *unwinder);

#endif
