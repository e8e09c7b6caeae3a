/*
 * search - where a WORKER of the command line is: a path, or a name that is looked
 * up as the host's loader would (ld.so(8)).
 *
 * Errors:    HI_E_USAGE when there is no such file.
 */
#ifndef HI_INJECTOR_SEARCH_H
#define HI_INJECTOR_SEARCH_H

#include "common/err.h"

/* *ret_path (free) is absolute. */
int hi_search_worker(const char *name, const char *host_path, char **ret_path,
		     struct hi_err *err) HI_MUST_USE;

#endif
