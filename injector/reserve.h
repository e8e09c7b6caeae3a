/*
 * reserve - hotinject has what a piece of work will need, before it begins: memory and
 * descriptors.
 *
 * In the middle of the work the want of them has many faces: a thread whose stack
 * cannot be followed, debug information that its library cannot read. Who asks
 * first has one sentence for all of them, and a host that nobody has touched.
 *
 * Units:     bytes.
 * Errors:    HI_E_SYS with sys_errno ENOMEM or EMFILE, and a hint.
 * Threads:   one: nobody else takes what was found to be there.
 * Source:    setrlimit(2): RLIMIT_AS, RLIMIT_NOFILE; proc(5): overcommit_memory.
 */
#ifndef HI_INJECTOR_RESERVE_H
#define HI_INJECTOR_RESERVE_H

#include "common/err.h"
#include "injector/host.h"

/*
 * What looking at HOST and at the build in the file at PATH (NULL: none) takes.
 * Descriptors that are kept for speed only are given back where they are wanted.
 */
int hi_reserve_check(struct hi_host *host, const char *path,
		     struct hi_err *err) HI_MUST_USE;

#endif
