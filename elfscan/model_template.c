/*
 * The names of templates, in which each compiler spells arguments as it likes: what
 * gcc calls box<short int, 3> or box<short int, 3u> is box<short, 3U> by clang, and
 * box<char const*, const pos&> is box<const char *, const pos &>. They become what
 * c++filt makes of symbols: box<short, 3> and box<char const*, pos const&>.
 */
#include <string.h>

#include "elfscan/model_parts.h"

#define DEPTH_MAX 64

static bool is_letter(char c)
{
	return c == '_' || c == '$' || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t get_word_len(const char *text)
{
	size_t len = 0;

	while (is_letter(text[len]) || is_digit(text[len]))
		len++;
	return len;
}

static bool take_word(const char **text, const char *word)
{
	size_t len = strlen(word);

	if (get_word_len(*text) != len || strncmp(*text, word, len) != 0)
		return false;
	*text += len;
	if (**text == ' ')
		(*text)++;
	return true;
}

/* "long unsigned int" as "unsigned long"; NULL when TEXT does not begin so. */
static const char *tidy_integer(const char *text, struct hi_buf *buf)
{
	int longs = 0, shorts = 0, ints = 0, unsigneds = 0;
	const char *at = text;

	for (;;) {
		if (take_word(&at, "long"))
			longs++;
		else if (take_word(&at, "short"))
			shorts++;
		else if (take_word(&at, "int"))
			ints++;
		else if (take_word(&at, "unsigned"))
			unsigneds++;
		else
			break;
	}
	if (!longs && !shorts && !ints)
		return NULL;
	hi_buf_printf(buf, "%s%s", unsigneds ? "unsigned " : "",
		      longs > 1 ? "long long" :
		      longs     ? "long" :
		      shorts    ? "short" :
				  "int");
	if (longs == 1 && take_word(&at, "double"))
		hi_buf_text(buf, " double");
	/* the blank before what is no part of it, "*" or "const" */
	return at[-1] == ' ' ? at - 1 : at;
}

static const char *tidy_number(const char *text, struct hi_buf *buf)
{
	size_t len = get_word_len(text), n = len;

	while (n > 1 && strchr("uUlL", text[n - 1]))
		n--;
	hi_buf_add(buf, text, n);
	return text + len;
}

static char get_last(const struct hi_buf *buf)
{
	if (!buf->len)
		return '\0';
	return buf->data[buf->len - 1];
}

static bool is_reference(char c)
{
	return c == '*' || c == '&';
}

static const char *tidy_arguments(const char *at, struct hi_buf *buf,
				  int depth);

/* "std::vector<int>::iterator", "unsigned char" */
static const char *tidy_path(const char *at, struct hi_buf *buf, int depth)
{
	for (;;) {
		size_t len = get_word_len(at);
		bool goes_on = at[len] == ' ' && len >= strlen("signed") &&
			       !strncmp(at + len - strlen("signed"), "signed",
					strlen("signed"));

		hi_buf_add(buf, at, len);
		at += len;
		if (*at == '<')
			at = tidy_arguments(at, buf, depth + 1);
		if (at[0] == ':' && at[1] == ':') {
			hi_buf_add(buf, at, 2);
			at += 2;
		} else if (goes_on) {
			hi_buf_add(buf, at++, 1);
		} else {
			return at;
		}
	}
}

/* What qualifies the first part of a type goes behind it. */
static const char *tidy_type(const char *at, struct hi_buf *buf, int depth)
{
	bool is_const = false, is_volatile = false;
	const char *next;

	for (;;) {
		if (take_word(&at, "const"))
			is_const = true;
		else if (take_word(&at, "volatile"))
			is_volatile = true;
		else
			break;
	}
	next = tidy_integer(at, buf);
	at = next ? next : tidy_path(at, buf, depth);
	hi_buf_text(buf, is_const ? " const" : "");
	hi_buf_text(buf, is_volatile ? " volatile" : "");
	return at;
}

/* From '<' to behind its '>'. */
static const char *tidy_arguments(const char *at, struct hi_buf *buf, int depth)
{
	bool begins = true; /* here a type may begin */

	if (depth == DEPTH_MAX) {
		hi_buf_text(buf, at);
		return at + strlen(at);
	}
	hi_buf_add(buf, at++, 1);
	while (*at && *at != '>') {
		if (is_digit(*at)) {
			at = tidy_number(at, buf);
			begins = false;
		} else if (is_letter(*at) && begins) {
			at = tidy_type(at, buf, depth);
			begins = false;
		} else if (is_letter(*at)) {
			hi_buf_text(buf,
				    is_reference(get_last(buf)) ? " " : "");
			at = tidy_path(at, buf, depth);
		} else if (*at == '<') {
			at = tidy_arguments(at, buf, depth + 1);
		} else if (*at == ' ' && is_reference(at[1])) {
			at++;
		} else {
			if (*at == '[' && get_last(buf) != ' ')
				hi_buf_text(buf, " ");
			begins = *at == ',' || *at == '(' ||
				 (begins && *at == ' ');
			hi_buf_add(buf, at++, 1);
		}
	}
	if (!*at)
		return at;
	/* box<box<int>> of clang 15 */
	hi_buf_text(buf, get_last(buf) == '>' ? " >" : ">");
	return at + 1;
}

void hi_model_tidy_name(const char *name, struct hi_buf *buf)
{
	size_t len;

	while (*name) {
		len = strcspn(name, "<");
		hi_buf_add(buf, name, len);
		name += len;
		if (*name)
			name = tidy_arguments(name, buf, 0);
	}
}
