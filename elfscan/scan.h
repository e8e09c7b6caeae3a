/*
 * scan - what elfscan found out about two sides, ready to be reported.
 *
 * Ownership: hi_scan_run() fills a value that hi_scan_done() ends; it borrows the
 *            options.
 * Errors:    those of side.h, drift.h, allow.h and audience.h.
 */
#ifndef HI_ELFSCAN_SCAN_H
#define HI_ELFSCAN_SCAN_H

#include "elfscan/allow.h"
#include "elfscan/drift.h"
#include "elfscan/scan_options.h"
#include "elfscan/side.h"

/* Bits of the exit status. */
enum {
	HI_VERDICT_SAME = 0,
	HI_VERDICT_COMPATIBLE = 4,
	HI_VERDICT_INCOMPATIBLE = 12,
	HI_VERDICT_UNVERIFIED = 16, /* added to one of the others */
};

/* An export of which too little is known, which is accepted. */
struct hi_scan_known {
	const char *export;
	const struct hi_allow_rule *rule;
};

struct hi_scan {
	const struct hi_scan_options *options;
	struct hi_library_side old, new;
	struct hi_drift drift;
	struct hi_allow *allow; /* or NULL */
	/* by finding: the rule that accepts it, or NULL */
	const struct hi_allow_rule **accepted;
	/* exports of which too little is known: those that count, and those that
	   a rule accepts; both as in drift, sorted */
	const char **unverified;
	size_t n_unverified;
	struct hi_scan_known *known;
	size_t n_known;
	size_t n_broken, n_compatible, n_live, n_accepted;
	int verdict;
};

int hi_scan_run(const struct hi_scan_options *options, struct hi_scan *ret_scan,
		struct hi_err *err) HI_MUST_USE;
void hi_scan_done(struct hi_scan *scan);
/* What the shell is told: check and diff differ. */
int hi_scan_get_status(const struct hi_scan *scan);

/* "incompatible", "compatible, but in part not verified", ... */
const char *hi_scan_get_verdict_text(const struct hi_scan *scan);
/* Where the finding is in the source of the new build, else of the old: the file,
   and the line; NULL when it is not known. */
const char *hi_scan_locate(const struct hi_scan *scan,
			   const struct hi_finding *finding, int *ret_line);

/* The same with folders, from the working folder on where it lies below that. */
bool hi_scan_locate_path(const struct hi_scan *scan,
			 const struct hi_finding *finding, struct hi_buf *path,
			 int *ret_line);

/* The reports; *BUF gets the whole text. */
void hi_report_scan_text(const struct hi_scan *scan, struct hi_buf *buf);
void hi_report_scan_json(const struct hi_scan *scan, struct hi_buf *buf);
void hi_report_scan_github(const struct hi_scan *scan, struct hi_buf *buf);
void hi_report_scan_sarif(const struct hi_scan *scan, struct hi_buf *buf);

/* The root as a reader knows it: update() of a function, demangled; owned (free). */
char *hi_scan_name_root(const struct hi_scan *scan,
			const struct hi_finding *finding);

#endif
