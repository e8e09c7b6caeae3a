/*
 * The names of templates, in which each compiler spells arguments as it likes: what
 * gcc calls box<short int, 3> or box<short int, 3u> is box<short, 3U> by clang, and
 * box<char const*, const pos&> is box<const char *, const pos &>. They become what
 * c++filt makes of symbols: box<short, 3> and box<char const*, pos const&>.
 */
#include <stdint.h>
#include <stdlib.h>
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

/* What stands behind a backslash, or for itself. */
static const char *read_character(const char *at, uint32_t *ret_value)
{
	static const char letters[] = "abtnvfr"; /* 7 to 13 */
	const char *found;

	*ret_value = (unsigned char)*at;
	if (*at != '\\' || !at[1])
		return at + 1;
	at++;
	if (*at == 'x' || *at == 'u' || *at == 'U' || is_digit(*at)) {
		char *end;

		*ret_value = (uint32_t)strtoul(is_digit(*at) ? at : at + 1,
					       &end, is_digit(*at) ? 8 : 16);
		return end;
	}
	found = strchr(letters, *at);
	*ret_value = found ? (uint32_t)(found - letters + 7) :
			     (unsigned char)*at;
	return at + 1;
}

/*
 * 'a', which c++filt calls (char)97; of other types L'a' or (unsigned char)'a' by
 * clang, 97 by gcc. NULL: no character begins here.
 */
static const char *tidy_character(const char *at, struct hi_buf *buf)
{
	static const char *const marks[] = { "(signed char)'",
					     "(unsigned char)'",
					     "L'",
					     "u8'",
					     "u'",
					     "U'",
					     "'" };
	size_t i = 0, n = sizeof(marks) / sizeof(marks[0]);
	uint32_t value;

	while (i < n && strncmp(at, marks[i], strlen(marks[i])) != 0)
		i++;
	if (i == n)
		return NULL;
	at = read_character(at + strlen(marks[i]), &value);
	if (*at != '\'')
		return NULL;
	if (i == 0 || i == n - 1)
		hi_buf_printf(buf, "%s%d", i ? "(char)" : "", (int8_t)value);
	else
		hi_buf_printf(buf, "%u", value);
	return at + 1;
}

/* &global by clang, (& global) by gcc, and function where clang has &function. NULL: it
   is no address. */
static const char *tidy_address(const char *at, struct hi_buf *buf, int depth)
{
	bool is_inside = !strncmp(at, "(& ", 3);

	at += is_inside ? 3 : 1;
	if (!is_letter(*at))
		return NULL;
	at = tidy_path(at, buf, depth);
	return at + (is_inside && *at == ')');
}

/* What only values begin with; NULL: it is something else. */
static const char *tidy_value(const char *at, struct hi_buf *buf, int depth)
{
	const char *next = tidy_character(at, buf);

	if (!next && (*at == '&' || !strncmp(at, "(& ", 3)))
		next = tidy_address(at, buf, depth);
	if (!next && take_word(&at, "nullptr")) {
		hi_buf_text(buf, "0");
		next = at;
	}
	return next;
}

/* "char [3]", "void ()", but "int (*)(long)" */
static bool is_apart(char c, bool begins, char last)
{
	return (c == '[' && last != ' ') ||
	       (c == '(' && !begins && !strchr(" ()", last));
}

/* From '<' to behind its '>'. */
static const char *tidy_arguments(const char *at, struct hi_buf *buf, int depth)
{
	bool begins = true; /* here a type may begin */
	const char *next;

	if (depth == DEPTH_MAX) {
		hi_buf_text(buf, at);
		return at + strlen(at);
	}
	hi_buf_add(buf, at++, 1);
	while (*at && *at != '>') {
		next = begins ? tidy_value(at, buf, depth) : NULL;
		if (next) {
			at = next;
			begins = false;
		} else if (is_digit(*at)) {
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
		} else if (*at == ' ' && is_reference(at[1]) && !begins) {
			at++;
		} else {
			if (is_apart(*at, begins, get_last(buf)))
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
