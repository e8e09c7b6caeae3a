#include "injector/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "injector/event.h"
#include "injector/history.h"
#include "injector/live.h"
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

static json_t *new_event(const char *name, pid_t pid, const char *worker)
{
	json_t *event = hi_event_new(name);

	json_object_set_new(event, "pid", json_integer(pid));
	if (worker)
		json_object_set_new(event, "worker",
				    hi_event_text(hi_phrase_base_name(worker)));
	return event;
}

static void set_text(json_t *event, const char *key, const char *text)
{
	json_object_set_new(event, key, hi_event_text(text ? text : ""));
}

static void set_number(json_t *event, const char *key, uint64_t number)
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
	set_text(event, "text", err->sentence);
	set_text(event, "hint", err->hint);
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
	json_t *event = new_event("ready", pid, worker);
	struct hi_buf buf = HI_BUF_INIT;

	set_number(event, "build", 1);
	set_number(event, "functions", n_functions);
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
	json_t *event = new_event("ready", pid, worker);
	struct hi_buf buf = HI_BUF_INIT;

	set_number(event, "build", build);
	set_number(event, "functions", n_functions);
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

	hi_report_send(report, new_event("absent", pid, worker));
	if (report->quiet)
		return;
	hi_line_begin_host(&buf, host, pid, worker);
	hi_buf_text(&buf, " is not open yet; it is watched until the host "
			  "opens it");
	hi_line_end(&buf);
	hi_report_say(report, &buf);
}

/* With two builds the older one has a number. */
static const char *old_build(const struct hi_report_live *live)
{
	if (live->from)
		return "another build";
	return live->build == 2 ? "build #1" : "an older build";
}

static void add_kept(const struct hi_report *report, struct hi_buf *buf,
		     const struct hi_report_live *live)
{
	if (live->n_kept == 0)
		return;
	hi_line_begin_build(report, buf, live->worker, live->build);
	hi_buf_text(buf, ": code of ");
	hi_buf_text(buf, old_build(live));
	hi_buf_text(buf, " that still runs keeps its own ");
	hi_phrase_names(buf, live->bypassed, live->n_kept, HI_PHRASE_CALLS);
	hi_buf_text(buf, ": it may rely on registers that the new code "
			 "changes");
	hi_line_end(buf);
}

static void add_bypassed(const struct hi_report *report, struct hi_buf *buf,
			 const struct hi_report_live *live)
{
	size_t n = live->n_bypassed - live->n_kept;
	bool many = n > 1;

	if (n == 0)
		return;
	hi_line_begin_build(report, buf, live->worker, live->build);
	hi_buf_text(buf,
		    many ? ": stored pointers to " : ": a stored pointer to ");
	hi_phrase_names(buf, live->bypassed + live->n_kept, n, HI_PHRASE_CALLS);
	hi_buf_text(buf, many ? " still reach " : " still reaches ");
	hi_buf_text(buf, old_build(live));
	hi_line_end(buf);
}

/* "libworker.so #2 live: ", or "libworker.so back at #2: " */
static void begin_live(const struct hi_report *report, struct hi_buf *buf,
		       const struct hi_report_live *live)
{
	char back[32];

	if (live->from) {
		snprintf(back, sizeof(back), "back at #%u", live->build);
		hi_line_begin_back(report, buf, live->worker);
		hi_line_add_styled(report, buf, HI_GREEN, back);
	} else {
		hi_line_begin_build(report, buf, live->worker, live->build);
		hi_buf_text(buf, live->dry ? " would be " : " ");
		hi_line_add_styled(report, buf, HI_GREEN, "live");
	}
	hi_buf_text(buf, ": ");
}

void hi_report_live(struct hi_report *report, const struct hi_report_live *live)
{
	json_t *event = new_event(live->dry  ? "judged" :
				  live->from ? "rollback" :
					       "live",
				  live->pid, live->worker);
	struct hi_buf buf = HI_BUF_INIT, key = HI_BUF_INIT, brief = HI_BUF_INIT;

	hi_live_event(event, live);
	hi_live_text(&buf, live);
	hi_history_add(&report->history, event, hi_buf_str(&buf));
	hi_buf_done(&buf);
	hi_report_send(report, event);
	if (report->quiet)
		return;
	begin_live(report, &buf, live);
	hi_live_text(&buf, live);
	hi_line_end(&buf);
	add_kept(report, &buf, live);
	add_bypassed(report, &buf, live);
	hi_line_add_brief(report, &brief, live->worker, live->build,
			  live->dry  ? "would be live" :
			  live->from ? "live again" :
				       "live",
			  HI_GREEN);
	hi_buf_printf(&key, "%s %d %zu", hi_buf_str(&brief), live->busy,
		      live->n_bypassed);
	hi_report_say_as(report, &buf, &key, &brief);
}

/* Whether a reason of this kind speaks of a function. */
static bool is_about_function(const char *kind)
{
	static const char *const others[] = { "state",  "variable", "load",
					      "layout", "enum",     "vtable",
					      "object", "member" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strncmp(kind, others[i], strlen(others[i])))
			return false;
	return true;
}

/* "update(): parameter 2 changed from 'float' to 'double' (worker.c:12)" */
static void add_reason(struct hi_buf *buf, const struct hi_reason *reason)
{
	if (reason->symbol && *reason->symbol) {
		hi_phrase_names(buf, &reason->symbol, 1,
				is_about_function(reason->kind) ?
					HI_PHRASE_CALLS :
					HI_PHRASE_BARE);
		hi_buf_text(buf, ": ");
	}
	hi_phrase_clean(buf, reason->text);
	if (reason->where && *reason->where) {
		hi_buf_text(buf, " (");
		hi_phrase_clean(buf, reason->where);
		hi_buf_text(buf, ")");
	}
}

