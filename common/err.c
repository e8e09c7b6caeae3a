#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct hi_err *err, int code, int sys_errno,
		 const char *format, va_list args)
{
	err->code = code;
	err->sys_errno = sys_errno;
	err->hint[0] = '\0';
	vsnprintf(err->sentence, sizeof(err->sentence), format, args);
}

int hi_fail(struct hi_err *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	fill(err, code, 0, format, args);
	va_end(args);
	return code;
}

int hi_fail_sys(struct hi_err *err, const char *format, ...)
{
	int saved = errno;
	char text[128];
	size_t len;
	va_list args;

	if (!err)
		return HI_E_SYS;
	va_start(args, format);
	fill(err, HI_E_SYS, saved, format, args);
	va_end(args);
	len = strlen(err->sentence);
	/* the GNU strerror_r(): it may return a constant and leave text alone */
	snprintf(err->sentence + len, sizeof(err->sentence) - len, ": %s",
		 strerror_r(saved, text, sizeof(text)));
	errno = saved;
	return HI_E_SYS;
}

void hi_err_hint(struct hi_err *err, const char *format, ...)
{
	va_list args;

	if (!err)
		return;
	va_start(args, format);
	vsnprintf(err->hint, sizeof(err->hint), format, args);
	va_end(args);
}

void hi_err_prefix(struct hi_err *err, const char *format, ...)
{
	char text[sizeof(err->sentence)];
	va_list args;
	size_t len, room;

	if (!err)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	len = strlen(text);
	room = sizeof(text) - len;
	snprintf(text + len, room, "%.*s", (int)room - 1, err->sentence);
	memcpy(err->sentence, text, sizeof(text));
}

const char *hi_code_text(int code)
{
	static const char *const texts[] = {
#define X(name, text) [HI_E_##name - HI_CODE_FIRST_] = (text),
		HI_CODES(X)
#undef X
	};
	int at = code - HI_CODE_FIRST_;

	if (code == HI_OK)
		return "no error";
	if (at <= 0 || at >= (int)(sizeof(texts) / sizeof(texts[0])))
		return "an unknown error";
	return texts[at];
}
