/*
 * reasons - why a build cannot go live: all of them, and what to do.
 *
 * Ownership: strings are copied; hi_reasons_done() releases.
 * Errors:    none; on lack of memory a reason is dropped but the count of those
 *            given still rises, so that a refusal never turns into a yes.
 */
#ifndef HI_INJECTOR_REASONS_H
#define HI_INJECTOR_REASONS_H

#include <stddef.h>

#include "common/err.h"
#include "injector/report.h"

struct hi_build;

struct hi_reasons {
	struct hi_reason *list; /* strings owned by this */
	size_t n;
	size_t n_given;
	char hint[240]; /* the first hint that was given, or "" */
};

void hi_reasons_add(struct hi_reasons *reasons, const char *kind,
		    const char *symbol, const char *where, const char *format,
		    ...) HI_PRINTF(5, 6);
void hi_reasons_hint(struct hi_reasons *reasons, const char *format, ...)
	HI_PRINTF(2, 3);
void hi_reasons_add_err(struct hi_reasons *reasons, const char *kind,
			const struct hi_err *err);
/* Where their symbols are declared in BUILD, for those that do not say it yet. */
void hi_reasons_locate(struct hi_reasons *reasons,
		       const struct hi_build *build);
void hi_reasons_done(struct hi_reasons *reasons);

#endif
