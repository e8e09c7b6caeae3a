#include "injector/reasons.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append(struct hi_reasons *reasons, const char *kind,
		   const char *symbol, const char *where, char *text)
{
	struct hi_reason *list =
		reallocarray(reasons->list, reasons->n + 1, sizeof(*list));

	reasons->n_given++;
	if (list)
		reasons->list = list;
	if (!list || !text) {
		free(text);
		return;
	}
	list[reasons->n].kind = kind;
	list[reasons->n].symbol = strdup(symbol);
	list[reasons->n].where = strdup(where);
	list[reasons->n].text = text;
	if (list[reasons->n].symbol && list[reasons->n].where)
		reasons->n++;
}

void hi_reasons_add(struct hi_reasons *reasons, const char *kind,
		    const char *symbol, const char *where, const char *format,
		    ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	append(reasons, kind, symbol, where, text);
}

void hi_reasons_hint(struct hi_reasons *reasons, const char *format, ...)
{
	va_list args;

	if (reasons->hint[0])
		return;
	va_start(args, format);
	vsnprintf(reasons->hint, sizeof(reasons->hint), format, args);
	va_end(args);
}

void hi_reasons_add_err(struct hi_reasons *reasons, const char *kind,
			const struct hi_err *err)
{
	append(reasons, kind, "", "", strdup(err->sentence));
	if (err->hint[0])
		hi_reasons_hint(reasons, "%s", err->hint);
}

void hi_reasons_done(struct hi_reasons *reasons)
{
	for (size_t i = 0; i < reasons->n; i++) {
		free((char *)reasons->list[i].symbol);
		free((char *)reasons->list[i].where);
		free((char *)reasons->list[i].text);
	}
	free(reasons->list);
	memset(reasons, 0, sizeof(*reasons));
}
