/* What becomes of the command that makes builds. */
#include "injector/report_parts.h"

#include <string.h>

#include "injector/phrase.h"

/* As the command has written it, colors and all; it is the user's own. */
static void add_output(struct hi_buf *buf, const struct hi_report_built *built)
{
	const char *line = built->output;

	while (*line) {
		size_t len = strcspn(line, "\n");

		hi_buf_add(buf, line, len);
		hi_line_end(buf);
		line += len + (line[len] == '\n');
	}
	if (built->n_cut == 0)
		return;
	hi_line_begin(buf);
	hi_buf_printf(buf, "%zu bytes more are not shown", built->n_cut);
	hi_line_end(buf);
}

static void add_verdict(const struct hi_report *report, struct hi_buf *buf,
			const struct hi_report_built *built)
{
	hi_line_begin(buf);
	hi_buf_text(buf, "'");
	hi_phrase_clean(buf, built->command);
	hi_buf_text(buf, "' ");
	if (built->status == 0) {
		hi_buf_text(buf, "has run (");
	} else {
		hi_line_add_styled(report, buf, HI_RED, "failed");
		hi_buf_printf(buf, " with status %d (", built->status);
	}
	hi_phrase_duration(buf, built->took_ns);
	hi_buf_text(buf, ")");
	hi_line_end(buf);
}

void hi_report_built(struct hi_report *report,
		     const struct hi_report_built *built)
{
	json_t *event = hi_event_new("built");
	struct hi_buf buf = HI_BUF_INIT;

	hi_report_set_text(event, "command", built->command);
	json_object_set_new(event, "status", json_integer(built->status));
	json_object_set_new(event, "took_ms",
			    json_real((double)built->took_ns / 1e6));
	hi_report_send(report, event);
	if (built->status == 0 && report->quiet)
		return;
	if (built->status != 0)
		add_output(&buf, built);
	add_verdict(report, &buf, built);
	hi_report_say(report, &buf);
}
