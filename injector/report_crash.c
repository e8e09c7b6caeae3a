/*
 * What there is to say of a crash in the worker.
 */
#include <stdio.h>
#include <string.h>

#include "injector/phrase.h"
#include "injector/report_parts.h"

static void add_where(struct hi_buf *buf, const char *where)
{
	if (!where || !*where)
		return;
	hi_buf_text(buf, " (");
	hi_phrase_clean(buf, where);
	hi_buf_text(buf, ")");
}

/* "SIGSEGV at 0x8 in clamp() (worker.c:40)" */
static void add_what(struct hi_buf *buf, const struct hi_report_crash *crash)
{
	if (!crash->signal)
		hi_buf_printf(buf, "thread %d was taken out of",
			      (int)crash->thread);
	else if (crash->overflow)
		hi_buf_printf(buf, "%s, its stack is full,", crash->signal);
	else if (crash->has_address)
		hi_buf_printf(buf, "%s at %#lx", crash->signal,
			      (unsigned long)crash->address_remote);
	else
		hi_buf_text(buf, crash->signal);
	if (!crash->function) {
		hi_buf_text(buf, crash->signal ? "" : " it");
		return;
	}
	hi_buf_text(buf, crash->signal ? " in " : " ");
	hi_phrase_function(buf, crash->function);
	add_where(buf, crash->where);
}

static void add_entered(struct hi_buf *buf, const struct hi_report_crash *crash)
{
	if (crash->entered)
		hi_phrase_function(buf, crash->entered);
	else
		hi_buf_text(buf, "the call");
}

/* "update() returns zero until a new build arrives" */
static void add_action(struct hi_buf *buf, const struct hi_report_crash *crash)
{
	if (!strcmp(crash->action, "off")) {
		hi_buf_text(buf, "the host dies of it");
	} else if (!strcmp(crash->action, "rollback")) {
		hi_buf_printf(buf, "going back to #%u", crash->to_build);
	} else {
		add_entered(buf, crash);
		hi_buf_text(buf, !strcmp(crash->action, "hold") ?
					 " returns zero until a new build "
					 "arrives" :
					 " has returned zero");
	}
	if (*crash->why) {
		hi_buf_text(buf, ": ");
		hi_phrase_clean(buf, crash->why);
	}
}

static void add_frame(struct hi_buf *buf, const struct hi_report_frame *frame,
		      bool left)
{
	hi_buf_text(buf, left ? "    " : "    -> ");
	if (frame->function)
		hi_phrase_function(buf, frame->function);
	else
		hi_buf_text(buf, "?");
	if (*frame->where) {
		hi_buf_text(buf, " at ");
		hi_phrase_clean(buf, frame->where);
	} else if (*frame->module && !(frame->function &&
				       hi_phrase_is_address(frame->function))) {
		hi_buf_text(buf, " in ");
		hi_phrase_clean(buf, frame->module);
	}
	if (*frame->source) {
		hi_buf_text(buf, ": ");
		hi_phrase_clean(buf, frame->source);
	}
	if (frame->cleanup)
		hi_buf_text(buf, " [its cleanup was skipped]");
	hi_line_end(buf);
}

static bool is_same(const struct hi_report_frame *one,
		    const struct hi_report_frame *other)
{
	return one->function && other->function &&
	       !strcmp(one->function, other->function) &&
	       !strcmp(one->where, other->where);
}

/* Recursion: how many of the frames from AT on are one. */
static size_t count_same(const struct hi_report_crash *crash, size_t at)
{
	size_t n = 1;

	while (at + n < crash->n_left &&
	       is_same(&crash->frames[at], &crash->frames[at + n]))
		n++;
	return n;
}

static void add_more(struct hi_buf *buf, size_t n)
{
	if (n == 0)
		return;
	hi_buf_text(buf, "    ... ");
	hi_phrase_count(buf, n, "more frame");
	hi_line_end(buf);
}

