#include "injector/brief.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define LONGEST 2 /* times the length that is wished for */

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Whether the keyword ends at AT: "<" and "(" there are part of a name. */
static bool follows_operator(const char *text, const char *at)
{
	static const char word[] = "operator";
	size_t len = strlen(word), before = (size_t)(at - text);

	return before >= len && !strncmp(at - len, word, len) &&
	       (before == len || !is_word(at[-(ptrdiff_t)len - 1]));
}

/* Behind the bracket that closes the one at AT; the end when none does. */
static const char *skip_group(const char *at)
{
	int depth = 0;

	for (; *at; at++)
		if (strchr("(<[{", *at))
			depth++;
		else if ((*at == '>' && at[-1] != '-') || strchr(")]}", *at))
			if (--depth == 0)
				return at + 1;
	return at;
}

/* --- the standard library's ------------------------------------------------------- */

/* Behind an argument that nobody has written; AT when it is another. */
static const char *skip_default(const char *at)
{
	static const char *const defaults[] = {
		", std::allocator<", ", std::char_traits<",
		", std::less<",      ", std::hash<",
		", std::equal_to<",  ", std::default_delete<",
	};

	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		if (begins(at, defaults[i]))
			return skip_group(at + strlen(defaults[i]) - 1);
	return at;
}

struct wording {
	const char *from, *to;
};

/* What stands for what, or NULL. */
static const struct wording *find_wording(const char *at)
{
	static const struct wording wordings[] = {
		{ "basic_string<char>", "string" },
		{ "basic_string_view<char>", "string_view" },
		{ "__cxx11::", "" },
		{ "[abi:cxx11]", "" },
	};

	for (size_t i = 0; i < sizeof(wordings) / sizeof(*wordings); i++)
		if (begins(at, wordings[i].from))
			return &wordings[i];
	return NULL;
}

static void replace(struct hi_buf *buf, const char *text)
{
	while (*text) {
		const struct wording *wording = find_wording(text);

		if (wording) {
			hi_buf_text(buf, wording->to);
			text += strlen(wording->from);
			continue;
		}
		hi_buf_add(buf, text, 1);
		text += begins(text, "> >") ? 2 : 1;
	}
}

void hi_brief_text(struct hi_buf *buf, const char *text)
{
	struct hi_buf plain = HI_BUF_INIT;

	while (*text) {
		const char *next = skip_default(text);

		if (next == text)
			hi_buf_add(&plain, text++, 1);
		else if (*(text = next) == ' ' && text[1] == '>')
			text++;
	}
	replace(buf, hi_buf_str(&plain));
	hi_buf_done(&plain);
}

/* --- names ------------------------------------------------------------------------ */

/* Whether the bracket at AT holds what can go. */
static bool is_detail(const char *name, const char *at)
{
	if (at == name || begins(at, "(anonymous namespace)") ||
	    follows_operator(name, at))
		return false;
	return *at == '(' || (*at == '<' && is_word(at[-1]));
}

/* Where the name begins behind the type that a function of a template is told with. */
static const char *skip_type(const char *name)
{
	const char *start = name;

	for (const char *at = name; *at;) {
		if (*at == '(' && !begins(at, "(anonymous namespace)"))
			break;
		if (follows_operator(name, at))
			break;
		if (strchr("(<[{", *at)) {
			at = skip_group(at);
			continue;
		}
		if (*at++ == ' ')
			start = at;
	}
	return start;
}

static void collapse(struct hi_buf *buf, const char *name)
{
	const char *at = skip_type(name);

	while (*at) {
		if (!is_detail(name, at)) {
			const char *end = begins(at, "(anonymous") ?
						  skip_group(at) :
						  at + 1;

			hi_buf_add(buf, at, (size_t)(end - at));
			at = end;
			continue;
		}
		hi_buf_text(buf, *at == '(' ? "()" : "<...>");
		at = skip_group(at);
	}
}

void hi_brief_name(struct hi_buf *buf, const char *name, size_t max)
{
	struct hi_buf brief = HI_BUF_INIT, shorter = HI_BUF_INIT;

	hi_brief_text(&brief, name);
	if (brief.len > max) {
		collapse(&shorter, hi_buf_str(&brief));
		hi_buf_done(&brief);
		brief = shorter;
	}
	hi_buf_add(buf, hi_buf_str(&brief),
		   brief.len > max * LONGEST ? max * LONGEST : brief.len);
	if (brief.len > max * LONGEST)
		hi_buf_text(buf, "...");
	hi_buf_done(&brief);
}
