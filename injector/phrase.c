#include "injector/phrase.h"

#include <inttypes.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/demangle.h"
#include "injector/brief.h"

/* Bytes of a name, from which on it is told in brief. */
#define LISTED_MAX 60
#define ALONE_MAX  120

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
		     enum hi_phrase_style style, size_t max)
{
	char *HI_FREE demangled = hi_demangle(name);
	struct hi_buf brief = HI_BUF_INIT;

	hi_brief_name(&brief, demangled ? demangled : name, max);
	hi_phrase_clean(buf, hi_buf_str(&brief));
	if (style == HI_PHRASE_CALLS && !strchr(hi_buf_str(&brief), '(') &&
	    !hi_phrase_is_address(hi_buf_str(&brief)))
		hi_buf_text(buf, "()");
	hi_buf_done(&brief);
}

void hi_phrase_function(struct hi_buf *buf, const char *name)
{
	add_name(buf, name, HI_PHRASE_CALLS, ALONE_MAX);
}

/* Constructors have two symbols of one name, overloads may be told alike. */
static bool is_shown(const struct hi_buf *shown, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(hi_buf_str(&shown[i]), text))
			return true;
	return false;
}

void hi_phrase_names(struct hi_buf *buf, const char *const *names,
		     size_t n_names, enum hi_phrase_style style)
{
	struct hi_buf shown[HI_PHRASE_NAMES + 1] = { HI_BUF_INIT };
	size_t max = n_names > 1 ? LISTED_MAX : ALONE_MAX;
	size_t n = 0, i;

	for (i = 0; i < n_names; i++) {
		hi_buf_clear(&shown[n]);
		add_name(&shown[n], names[i], style, max);
		if (is_shown(shown, n, hi_buf_str(&shown[n])))
			continue;
		if (n == HI_PHRASE_NAMES)
			break;
		hi_buf_text(buf, n ? ", " : "");
		hi_buf_text(buf, hi_buf_str(&shown[n++]));
	}
	if (n_names > i)
		hi_buf_printf(buf, " and %zu more", n_names - i);
	for (size_t k = 0; k <= HI_PHRASE_NAMES; k++)
		hi_buf_done(&shown[k]);
}

const char *hi_phrase_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}
