/*
 * session - one host and its workers, from the start to the end:
 *
 *     launch -> adopt -> ( watch -> reload )* -> exit
 *
 * Where forks of the host are followed, a process of hotinject is forked for each, and
 * hi_session_run() returns in every one of them (group.h).
 *
 * Ownership: hi_session_run() owns everything for its duration.
 * Errors:    a failure before the host runs ends the session; later ones are
 *            reported, and the host goes on.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_SESSION_H
#define HI_INJECTOR_SESSION_H

#include "injector/cli.h"
#include "injector/group.h"
#include "injector/report.h"

/* Returns the exit status of hotinject. GROUP, of which this is a member, may be
   NULL. */
int hi_session_run(const struct hi_options *options, struct hi_report *report,
		   struct hi_group *group);

#endif
