/*
 * command - the side of a command's user: finds the hotinject that looks after the
 * host, asks it, and shows the answer.
 *
 * Ownership: hi_command_run() owns everything for its duration.
 * Errors:    said on standard error, as one sentence and perhaps a hint.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_COMMAND_H
#define HI_INJECTOR_COMMAND_H

#include "injector/cli.h"

/* The exit status: 0, or 125 when it failed; gdb's own when that was run. */
int hi_command_run(const struct hi_options *options);

#endif
