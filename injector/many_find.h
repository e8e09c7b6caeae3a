/*
 * many_find - the processes that --pid, --name and --all mean.
 *
 * Ownership: the list is freed by the caller.
 * Errors:    HI_E_USAGE when there is none; HI_E_NOMEM.
 * Threads:   one.
 * Source:    proc(5): comm, exe, maps.
 */
#ifndef HI_INJECTOR_MANY_FIND_H
#define HI_INJECTOR_MANY_FIND_H

#include <sys/types.h>

#include "injector/cli.h"

int hi_many_find(const struct hi_options *options, pid_t **ret_pids,
		 size_t *ret_n, struct hi_err *err) HI_MUST_USE;

#endif
