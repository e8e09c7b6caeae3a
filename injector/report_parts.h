/*
 * report_parts - what the files of a report share; nobody else includes it.
 *
 * report.c       the messages of a host's life, and the stream of events
 * report_build.c those of a build
 * report_built.c those of the command that makes builds
 * report_crash.c those of a crash
 * report_line.c  how lines look and where they go
 */
#ifndef HI_INJECTOR_REPORT_PARTS_H
#define HI_INJECTOR_REPORT_PARTS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/buf.h"
#include "injector/event.h"
#include "injector/history.h"
#include "injector/report.h"

#define HI_GREEN  "\033[1;32m"
#define HI_RED    "\033[1;31m"
#define HI_YELLOW "\033[1;33m"

struct hi_report {
	struct hi_events *events; /* NULL without --events */
	struct hi_history history;
	bool color;
	bool quiet;
	bool verbose;
	json_t *held; /* an event that another one makes worth sending */
	bool unheard; /* no event was sent of the host */
	hi_report_listener *listener; /* NULL: standard error */
	void *listener_context;
};

/* An event of this host; without WORKER it is the host's alone. */
json_t *hi_report_event(const char *name, pid_t pid, const char *worker);
/* Text may be NULL, which is written as an empty one. */
void hi_report_set_text(json_t *event, const char *key, const char *text);
void hi_report_set_number(json_t *event, const char *key, uint64_t number);
/* To the stream, which takes EVENT. */
void hi_report_send(struct hi_report *report, json_t *event);
/* "hotinject: "; and the end of a line, as the terminal wants it. */
void hi_line_begin(struct hi_buf *buf);
void hi_line_end(struct hi_buf *buf);
/* A line of its own; nothing when there is none. */
void hi_line_add_hint(struct hi_buf *buf, const char *hint);
/* All lines of one message go out together, the host may be printing too. All that is
   given is taken. KEY: messages of other processes with the same one say the same;
   BRIEF: what they have in common. */
void hi_report_say_as(const struct hi_report *report, struct hi_buf *buf,
		      struct hi_buf *key, struct hi_buf *brief);
void hi_report_say(const struct hi_report *report, struct hi_buf *buf);
void hi_line_add_styled(const struct hi_report *report, struct hi_buf *buf,
			const char *style, const char *text);
/* "hotinject: libworker.so #2"; "hotinject: game (4242): libworker.so" */
void hi_line_begin_build(const struct hi_report *report, struct hi_buf *buf,
			 const char *worker, unsigned int build);
/* "hotinject: libworker.so " */
void hi_line_begin_back(const struct hi_report *report, struct hi_buf *buf,
			const char *worker);
void hi_line_begin_host(struct hi_buf *buf, const char *host, pid_t pid,
			const char *worker);
/* What many processes have in common. */
void hi_line_add_brief(const struct hi_report *report, struct hi_buf *brief,
		       const char *worker, unsigned int build, const char *verb,
		       const char *style);

#endif
