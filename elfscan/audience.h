/*
 * audience - who a library is judged for: one program, or those who see its
 * headers.
 *
 * A program uses what it imports, and sees the layout of the types that its own
 * debug information describes in full. Of headers, only their place is looked at: a
 * type is public when the file that declares it is in their folder.
 *
 * Ownership: hi_audience_new() gives a handle that hi_audience_free() ends.
 * Errors:    as image.h; HI_E_SYS for a folder that cannot be read.
 */
#ifndef HI_ELFSCAN_AUDIENCE_H
#define HI_ELFSCAN_AUDIENCE_H

#include "elfscan/drift.h"

struct hi_audience;

/* HOST and HEADERS are paths, each may be NULL. */
int hi_audience_new(const char *host, const char *headers,
		    struct hi_audience **ret_audience,
		    struct hi_err *err) HI_MUST_USE;
void hi_audience_free(struct hi_audience *audience);
const struct hi_drift_options *hi_audience_get_options(
	const struct hi_audience *audience);

#endif