static void add_frames(struct hi_buf *buf, const struct hi_report_crash *crash)
{
	size_t same = 1, more = 0;

	for (size_t i = 0; i < crash->n_frames; i += same) {
		same = count_same(crash, i);
		if (i < crash->n_left)
			more = same - 1;
		if (i + same == crash->n_left)
			more += crash->n_more;
		add_frame(buf, &crash->frames[i], i < crash->n_left);
		add_more(buf, more);
		more = 0;
	}
	for (size_t i = 0; i < crash->n_locks; i++) {
		hi_buf_text(buf, "    ");
		hi_phrase_clean(buf, crash->locks[i]);
		hi_line_end(buf);
	}
}

static void add_times(struct hi_buf *buf, const struct hi_report_crash *crash)
{
	if (crash->times > 1)
		hi_buf_printf(buf, " (%zu times)", crash->times);
}

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, hi_event_text(text ? text : ""));
}

static json_t *make_backtrace(const struct hi_report_crash *crash)
{
	json_t *list = json_array();

	for (size_t i = 0; i < crash->n_frames; i++) {
		const struct hi_report_frame *frame = &crash->frames[i];
		json_t *one = json_object();

		set_text(one, "function", frame->function);
		set_text(one, "module", frame->module);
		set_text(one, "where", frame->where);
		json_object_set_new(one, "left",
				    json_boolean(i < crash->n_left));
		if (frame->cleanup)
			json_object_set_new(one, "cleanup_skipped",
					    json_true());
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *make_event(const struct hi_report_crash *crash)
{
	json_t *event = hi_event_new(crash->signal ? "crash" : "kicked");
	char address[24];

	json_object_set_new(event, "pid", json_integer(crash->pid));
	set_text(event, "worker", crash->worker);
	json_object_set_new(event, "build", json_integer(crash->build));
	json_object_set_new(event, "thread", json_integer(crash->thread));
	if (crash->signal)
		set_text(event, "signal", crash->signal);
	if (crash->has_address) {
		snprintf(address, sizeof(address), "%#lx",
			 (unsigned long)crash->address_remote);
		set_text(event, "address", address);
	}
	set_text(event, "function", crash->function);
	set_text(event, "where", crash->where);
	set_text(event, "entered", crash->entered);
	set_text(event, "action", crash->action);
	json_object_set_new(event, "times",
			    json_integer((json_int_t)crash->times));
	json_object_set_new(event, "backtrace", make_backtrace(crash));
	json_object_set_new(event, "frames_left_out",
			    json_integer((json_int_t)crash->n_more));
	json_object_set_new(event, "locks",
			    hi_event_names(crash->locks, crash->n_locks));
	return event;
}

void hi_report_crash(struct hi_report *report,
		     const struct hi_report_crash *crash)
{
	struct hi_buf buf = HI_BUF_INIT, text = HI_BUF_INIT;
	struct hi_buf key = HI_BUF_INIT, brief = HI_BUF_INIT;
	const char *verb = crash->signal ? "crashed" : "kicked";
	json_t *event = make_event(crash);

	add_what(&text, crash);
	hi_buf_text(&text, "; ");
	add_action(&text, crash);
	hi_history_add_of(&report->history, crash->image, event,
			  hi_buf_str(&text));
	hi_report_send(report, event);
	hi_line_begin_build(report, &buf, crash->worker, crash->build);
	hi_buf_text(&buf, " ");
	hi_line_add_styled(report, &buf, HI_RED, verb);
	hi_buf_text(&buf, ": ");
	hi_buf_text(&buf, hi_buf_str(&text));
	add_times(&buf, crash);
	hi_line_end(&buf);
	if (crash->times <= 1)
		add_frames(&buf, crash);
	hi_line_add_brief(report, &brief, crash->worker, crash->build, verb,
			  HI_RED);
	hi_buf_text(&key, hi_buf_str(&text));
	hi_report_say_as(report, &buf, &key, &brief);
	hi_buf_done(&text);
}
