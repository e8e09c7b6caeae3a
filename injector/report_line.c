/* Lines: how they begin and end, their colors, and where they go. */
#include "injector/report_parts.h"

#include <termios.h>
#include <unistd.h>

#include "injector/output.h"
#include "injector/phrase.h"

#define BOLD  "\033[1m"
#define PLAIN "\033[0m"

void hi_line_begin(struct hi_buf *buf)
{
	hi_buf_text(buf, "hotinject: ");
}

/* A host in raw mode (a full-screen program) leaves the carriage where it is. */
static const char *line_end(void)
{
	struct termios mode;

	if (tcgetattr(STDERR_FILENO, &mode) == 0 && !(mode.c_oflag & OPOST))
		return "\r\n";
	return "\n";
}

void hi_line_end(struct hi_buf *buf)
{
	hi_buf_text(buf, line_end());
}

void hi_line_add_hint(struct hi_buf *buf, const char *hint)
{
	if (!hint || !*hint)
		return;
	hi_buf_text(buf, "hint: ");
	hi_phrase_clean(buf, hint);
	hi_line_end(buf);
}

void hi_report_set_listener(struct hi_report *report,
			    hi_report_listener *listener, void *context)
{
	report->listener = listener;
	report->listener_context = context;
}

void hi_report_write(const struct hi_report *report, const char *text,
		     bool bare)
{
	struct hi_buf buf = HI_BUF_INIT;

	(void)report;
	hi_buf_text(&buf, text);
	if (bare)
		hi_line_end(&buf);
	/* With standard error gone there is nobody left to tell. */
	if (buf.len > 0 &&
	    hi_output_write(STDERR_FILENO, buf.data, buf.len) < 0)
		hi_buf_clear(&buf);
	hi_buf_done(&buf);
}

void hi_report_say_as(const struct hi_report *report, struct hi_buf *buf,
		      struct hi_buf *key, struct hi_buf *brief)
{
	if (report->listener && buf->len > 0)
		report->listener(report->listener_context, hi_buf_str(key),
				 hi_buf_str(brief), hi_buf_str(buf));
	else
		hi_report_write(report, hi_buf_str(buf), false);
	hi_buf_done(buf);
	hi_buf_done(key);
	hi_buf_done(brief);
}

void hi_report_say(const struct hi_report *report, struct hi_buf *buf)
{
	struct hi_buf key = HI_BUF_INIT, brief = HI_BUF_INIT;

	hi_report_say_as(report, buf, &key, &brief);
}

void hi_line_add_styled(const struct hi_report *report, struct hi_buf *buf,
			const char *style, const char *text)
{
	if (report->color)
		hi_buf_text(buf, style);
	hi_buf_text(buf, text);
	if (report->color)
		hi_buf_text(buf, PLAIN);
}

/* "libworker.so #2"; a verb follows in its color: " live" */
static void add_build(const struct hi_report *report, struct hi_buf *buf,
		      const char *worker, unsigned int build)
{
	if (report->color)
		hi_buf_text(buf, BOLD);
	hi_phrase_clean(buf, hi_phrase_base_name(worker));
	hi_buf_printf(buf, " #%u", build);
	if (report->color)
		hi_buf_text(buf, PLAIN);
}

void hi_line_begin_build(const struct hi_report *report, struct hi_buf *buf,
			 const char *worker, unsigned int build)
{
	hi_line_begin(buf);
	add_build(report, buf, worker, build);
}

void hi_line_begin_back(const struct hi_report *report, struct hi_buf *buf,
			const char *worker)
{
	hi_line_begin(buf);
	if (report->color)
		hi_buf_text(buf, BOLD);
	hi_phrase_clean(buf, hi_phrase_base_name(worker));
	if (report->color)
		hi_buf_text(buf, PLAIN);
	hi_buf_text(buf, " ");
}

void hi_line_begin_host(struct hi_buf *buf, const char *host, pid_t pid,
			const char *worker)
{
	hi_line_begin(buf);
	hi_phrase_clean(buf, hi_phrase_base_name(host));
	hi_buf_printf(buf, " (%d): ", (int)pid);
	hi_phrase_clean(buf, hi_phrase_base_name(worker));
}

void hi_line_add_brief(const struct hi_report *report, struct hi_buf *brief,
		       const char *worker, unsigned int build, const char *verb,
		       const char *style)
{
	add_build(report, brief, worker, build);
	hi_buf_text(brief, " ");
	hi_line_add_styled(report, brief, style, verb);
}
