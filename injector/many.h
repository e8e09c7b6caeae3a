/*
 * many - several hosts that run already, each looked after by a process of its own.
 *
 * Which: those of --pid, and of --name and --all the processes of this user (of every
 * user for root, as of pkill(1)) that have mapped a worker of the command line.
 * With one host, there is no second process.
 *
 * Errors:    HI_E_USAGE when there is no such process; a host that cannot be attached to
 *            is reported, and the others go on.
 * Threads:   one.
 * Source:    proc(5): comm, exe, maps.
 */
#ifndef HI_INJECTOR_MANY_H
#define HI_INJECTOR_MANY_H

#include "injector/cli.h"
#include "injector/report.h"

/* Returns the exit status of hotinject: 0, or 125 when no host was taken. */
int hi_many_run(struct hi_options *options, struct hi_report *report);

#endif
