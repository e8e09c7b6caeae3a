/*
 * session - one host and its workers, from the start to the end:
 *
 *     launch -> adopt -> ( watch -> reload )* -> exit
 *
 * Ownership: hi_session_run() owns everything for its duration.
 * Errors:    a failure before the host runs ends the session; later ones are
 *            reported, and the host goes on.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_SESSION_H
#define HI_INJECTOR_SESSION_H

#include "injector/cli.h"
#include "injector/report.h"

/* Returns the exit status of hotinject. */
int hi_session_run(const struct hi_options *options, struct hi_report *report);

#endif
