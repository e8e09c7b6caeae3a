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
 *     thin       when moreover nothing reads its debug information (a unit that
 *                has not changed since is read there), and HI_RETIRE_WHOLE
 *                builds, or HI_RETIRE_WHOLE_LEN bytes of them, have been
 *                retired since: that is taken out of its private copy, and
 *                the image closed
 *
 * Of a build without debug information, types are not compared when somebody goes back
 * to it. A thin copy keeps its symbol table, for perf(1) and gdb(1). Build #1 stays as it
 * is.
 *
 * Threads:   one.
 * Source:    fallocate(2), FALLOC_FL_PUNCH_HOLE.
 */
#ifndef HI_INJECTOR_RETIRE_H
#define HI_INJECTOR_RETIRE_H

#include "injector/freeze.h"
#include "injector/worker.h"

#define HI_RETIRE_AFTER     4
#define HI_RETIRE_WHOLE     32
#define HI_RETIRE_WHOLE_LEN (8UL << 20)

/* Remember which builds threads are inside. */
void hi_retire_note(struct hi_worker *worker, const struct hi_freeze *freeze);
/*
 * The current build has replaced PREVIOUS and was compared with it. BUSY: threads were
 * inside, as noted.
 */
void hi_retire(struct hi_worker *worker, struct hi_build *previous, bool busy);

#endif
