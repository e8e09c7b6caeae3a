/*
 * imprint - carry out the writes to a new build that nobody runs yet.
 *
 * The host maps the build's private copy MAP_PRIVATE, and its text shows the
 * file for as long as the host has no copies of the pages. Text is therefore
 * written in the file, whole runs at a time: the pages stay the file's, and the
 * kernel can drop and read them again. Written through /proc/PID/mem each of them
 * would be the host's own memory for good, because old builds stay mapped.
 *
 *     text of the build, not build #1, no DT_TEXTREL    -> the file
 *     all else (data, RELRO, table slots)               -> the host's memory
 *
 * The file counts only where the host is seen to show it; otherwise (another file
 * in its place, a full disk, a file system without one page cache) the text is
 * written to the host's memory as well. A child that the host forks between the
 * load and these writes sees those in the file; it runs older builds only.
 *
 * The build's image goes on showing the text as it was compiled, until
 * hi_image_rest().
 *
 * Errors:    as hi_apply(): what was written is taken back.
 * Threads:   one; the host's may run, none in the build.
 * Source:    mmap(2), MAP_PRIVATE; proc(5), /proc/PID/mem.
 */
#ifndef HI_INJECTOR_IMPRINT_H
#define HI_INJECTOR_IMPRINT_H

#include "common/err.h"
#include "injector/build.h"
#include "injector/host.h"
#include "injector/plan.h"

/* The order of the writes does not matter. */
int hi_imprint(const struct hi_host *host, const struct hi_build *build,
	       const struct hi_plan *plan, struct hi_err *err) HI_MUST_USE;

#endif