static void remember_refused(struct hi_report *report, const json_t *event,
			     const struct hi_reason *reasons, size_t n_reasons)
{
	struct hi_buf buf = HI_BUF_INIT;

	for (size_t i = 0; i < n_reasons; i++) {
		hi_buf_text(&buf, i ? "; " : "");
		add_reason(&buf, &reasons[i]);
	}
	hi_history_add(&report->history, event, hi_buf_str(&buf));
	hi_buf_done(&buf);
}

static void send_refused(struct hi_report *report, pid_t pid,
			 const char *worker, unsigned int build, bool back,
			 const struct hi_reason *reasons, size_t n_reasons,
			 const char *hint)
{
	json_t *event = new_event("refused", pid, worker);
	json_t *list = json_array();

	set_number(event, "build", build);
	if (back)
		json_object_set_new(event, "rollback", json_true());
	for (size_t i = 0; i < n_reasons; i++) {
		json_t *reason = json_object();

		set_text(reason, "kind", reasons[i].kind);
		set_text(reason, "symbol", reasons[i].symbol);
		set_text(reason, "text", reasons[i].text);
		set_text(reason, "where", reasons[i].where);
		json_array_append_new(list, reason);
	}
	json_object_set_new(event, "reasons", list);
	set_text(event, "hint", hint);
	remember_refused(report, event, reasons, n_reasons);
	hi_report_send(report, event);
}

void hi_report_refused(struct hi_report *report, pid_t pid, const char *worker,
		       unsigned int build, bool back,
		       const struct hi_reason *reasons, size_t n_reasons,
		       const char *hint)
{
	struct hi_buf buf = HI_BUF_INIT, key = HI_BUF_INIT, brief = HI_BUF_INIT;
	size_t i = 0;

	send_refused(report, pid, worker, build, back, reasons, n_reasons,
		     hint);
	do {
		if (back) {
			hi_line_begin_back(report, &buf, worker);
			hi_buf_printf(&buf, "back to #%u ", build);
		} else {
			hi_line_begin_build(report, &buf, worker, build);
			hi_buf_text(&buf, " ");
		}
		hi_line_add_styled(report, &buf, HI_RED, "refused");
		if (i < n_reasons) {
			hi_buf_text(&buf, ": ");
			add_reason(&buf, &reasons[i]);
		}
		hi_line_end(&buf);
	} while (++i < n_reasons);
	hi_line_add_hint(&buf, hint);
	hi_line_add_brief(report, &brief, worker, build, "refused", HI_RED);
	hi_report_say_as(report, &buf, &key, &brief);
}

void hi_report_ignored(struct hi_report *report, pid_t pid, const char *worker,
		       const char *sentence)
{
	json_t *event = new_event("ignored", pid, worker);

	set_text(event, "reason", sentence);
	hi_history_add(&report->history, event, sentence);
	hi_report_send(report, event);
	hi_report_note(report, "%s", sentence);
}

void hi_report_waiting(struct hi_report *report, pid_t pid, const char *worker,
		       unsigned int build, pid_t thread, const char *function,
		       const char *where, uint64_t since_ns)
{
	json_t *event = new_event("waiting", pid, worker);
	struct hi_buf buf = HI_BUF_INIT, key = HI_BUF_INIT, brief = HI_BUF_INIT;

	set_number(event, "build", build);
	set_number(event, "thread", (uint64_t)thread);
	set_text(event, "function", function);
	set_text(event, "where", where);
	set_number(event, "since_ms", (since_ns + 500000) / 1000000);
	hi_report_send(report, event);
	if (report->quiet)
		return;
	hi_line_begin_build(report, &buf, worker, build);
	hi_buf_text(&buf, " ");
	hi_line_add_styled(report, &buf, HI_YELLOW, "waits");
	hi_buf_printf(&buf, ": thread %d has been in ", (int)thread);
	hi_phrase_function(&buf, function);
	if (where && *where) {
		hi_buf_text(&buf, " (");
		hi_phrase_clean(&buf, where);
		hi_buf_text(&buf, ")");
	}
	hi_buf_text(&buf, " for ");
	hi_phrase_duration(&buf, since_ns);
	hi_line_end(&buf);
	hi_line_add_brief(report, &brief, worker, build, "waits", HI_YELLOW);
	hi_report_say_as(report, &buf, &key, &brief);
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
	json_t *event = new_event("ready", pid, worker);

	set_number(event, "build", build);
	set_number(event, "functions", n_functions);
	set_number(event, "parent", (uint64_t)parent);
	json_decref(report->held);
	report->held = event;
	hi_report_detail(report, "%s (%d), forked by %d, has %s #%u", host,
			 (int)pid, (int)parent, worker, build);
}

void hi_report_detached(struct hi_report *report, const char *host, pid_t pid,
			bool stays)
{
	hi_report_send(report, new_event("detached", pid, NULL));
	hi_report_note(report,
		       stays ? "%s (%d) runs on with the build that it has" :
			       "%s (%d) runs on as it did before",
		       host, (int)pid);
}

void hi_report_exit(struct hi_report *report, pid_t pid, int status)
{
	json_t *event = new_event("exit", pid, NULL);

	json_object_set_new(event, "status", json_integer(status));
	if (report->held || report->unheard)
		json_decref(event);
	else
		hi_report_send(report, event);
	hi_report_detail(report, "host %d has ended with status %d", (int)pid,
			 status);
}
