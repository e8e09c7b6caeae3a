#include "common/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Make room for LEN more bytes and the NUL behind them. */
static bool reserve(struct hi_buf *buf, size_t len)
{
	size_t need, cap;
	char *data;

	if (buf->failed)
		return false;
	if (len >= SIZE_MAX / 2 - buf->len) {
		buf->failed = true;
		return false;
	}
	need = buf->len + len + 1;
	if (need <= buf->cap)
		return true;
	cap = buf->cap ? buf->cap : 64;
	while (cap < need)
		cap *= 2;
	data = realloc(buf->data, cap);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

void hi_buf_done(struct hi_buf *buf)
{
	free(buf->data);
	*buf = (struct hi_buf)HI_BUF_INIT;
}

void hi_buf_clear(struct hi_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->data)
		buf->data[0] = '\0';
}

void hi_buf_add(struct hi_buf *buf, const void *bytes, size_t len)
{
	if (!len || !reserve(buf, len))
		return;
	memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void hi_buf_text(struct hi_buf *buf, const char *text)
{
	hi_buf_add(buf, text, strlen(text));
}

void hi_buf_printf(struct hi_buf *buf, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0) {
		buf->failed = true;
		return;
	}
	if (!reserve(buf, len))
		return;
	va_start(args, format);
	vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += len;
}

const char *hi_buf_str(const struct hi_buf *buf)
{
	return buf->data ? buf->data : "";
}

char *hi_buf_take(struct hi_buf *buf)
{
	char *data = buf->data;

	*buf = (struct hi_buf)HI_BUF_INIT;
	return data;
}
