/*
 * event - the stream of JSON objects behind --events.
 *
 * One object a line, each written at once:
 *
 *   {"event":NAME,"time":"2026-01-31T12:00:00.123Z",...}
 *
 * Keys keep the order in which they are set; keys are only ever added.
 *
 * Ownership: hi_events_open() gives a stream that hi_events_free() ends. An
 *            object belongs to its maker until hi_events_send() takes it.
 * Errors:    HI_E_SYS with a sentence that names the file.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_EVENT_H
#define HI_INJECTOR_EVENT_H

#include <jansson.h>
#include <stddef.h>

#include "common/err.h"

struct hi_events;

/* PATH is a file to append to, or "-" for standard output. */
int hi_events_open(const char *path, struct hi_events **ret_events,
		   struct hi_err *err) HI_MUST_USE;
void hi_events_free(struct hi_events *events);

/* A new object with "event" and "time"; NULL on lack of memory. */
json_t *hi_event_new(const char *name);
/* A string of any bytes: what is not UTF-8 becomes U+FFFD. */
json_t *hi_event_text(const char *text);
json_t *hi_event_names(const char *const *names, size_t n_names);

/*
 * Write EVENT and release it. The first failure is returned; after it nothing is
 * written any more and 0 is returned.
 */
int hi_events_send(struct hi_events *events, json_t *event,
		   struct hi_err *err) HI_MUST_USE;

#endif
