/*
 * builder - runs the user's build when a source changes (--build).
 *
 * It is a process of its own, so that nobody who works with a host waits for it:
 *
 *     sources change -> command runs -> ended: told, its output first when it failed
 *
 * A source that changes meanwhile has the command run once more. What the build makes
 * of the worker's file is found by the watch (watch.h), as from any other build. The
 * command runs by sh(1), in the folder and with the environment of hotinject, in a
 * process group of its own, which is ended with the last process that has the leash.
 *
 * Ownership: the leash is the caller's, to close.
 * Errors:    HI_E_SYS with a sentence; what goes wrong later is reported.
 * Threads:   one in each process.
 * Source:    pidfd_open(2), setpgid(2).
 */
#ifndef HI_INJECTOR_BUILDER_H
#define HI_INJECTOR_BUILDER_H

#include "common/err.h"
#include "injector/cli.h"
#include "injector/report.h"

/* Before anything else is open that the process is not to have. */
int hi_builder_start(const struct hi_options *options, struct hi_report *report,
		     int *ret_leash_fd, struct hi_err *err) HI_MUST_USE;

#endif
