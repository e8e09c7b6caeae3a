#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/baseline_reader.h"

int hi_reader_fail(struct hi_baseline_reader *reader, const char *what)
{
	hi_fail(reader->err, HI_E_BADELF, "%s:%u: %s", reader->file_name,
		reader->line, what);
	return HI_E_BADELF;
}

bool hi_reader_is_name_byte(char c)
{
	return c && (strchr("_:.$@~<>-#/+", c) || (c >= '0' && c <= '9') ||
		     (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
}

static int read_quoted(struct hi_baseline_reader *reader)
{
	reader->quoted = true;
	for (reader->next++; reader->next < reader->line_end; reader->next++) {
		char c = *reader->next;

		if (c == '"') {
			reader->next++;
			return 0;
		}
		if (c == '\\') {
			if (++reader->next >= reader->line_end)
				break;
			c = *reader->next;
			if (c == 'x' && reader->line_end - reader->next > 2) {
				char digits[3] = { reader->next[1],
						   reader->next[2], '\0' };

				c = (char)strtoul(digits, NULL, 16);
				reader->next += 2;
			}
		}
		hi_buf_add(&reader->token, &c, 1);
	}
	return hi_reader_fail(reader, "a name in quotes does not end");
}

/* The next token of the line, "" at its end. */
int hi_reader_next(struct hi_baseline_reader *reader)
{
	const char *start;

	hi_buf_clear(&reader->token);
	reader->quoted = false;
	while (reader->next < reader->line_end && *reader->next == ' ')
		reader->next++;
	start = reader->next;
	if (start == reader->line_end)
		return 0;
	if (*start == '"')
		return read_quoted(reader);
	if (*start == '&' && start + 1 < reader->line_end && start[1] == '&')
		reader->next += 2;
	else if (!hi_reader_is_name_byte(*start))
		reader->next++;
	else
		while (reader->next < reader->line_end &&
		       hi_reader_is_name_byte(*reader->next))
			reader->next++;
	hi_buf_add(&reader->token, start, (size_t)(reader->next - start));
	return 0;
}

bool hi_reader_is(const struct hi_baseline_reader *reader, const char *token)
{
	return !reader->quoted && !strcmp(hi_buf_str(&reader->token), token);
}

const char *hi_reader_text(const struct hi_baseline_reader *reader)
{
	return hi_buf_str(&reader->token);
}

/* The next token must be this one. */
int hi_reader_expect(struct hi_baseline_reader *reader, const char *token)
{
	char what[64];
	int code = hi_reader_next(reader);

	if (code < 0 || hi_reader_is(reader, token))
		return code;
	snprintf(what, sizeof(what), "'%s' is missing", token);
	return hi_reader_fail(reader, what);
}

/* Nothing may follow. */
int hi_reader_expect_end(struct hi_baseline_reader *reader)
{
	int code = hi_reader_next(reader);

	if (code == 0 && (*hi_reader_text(reader) || reader->quoted))
		code = hi_reader_fail(reader,
				      "the line goes on in a way that is not "
				      "known");
	return code;
}

int hi_reader_read_number(struct hi_baseline_reader *reader,
			  int64_t *ret_number)
{
	char *end;
	int code = hi_reader_next(reader);

	if (code != 0)
		return code;
	errno = 0;
	*ret_number = (int64_t)strtoull(hi_reader_text(reader), &end, 10);
	if (*hi_reader_text(reader) == '-')
		*ret_number = strtoll(hi_reader_text(reader), &end, 10);
	return end == hi_reader_text(reader) || *end || errno ?
		       hi_reader_fail(reader, "no number") :
		       0;
}
