/* What becomes of a build: live, refused, ignored, waiting. */
#include "injector/report_parts.h"

#include <stdio.h>
#include <string.h>

#include "injector/brief.h"
#include "injector/live.h"
#include "injector/phrase.h"

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

static void add_parted(const struct hi_report *report, struct hi_buf *buf,
		       const struct hi_report_live *live)
{
	bool many = live->n_parted > 1;

	if (live->n_parted == 0)
		return;
	hi_line_begin_build(report, buf, live->worker, live->build);
	hi_buf_text(buf, ": objects of ");
	hi_phrase_names(buf, live->parted, live->n_parted, HI_PHRASE_BARE);
	hi_buf_text(buf, " that exist keep the code that they were made with: "
			 "what ");
	hi_buf_text(buf, many ? "they hold" : "it holds");
	hi_buf_text(buf, ", or how many there are, has changed");
	hi_line_end(buf);
}

static void add_initial(const struct hi_report *report, struct hi_buf *buf,
			const struct hi_report_live *live)
{
	bool many = live->n_initial > 1;

	if (live->n_initial == 0)
		return;
	hi_line_begin_build(report, buf, live->worker, live->build);
	hi_buf_text(buf, ": ");
	hi_phrase_names(buf, live->initial, live->n_initial, HI_PHRASE_BARE);
	hi_buf_text(buf, many ? " keep their values: the new initial ones are "
				"for the next start of the host" :
				" keeps its value: the new initial one is for "
				"the next start of the host");
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
	json_t *event = hi_report_event(live->dry  ? "judged" :
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
	add_parted(report, &buf, live);
	add_initial(report, &buf, live);
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
					      "object", "member",   "passing" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strncmp(kind, others[i], strlen(others[i])))
			return false;
	return true;
}

/* "update(): parameter 2 changed from 'float' to 'double' (worker.c:12)" */
static void add_reason(struct hi_buf *buf, const struct hi_reason *reason)
{
	struct hi_buf text = HI_BUF_INIT;

	if (reason->symbol && *reason->symbol) {
		hi_phrase_names(buf, &reason->symbol, 1,
				is_about_function(reason->kind) ?
					HI_PHRASE_CALLS :
					HI_PHRASE_BARE);
		hi_buf_text(buf, ": ");
	}
	hi_brief_text(&text, reason->text);
	hi_phrase_clean(buf, hi_buf_str(&text));
	hi_buf_done(&text);
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
	json_t *event = hi_report_event("refused", pid, worker);
	json_t *list = json_array();

	hi_report_set_number(event, "build", build);
	if (back)
		json_object_set_new(event, "rollback", json_true());
	for (size_t i = 0; i < n_reasons; i++) {
		json_t *reason = json_object();

		hi_report_set_text(reason, "kind", reasons[i].kind);
		hi_report_set_text(reason, "symbol", reasons[i].symbol);
		hi_report_set_text(reason, "text", reasons[i].text);
		hi_report_set_text(reason, "where", reasons[i].where);
		json_array_append_new(list, reason);
	}
	json_object_set_new(event, "reasons", list);
	hi_report_set_text(event, "hint", hint);
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
	json_t *event = hi_report_event("ignored", pid, worker);

	hi_report_set_text(event, "reason", sentence);
	hi_history_add(&report->history, event, sentence);
	hi_report_send(report, event);
	hi_report_note(report, "%s", sentence);
}

void hi_report_waiting(struct hi_report *report, pid_t pid, const char *worker,
		       unsigned int build, pid_t thread, const char *function,
		       const char *where, uint64_t since_ns)
{
	json_t *event = hi_report_event("waiting", pid, worker);
	struct hi_buf buf = HI_BUF_INIT, key = HI_BUF_INIT, brief = HI_BUF_INIT;

	hi_report_set_number(event, "build", build);
	hi_report_set_number(event, "thread", (uint64_t)thread);
	hi_report_set_text(event, "function", function);
	hi_report_set_text(event, "where", where);
	hi_report_set_number(event, "since_ms", (since_ns + 500000) / 1000000);
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
