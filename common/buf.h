/*
 * buf - text or bytes that grow.
 *
 * Units:     lengths are bytes; data is always followed by a NUL that is not
 *            counted.
 * Ownership: hi_buf_done() releases; hi_buf_take() hands the data over (free).
 * Errors:    on lack of memory the buffer keeps what it had and "failed" stays
 *            set; a writer checks it once at the end.
 */
#ifndef HI_COMMON_BUF_H
#define HI_COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct hi_buf {
	char *data; /* NULL until the first byte */
	size_t len;
	size_t cap;
	bool failed;
};

#define HI_BUF_INIT               \
	{                         \
		NULL, 0, 0, false \
	}

void hi_buf_done(struct hi_buf *buf);
void hi_buf_clear(struct hi_buf *buf);
void hi_buf_add(struct hi_buf *buf, const void *bytes, size_t len);
void hi_buf_text(struct hi_buf *buf, const char *text);
void hi_buf_printf(struct hi_buf *buf, const char *format, ...) HI_PRINTF(2, 3);
/* The text, never NULL, owned by the buffer. */
const char *hi_buf_str(const struct hi_buf *buf);
/* Ownership of the data moves to the caller; the buffer is empty afterwards. */
char *hi_buf_take(struct hi_buf *buf);

#endif
