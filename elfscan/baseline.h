/*
 * baseline - the interface of a library as text, for version control and review.
 *
 * Sorted, one declaration a line, one layout a block; no counters, addresses or
 * paths. A type is written from its name outwards: "char const *" is a pointer to
 * constant characters, "int (int) *" one to a function. elfscan(1) describes
 * it; what hi_baseline_write() wrote, hi_baseline_read() reads without loss.
 *
 * Ownership: hi_baseline_read() gives a model that hi_model_free() ends.
 * Errors:    HI_E_BADELF with the line number, for a file that is damaged or of a
 *            newer version; HI_E_NOMEM.
 */
#ifndef HI_ELFSCAN_BASELINE_H
#define HI_ELFSCAN_BASELINE_H

#include "elfscan/model.h"

void hi_baseline_write(const struct hi_model *model, struct hi_buf *buf);
int hi_baseline_read(const char *text, size_t len, const char *file_name,
		     struct hi_model **ret_model,
		     struct hi_err *err) HI_MUST_USE;
/* Whether LEN bytes begin as a baseline does, of whatever version. */
bool hi_baseline_is(const char *text, size_t len);

/* A type as it is written there. */
void hi_baseline_name_type(const struct hi_model *model, uint32_t number,
			   struct hi_buf *buf);

#endif
