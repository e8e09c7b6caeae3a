/*
 * record_was - a build's private copy as it was before anything was written to it.
 *
 * Errors:    HI_E_SYS; those of elfscan.
 */
#ifndef HI_INJECTOR_RECORD_WAS_H
#define HI_INJECTOR_RECORD_WAS_H

#include "common/err.h"
#include "injector/build.h"

/* Open the copy at PATH as build NUMBER of ORIGINAL, and show what was overwritten. */
int hi_record_open_build(const char *path, const char *original,
			 unsigned int number, struct hi_build **ret_build,
			 struct hi_err *err) HI_MUST_USE;

#endif
