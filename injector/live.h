/*
 * live - what there is to say of a build that went live.
 *
 * Ownership: everything is added to what the caller gives.
 * Threads:   independent calls.
 */
#ifndef HI_INJECTOR_LIVE_H
#define HI_INJECTOR_LIVE_H

#include <jansson.h>

#include "common/buf.h"
#include "injector/report.h"

/* "update changed, 11 same; 7 variables kept (1.9 ms, paused 41 us)" */
void hi_live_text(struct hi_buf *buf, const struct hi_report_live *live);

/* The keys of the event "live" behind "worker". */
void hi_live_event(json_t *event, const struct hi_report_live *live);

#endif
