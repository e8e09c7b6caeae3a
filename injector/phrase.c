#include "injector/phrase.h"

#include <inttypes.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/demangle.h"

#define NS_PER_US  UINT64_C(1000)
#define NS_PER_MS  UINT64_C(1000000)
#define NS_PER_SEC UINT64_C(1000000000)

void hi_phrase_clean(struct hi_buf *buf, const char *text)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < 0x20 || byte == 0x7f)
			hi_buf_text(buf, "?");
		else
			hi_buf_add(buf, text, 1);
	}
}

static uint64_t rounded(uint64_t value, uint64_t unit)
{
	return value / unit + (value % unit >= unit / 2);
}

/* Rounding decides the unit: 999.6 us is "1.0 ms", never "1000 us". */
void hi_phrase_duration(struct hi_buf *buf, uint64_t duration_ns)
{
	uint64_t us = rounded(duration_ns, NS_PER_US);
	uint64_t tenths_ms = rounded(duration_ns, NS_PER_MS / 10);
	uint64_t ms = rounded(duration_ns, NS_PER_MS);
	uint64_t tenths_sec = rounded(duration_ns, NS_PER_SEC / 10);

	if (us < 1000)
		hi_buf_printf(buf, "%" PRIu64 " us", us);
	else if (tenths_ms < 1000)
		hi_buf_printf(buf, "%" PRIu64 ".%" PRIu64 " ms", tenths_ms / 10,
			      tenths_ms % 10);
	else if (ms < 500)
		hi_buf_printf(buf, "%" PRIu64 " ms", ms);
	else if (tenths_sec < 1000)
		hi_buf_printf(buf, "%" PRIu64 ".%" PRIu64 " s", tenths_sec / 10,
			      tenths_sec % 10);
	else
		hi_buf_printf(buf, "%" PRIu64 " s",
			      rounded(duration_ns, NS_PER_SEC));
}

void hi_phrase_count(struct hi_buf *buf, size_t n, const char *noun)
{
	hi_buf_printf(buf, "%zu %s%s", n, noun, n == 1 ? "" : "s");
}

bool hi_phrase_is_address(const char *name)
{
	return name[0] >= '0' && name[0] <= '9';
}

static void add_name(struct hi_buf *buf, const char *name,
		     enum hi_phrase_style style)
{
	char *HI_FREE demangled = hi_demangle(name);
	const char *text = demangled ? demangled : name;

	hi_phrase_clean(buf, text);
	if (style == HI_PHRASE_CALLS && !strchr(text, '(') &&
	    !hi_phrase_is_address(text))
		hi_buf_text(buf, "()");
}

void hi_phrase_function(struct hi_buf *buf, const char *name)
{
	add_name(buf, name, HI_PHRASE_CALLS);
}

void hi_phrase_names(struct hi_buf *buf, const char *const *names,
		     size_t n_names, enum hi_phrase_style style)
{
	size_t n_shown = n_names < HI_PHRASE_NAMES ? n_names : HI_PHRASE_NAMES;

	for (size_t i = 0; i < n_shown; i++) {
		if (i > 0)
			hi_buf_text(buf, ", ");
		add_name(buf, names[i], style);
	}
	if (n_names > n_shown)
		hi_buf_printf(buf, " and %zu more", n_names - n_shown);
}

const char *hi_phrase_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}
