#include "injector/reasons.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/dies.h"
#include "injector/build.h"
#include "injector/phrase.h"

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

static const struct hi_symbol *find_symbol(const struct hi_build *build,
					   const char *name)
{
	for (int kind = 0; kind < 2; kind++) {
		size_t n;
		const struct hi_symbol *symbols =
			kind ? hi_symtab_get_variables(build->symtab, &n) :
			       hi_symtab_get_functions(build->symtab, &n);

		for (size_t i = 0; i < n; i++)
			if (!strcmp(symbols[i].name, name))
				return &symbols[i];
	}
	return NULL;
}

static void set_where(struct hi_reason *reason, Dwarf_Die *die)
{
	const char *file = hi_dies_get_file(die);
	char *where;
	int line;

	if (!file || dwarf_decl_line(die, &line) != 0 ||
	    asprintf(&where, "%s:%d", hi_phrase_base_name(file), line) < 0)
		return;
	free((char *)reason->where);
	reason->where = where;
}

void hi_reasons_locate(struct hi_reasons *reasons, const struct hi_build *build)
{
	const struct hi_symbol **HI_FREE symbols =
		calloc(reasons->n + 1, sizeof(*symbols));
	struct hi_dies dies;
	struct hi_err err;
	Dwarf_Die die;

	if (!symbols || !build->symtab)
		return;
	hi_dies_init(&dies, build->image, build->units);
	for (size_t i = 0; i < reasons->n; i++) {
		if (*reasons->list[i].where || !*reasons->list[i].symbol)
			continue;
		symbols[i] = find_symbol(build, reasons->list[i].symbol);
		if (symbols[i] && hi_dies_want(&dies, symbols[i], &err) < 0)
			symbols[i] = NULL;
	}
	hi_dies_find(&dies);
	for (size_t i = 0; i < reasons->n; i++)
		if (symbols[i] && hi_dies_get(&dies, symbols[i], &die))
			set_where(&reasons->list[i], &die);
	hi_dies_done(&dies);
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
