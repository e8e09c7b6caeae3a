/*
 * The names of templates, in which each compiler spells arguments as it likes: what
 * gcc calls box<short int, 3> or box<short int, 3u> is box<short, 3U> by clang.
 */
#include <string.h>

#include "elfscan/model_parts.h"

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

void hi_model_tidy_name(const char *name, struct hi_buf *buf)
{
	const char *inside = strchr(name, '<'), *next;

	if (!inside) {
		hi_buf_text(buf, name);
		return;
	}
	hi_buf_add(buf, name, (size_t)(inside - name));
	while (*inside) {
		if (is_digit(*inside)) {
			inside = tidy_number(inside, buf);
		} else if (!is_letter(*inside)) {
			hi_buf_add(buf, inside++, 1);
			/* box<box<int>> of clang 15 */
			if (inside[-1] == '>' && *inside == '>')
				hi_buf_text(buf, " ");
		} else if ((next = tidy_integer(inside, buf))) {
			inside = next;
		} else {
			hi_buf_add(buf, inside, get_word_len(inside));
			inside += get_word_len(inside);
		}
	}
}
