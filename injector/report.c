#include "injector/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "injector/event.h"
#include "injector/history.h"
#include "injector/phrase.h"
#include "injector/report_parts.h"

static bool wants_color(enum hi_color color)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (color != HI_COLOR_AUTO)
		return color == HI_COLOR_ALWAYS;
	/* no-color.org: an empty NO_COLOR asks for nothing. */
	if (no_color && *no_color)
		return false;
	return isatty(STDERR_FILENO) && !(term && !strcmp(term, "dumb"));
}

int hi_report_new(const struct hi_options *options,
		  struct hi_report **ret_report, struct hi_err *err)
{
	struct hi_report *report = calloc(1, sizeof(*report));
	int code = 0;

	if (!report)
		return hi_fail(err, HI_E_NOMEM, "out of memory at the start");
	report->color = wants_color(options->color);
	report->quiet = options->quiet;
	report->verbose = options->verbose > 0;
	if (options->events)
		code = hi_events_open(options->events, &report->events, err);
	if (code < 0) {
		free(report);
		return code;
	}
	*ret_report = report;
	return 0;
}

void hi_report_free(struct hi_report *report)
{
	if (!report)
		return;
	hi_events_free(report->events);
	json_decref(report->held);
	hi_history_done(&report->history);
	free(report);
}

struct hi_history *hi_report_get_history(struct hi_report *report)
{
	return &report->history;
}

json_t *hi_report_event(const char *name, pid_t pid, const char *worker)
{
	json_t *event = hi_event_new(name);

	json_object_set_new(event, "pid", json_integer(pid));
	if (worker)
		json_object_set_new(event, "worker",
				    hi_event_text(hi_phrase_base_name(worker)));
	return event;
}

void hi_report_set_text(json_t *event, const char *key, const char *text)
{
	json_object_set_new(event, key, hi_event_text(text ? text : ""));
}

void hi_report_set_number(json_t *event, const char *key, uint64_t number)
{
	json_object_set_new(event, key, json_integer((json_int_t)number));
}

static void say_error(const struct hi_report *report, const struct hi_err *err)
{
	struct hi_buf buf = HI_BUF_INIT;

	hi_line_begin(&buf);
	hi_phrase_clean(&buf, err->sentence);
	hi_line_end(&buf);
	hi_line_add_hint(&buf, err->hint);
	hi_report_say(report, &buf);
}

void hi_report_release(struct hi_report *report)
{
	json_t *event = report->held;

	report->held = NULL;
	if (event)
		hi_report_send(report, event);
}

/* A stream that broke is told once, the session goes on. */
void hi_report_send(struct hi_report *report, json_t *event)
{
	struct hi_err err = { 0 };

	hi_report_release(report);
	report->unheard = false;
	if (!report->events)
		json_decref(event);
	else if (hi_events_send(report->events, event, &err) < 0)
		say_error(report, &err);
}

void hi_report_error(struct hi_report *report, const struct hi_err *err)
{
	json_t *event = hi_event_new("error");

	say_error(report, err);
	hi_report_set_text(event, "text", err->sentence);
	hi_report_set_text(event, "hint", err->hint);
	hi_report_send(report, event);
}

static void say_text(const struct hi_report *report, const char *format,
		     va_list arguments)
{
	struct hi_buf buf = HI_BUF_INIT;
	char *text = NULL;

	if (vasprintf(&text, format, arguments) < 0)
		return;
	hi_line_begin(&buf);
	hi_phrase_clean(&buf, text);
	hi_line_end(&buf);
	free(text);
	hi_report_say(report, &buf);
}

void hi_report_note(struct hi_report *report, const char *format, ...)
{
	va_list arguments;

	if (report->quiet)
		return;
	va_start(arguments, format);
	say_text(report, format, arguments);
	va_end(arguments);
}

void hi_report_detail(struct hi_report *report, const char *format, ...)
{
	va_list arguments;

	if (report->quiet || !report->verbose)
		return;
	va_start(arguments, format);
	say_text(report, format, arguments);
	va_end(arguments);
}

void hi_report_ready(struct hi_report *report, const char *host, pid_t pid,
		     const char *worker, size_t n_functions)
{
	json_t *event = hi_report_event("ready", pid, worker);
	struct hi_buf buf = HI_BUF_INIT;

	hi_report_set_number(event, "build", 1);
	hi_report_set_number(event, "functions", n_functions);
	hi_history_add(&report->history, event, "");
	hi_report_send(report, event);
	if (report->quiet)
		return;
	hi_line_begin_host(&buf, host, pid, worker);
	hi_buf_text(&buf, " has ");
	hi_phrase_count(&buf, n_functions, "function");
	hi_buf_text(&buf, " in the table");
	hi_line_end(&buf);
	hi_report_say(report, &buf);
}

void hi_report_taken_up(struct hi_report *report, const char *host, pid_t pid,
			const char *worker, unsigned int build,
			size_t n_functions)
{
	json_t *event = hi_report_event("ready", pid, worker);
	struct hi_buf buf = HI_BUF_INIT;

	hi_report_set_number(event, "build", build);
	hi_report_set_number(event, "functions", n_functions);
	hi_report_send(report, event);
	if (report->quiet)
		return;
	hi_line_begin_host(&buf, host, pid, worker);
	hi_buf_printf(&buf, " is taken up again at #%u, with ", build);
	hi_phrase_count(&buf, n_functions, "function");
	hi_buf_text(&buf, " in the table");
	hi_line_end(&buf);
	hi_report_say(report, &buf);
}

void hi_report_absent(struct hi_report *report, const char *host, pid_t pid,
		      const char *worker)
{
	struct hi_buf buf = HI_BUF_INIT;

	hi_report_send(report, hi_report_event("absent", pid, worker));
	if (report->quiet)
		return;
	hi_line_begin_host(&buf, host, pid, worker);
	hi_buf_text(&buf, " is not open yet; it is watched until the host "
			  "opens it");
	hi_line_end(&buf);
	hi_report_say(report, &buf);
}

void hi_report_set_unheard(struct hi_report *report)
{
	json_decref(report->held);
	report->held = NULL;
	report->unheard = true;
}

void hi_report_forked(struct hi_report *report, const char *host, pid_t pid,
		      pid_t parent, const char *worker, unsigned int build,
		      size_t n_functions)
{
	json_t *event = hi_report_event("ready", pid, worker);

	hi_report_set_number(event, "build", build);
	hi_report_set_number(event, "functions", n_functions);
	hi_report_set_number(event, "parent", (uint64_t)parent);
	json_decref(report->held);
	report->held = event;
	hi_report_detail(report, "%s (%d), forked by %d, has %s #%u", host,
			 (int)pid, (int)parent, worker, build);
}

void hi_report_detached(struct hi_report *report, const char *host, pid_t pid,
			bool stays)
{
	hi_report_send(report, hi_report_event("detached", pid, NULL));
	hi_report_note(report,
		       stays ? "%s (%d) runs on with the build that it has" :
			       "%s (%d) runs on as it did before",
		       host, (int)pid);
}

void hi_report_exit(struct hi_report *report, pid_t pid, int status)
{
	json_t *event = hi_report_event("exit", pid, NULL);

	json_object_set_new(event, "status", json_integer(status));
	if (report->held || report->unheard)
		json_decref(event);
	else
		hi_report_send(report, event);
	hi_report_detail(report, "host %d has ended with status %d", (int)pid,
			 status);
}
