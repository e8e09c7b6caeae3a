/*
 * record_was - a build's private copy as it was before anything was written to it.
 *
 * Errors:    HI_E_SYS; those of elfscan.
 */
#ifndef HI_INJECTOR_RECORD_WAS_H
#define HI_INJECTOR_RECORD_WAS_H

#include "common/err.h"
#include "injector/build.h"

/* Open the copy at PATH as build NUMBER of ORIGINAL, and show what was overwritten,
   if it WAS_WRITTEN to. */
int hi_record_open_build(const char *path, const char *original,
			 unsigned int number, bool was_written,
			 struct hi_build **ret_build,
			 struct hi_err *err) HI_MUST_USE;

/*
 * A descriptor, the caller's, of a file in memory: what was in that of BUILD, which
 * is or was live, but for the debug information that retire.h has taken out.
 */
int hi_record_open_was(const struct hi_build *build,
		       struct hi_err *err) HI_MUST_USE;

#endif
