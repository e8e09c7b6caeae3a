/*
 * thin - the private copy of an old build without what only debuggers read.
 *
 * A section that goes becomes a hole in the file, and its header says so (SHT_NOBITS):
 * as in a file made by objcopy --only-keep-debug, readers take it for absent. What
 * ld.so maps stays, as do symbol tables, for perf(1) and gdb(1), and .debug_frame.
 *
 *     HI_COPY_TYPES   lines, locations, macros and the like are gone
 *     HI_COPY_CODE    all debug information is
 *
 * Nothing depends on it: where holes cannot be made, the file stays whole, but
 * counts as thin.
 *
 * Threads:   one.
 * Source:    fallocate(2), FALLOC_FL_PUNCH_HOLE; DWARF 5 ch. 7.3.
 */
#ifndef HI_INJECTOR_THIN_H
#define HI_INJECTOR_THIN_H

#include <stdint.h>

#include "injector/build.h"

/* Make the copy so, and its image say so; what was thinner stays. */
void hi_thin(struct hi_build *build, enum hi_copy to);
/* What a copy that was opened again holds. */
enum hi_copy hi_thin_look(const struct hi_build *build);
/* The bytes that the copy takes on its file system; 0 when that is not known. */
uint64_t hi_thin_measure(const struct hi_build *build);

#endif
