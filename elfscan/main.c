/*
 * elfscan - what changed between two builds of a library, and whom it breaks.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "elfscan/baseline.h"
#include "elfscan/scan.h"

#define HI_VERSION   "0.1.0"
#define STATUS_ERROR 1
#define STATUS_USAGE 3

static int fail(const struct hi_err *err)
{
	fprintf(stderr, "elfscan: %s\n", err->sentence);
	if (err->hint[0])
		fprintf(stderr, "hint: %s\n", err->hint);
	return err->code == HI_E_USAGE ? STATUS_USAGE : STATUS_ERROR;
}

/* Whether all that was printed has arrived: STATUS, or that of an error. */
static int end_output(bool printed, int status)
{
	struct hi_err err;

	if (printed && fflush(stdout) != EOF && !ferror(stdout))
		return status;
	hi_fail_sys(&err, "cannot write to standard output");
	return fail(&err);
}

/* Print it all, or say that it could not be. */
static int put(struct hi_buf *buf, int status)
{
	struct hi_err err;
	const char *text = hi_buf_str(buf);

	if (buf->failed) {
		hi_fail(&err, HI_E_NOMEM, "no memory for the report");
		status = fail(&err);
	} else {
		status = end_output(fputs(text, stdout) != EOF, status);
	}
	hi_buf_done(buf);
	return status;
}

static int dump(const struct hi_scan_options *options)
{
	struct hi_buf buf = HI_BUF_INIT;
	struct hi_library_side side;
	struct hi_err err = { 0 };

	if (hi_side_open(options->old, &side, &err) < 0)
		return fail(&err);
	hi_baseline_write(side.model, &buf);
	hi_side_done(&side);
	return put(&buf, 0);
}

static int compare(const struct hi_scan_options *options)
{
	static void (*const reports[])(const struct hi_scan *,
				       struct hi_buf *) = {
		[HI_FORMAT_TEXT] = hi_report_scan_text,
		[HI_FORMAT_JSON] = hi_report_scan_json,
		[HI_FORMAT_GITHUB] = hi_report_scan_github,
		[HI_FORMAT_SARIF] = hi_report_scan_sarif,
	};
	struct hi_buf buf = HI_BUF_INIT;
	struct hi_scan scan;
	struct hi_err err = { 0 };
	int status;

	if (hi_scan_run(options, &scan, &err) < 0)
		return fail(&err);
	reports[options->format](&scan, &buf);
	status = hi_scan_get_status(&scan);
	hi_scan_done(&scan);
	return put(&buf, status);
}

int main(int argc, char **argv)
{
	struct hi_scan_options options;
	struct hi_err err = { 0 };

	if (hi_scan_options_parse(argc, argv, &options, &err) < 0)
		return fail(&err);
	switch (options.action) {
	case HI_SCAN_HELP:
		hi_scan_options_help(stdout);
		return end_output(true, 0);
	case HI_SCAN_VERSION:
		return end_output(printf("elfscan %s\n", HI_VERSION) > 0, 0);
	case HI_SCAN_DUMP:
		return dump(&options);
	default:
		return compare(&options);
	}
}
