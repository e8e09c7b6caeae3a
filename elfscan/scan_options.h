/*
 * scan_options - the command line of elfscan.
 *
 * Ownership: strings point into argv.
 * Errors:    HI_E_USAGE with a sentence and a hint.
 */
#ifndef HI_ELFSCAN_SCAN_OPTIONS_H
#define HI_ELFSCAN_SCAN_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "common/err.h"

enum hi_scan_action {
	HI_SCAN_DIFF,
	HI_SCAN_DUMP,
	HI_SCAN_CHECK,
	HI_SCAN_HELP,
	HI_SCAN_VERSION,
};

enum hi_scan_format {
	HI_FORMAT_TEXT,
	HI_FORMAT_JSON,
	HI_FORMAT_GITHUB,
	HI_FORMAT_SARIF,
};

struct hi_scan_options {
	enum hi_scan_action action;
	const char *old; /* or the library of a dump */
	const char *new;
	enum hi_scan_format format;
	const char *host;    /* --host, or NULL */
	const char *headers; /* --headers, or NULL */
	const char *allow;   /* --allow, or NULL */
	bool strict;
};

int hi_scan_options_parse(int argc, char **argv,
			  struct hi_scan_options *ret_options,
			  struct hi_err *err) HI_MUST_USE;
void hi_scan_options_help(FILE *out);

#endif
