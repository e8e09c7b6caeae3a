/*
 * The types in a baseline: a name, and what is behind it from the inside out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "elfscan/baseline_parts.h"
#include "elfscan/baseline_reader.h"

#define DEPTH_MAX 128

/* --- types by name --------------------------------------------------------- */

enum hi_model_kind hi_reader_get_kind(const char *word)
{
	if (!strcmp(word, "struct"))
		return HI_MODEL_STRUCT;
	if (!strcmp(word, "class"))
		return HI_MODEL_CLASS;
	if (!strcmp(word, "union"))
		return HI_MODEL_UNION;
	return !strcmp(word, "enum") ? HI_MODEL_ENUM : HI_MODEL_UNKNOWN;
}

/* "#2" behind a name. */
static unsigned int cut_variant(char *name)
{
	char *mark = strrchr(name, '#');
	unsigned int variant = 0;

	if (mark && mark > name && sscanf(mark, "#%u", &variant) == 1)
		*mark = '\0';
	return variant;
}

/* The number of the type that is called NAME; it is made when it is new. */
static struct hi_named_type *find_named(struct hi_baseline_reader *reader,
					enum hi_model_kind kind, char *name,
					unsigned int variant)
{
	struct hi_buf key = HI_BUF_INIT;
	struct hi_named_type *named;

	hi_buf_printf(&key, "%d %u %s", kind, variant, name);
	HASH_FIND_STR(reader->named, hi_buf_str(&key), named);
	if (!named && (named = calloc(1, sizeof(*named)))) {
		struct hi_model_type type = {
			.kind = kind,
			.name = hi_model_copy(reader->model, name),
			.variant = variant,
		};

		named->number = hi_model_add_type(reader->model, &type);
		named->key = hi_buf_take(&key);
		named->line = reader->line;
		if (named->key)
			HASH_ADD_KEYPTR(hh, reader->named, named->key,
					strlen(named->key), named);
	}
	if (!named || key.failed)
		reader->model->failed = true;
	hi_buf_done(&key);
	return named;
}

/* A name of several words, as base types have; the token behind it is next. */
static int read_words(struct hi_baseline_reader *reader, struct hi_buf *name)
{
	int code = 0;

	for (;;) {
		const char *before = reader->next;

		hi_buf_text(name, hi_reader_text(reader));
		if (reader->quoted)
			break;
		code = hi_reader_next(reader);
		if (code < 0)
			return code;
		if (reader->quoted ||
		    !hi_reader_is_name_byte(*hi_reader_text(reader)) ||
		    hi_baseline_is_word(hi_reader_text(reader)) ||
		    hi_reader_is(reader, "=") || hi_reader_is(reader, "slot")) {
			reader->next = before;
			break;
		}
		hi_buf_text(name, " ");
	}
	return code;
}

/* A name behind "struct" or alone; the token that is read is its first. */
int hi_reader_read_type_name(struct hi_baseline_reader *reader,
			     enum hi_model_kind kind,
			     struct hi_named_type **ret_named)
{
	struct hi_buf name = HI_BUF_INIT;
	unsigned int variant = 0;
	int code = 0;

	if (!*hi_reader_text(reader) && !reader->quoted)
		return hi_reader_fail(reader, "the name of a type is missing");
	if (kind == HI_MODEL_UNKNOWN) {
		code = read_words(reader, &name);
	} else {
		hi_buf_text(&name, hi_reader_text(reader));
	}
	if (code == 0 && reader->quoted && reader->next < reader->line_end &&
	    *reader->next == '#') {
		code = hi_reader_next(reader);
		variant = (unsigned int)strtoul(hi_reader_text(reader) + 1,
						NULL, 10);
	} else if (code == 0 && !reader->quoted && name.data) {
		variant = cut_variant(name.data);
	}
	if (code == 0)
		*ret_named = find_named(reader, kind,
					name.data ? name.data : (char *)"",
					variant);
	hi_buf_done(&name);
	if (code == 0 && !*ret_named) {
		hi_fail(reader->err, HI_E_NOMEM, "no memory for the baseline");
		code = HI_E_NOMEM;
	}
	return code;
}

/* --- references ------------------------------------------------------------- */

static uint32_t add_type(struct hi_baseline_reader *reader,
			 enum hi_model_kind kind, uint32_t target)
{
	struct hi_model_type type = { .kind = kind, .target = target };

	return hi_model_add_type(reader->model, &type);
}

int hi_reader_add_part(struct hi_baseline_reader *reader,
		       const struct hi_model_part *part)
{
	if (!hi_grow(&reader->parts, reader->n_parts, &reader->cap_parts,
		     sizeof(*part)))
		return hi_fail(reader->err, HI_E_NOMEM,
			       "no memory for the baseline");
	reader->parts[reader->n_parts++] = *part;
	return 0;
}

/* Give the type the parts from START on. */
void hi_reader_take_parts(struct hi_baseline_reader *reader, uint32_t number,
			  size_t start)
{
	size_t n = reader->n_parts - start;
	struct hi_model_part *kept =
		n ? hi_model_alloc(reader->model, n * sizeof(*kept)) : NULL;

	reader->n_parts = start;
	if (!kept)
		return;
	memcpy(kept, reader->parts + start, n * sizeof(*kept));
	reader->model->types[number].parts = kept;
	reader->model->types[number].n_parts = n;
}

/* " : name" behind a parameter. */
static int read_parameter_name(struct hi_baseline_reader *reader,
			       struct hi_model_part *part)
{
	int code;

	if (!hi_reader_is(reader, ":"))
		return 0;
	code = hi_reader_next(reader);
	if (code == 0) {
		part->name =
			hi_model_copy(reader->model, hi_reader_text(reader));
		code = hi_reader_next(reader);
	}
	return code;
}

/* The parameters behind "(", with the ")"; RESULT is before. */
static int read_parameters(struct hi_baseline_reader *reader, int depth,
			   uint32_t result, uint32_t *ret_number)
{
	uint32_t number = add_type(reader, HI_MODEL_FUNCTION, result);
	size_t start = reader->n_parts;
	const char *before = reader->next;
	int code = hi_reader_next(reader);

	while (code == 0 && !hi_reader_is(reader, ")")) {
		struct hi_model_part part = { .kind = HI_PART_PARAMETER,
					      .name = "" };

		if (hi_reader_is(reader, "...")) {
			reader->model->types[number].is_variadic = true;
			code = hi_reader_expect(reader, ")");
			break;
		}
		reader->next = before;
		code = hi_reader_read_type(reader, depth + 1, &part.type);
		if (code == 0)
			code = hi_reader_next(reader);
		if (code == 0)
			code = read_parameter_name(reader, &part);
		if (code == 0)
			code = hi_reader_add_part(reader, &part);
		if (code == 0 && !hi_reader_is(reader, ",") &&
		    !hi_reader_is(reader, ")"))
			code = hi_reader_fail(reader, "',' or ')' is missing");
		if (code == 0 && hi_reader_is(reader, ",")) {
			before = reader->next;
			code = hi_reader_next(reader);
		}
	}
	hi_reader_take_parts(reader, number, start);
	*ret_number = number;
	return code;
}

/* "[3][4]", the outermost first; the "[" has been read. */
static int read_array(struct hi_baseline_reader *reader, uint32_t *number)
{
	uint64_t counts[64];
	size_t n = 0;
	const char *before;
	int code = 0;

	do {
		if (n == 64)
			return hi_reader_fail(reader, "too many dimensions");
		counts[n] = HI_MODEL_ENDLESS;
		code = hi_reader_next(reader);
		if (code == 0 && !hi_reader_is(reader, "]")) {
			counts[n] = strtoull(hi_reader_text(reader), NULL, 10);
			code = hi_reader_expect(reader, "]");
		}
		n++;
		before = reader->next;
		if (code == 0)
			code = hi_reader_next(reader);
	} while (code == 0 && hi_reader_is(reader, "["));
	reader->next = before;
	while (n-- > 0) {
		*number = add_type(reader, HI_MODEL_ARRAY, *number);
		reader->model->types[*number].count = counts[n];
	}
	return code;
}

static enum hi_model_kind get_suffix(const struct hi_baseline_reader *reader)
{
	static const struct {
		const char *token;
		enum hi_model_kind kind;
	} suffixes[] = {
		{ "*", HI_MODEL_POINTER },
		{ "&", HI_MODEL_REFERENCE },
		{ "&&", HI_MODEL_RVALUE_REFERENCE },
		{ "const", HI_MODEL_CONST },
		{ "volatile", HI_MODEL_VOLATILE },
		{ "restrict", HI_MODEL_RESTRICT },
		{ "_Atomic", HI_MODEL_ATOMIC },
		{ "[", HI_MODEL_ARRAY },
		{ "vector", HI_MODEL_VECTOR },
		{ "(", HI_MODEL_FUNCTION },
		{ "member", HI_MODEL_MEMBER_POINTER },
	};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (hi_reader_is(reader, suffixes[i].token))
			return suffixes[i].kind;
	return HI_MODEL_UNKNOWN;
}

/* "member of class Base": the type before it is what such a pointer leads to. */
static int read_member_pointer(struct hi_baseline_reader *reader, int depth,
			       uint32_t *number)
{
	uint32_t container = HI_TYPE_NUMBER_UNKNOWN;
	int code = hi_reader_expect(reader, "of");

	if (code == 0)
		code = hi_reader_expect(reader, "(");
	if (code == 0)
		code = hi_reader_read_type(reader, depth + 1, &container);
	if (code == 0)
		code = hi_reader_expect(reader, ")");
	if (code != 0)
		return code;
	*number = add_type(reader, HI_MODEL_MEMBER_POINTER, *number);
	reader->model->types[*number].container = container;
	return 0;
}

static int read_vector(struct hi_baseline_reader *reader, uint32_t *number)
{
	int64_t count = 0;
	int code = hi_reader_read_number(reader, &count);

	*number = add_type(reader, HI_MODEL_VECTOR, *number);
	reader->model->types[*number].count = (uint64_t)count;
	return code;
}

static int read_suffixes(struct hi_baseline_reader *reader, int depth,
			 uint32_t *number)
{
	for (;;) {
		const char *before = reader->next;
		int code = hi_reader_next(reader);
		enum hi_model_kind kind;

		if (code < 0)
			return code;
		kind = get_suffix(reader);
		if (kind == HI_MODEL_UNKNOWN) {
			reader->next = before;
			return 0;
		}
		if (kind == HI_MODEL_ARRAY)
			code = read_array(reader, number);
		else if (kind == HI_MODEL_VECTOR)
			code = read_vector(reader, number);
		else if (kind == HI_MODEL_FUNCTION)
			code = read_parameters(reader, depth, *number, number);
		else if (kind == HI_MODEL_MEMBER_POINTER)
			code = read_member_pointer(reader, depth, number);
		else
			*number = add_type(reader, kind, *number);
		if (code < 0)
			return code;
	}
}

int hi_reader_read_type(struct hi_baseline_reader *reader, int depth,
			uint32_t *ret_number)
{
	enum hi_model_kind kind;
	struct hi_named_type *named = NULL;
	int code;

	if (depth > DEPTH_MAX)
		return hi_reader_fail(reader, "a type is nested too deeply");
	code = hi_reader_next(reader);
	if (code != 0)
		return code;
	if (hi_reader_is(reader, "?") || hi_reader_is(reader, "void")) {
		*ret_number = hi_reader_is(reader, "?") ?
				      HI_TYPE_NUMBER_UNKNOWN :
				      HI_TYPE_NUMBER_VOID;
		return read_suffixes(reader, depth, ret_number);
	}
	kind = reader->quoted ? HI_MODEL_UNKNOWN :
				hi_reader_get_kind(hi_reader_text(reader));
	if (kind != HI_MODEL_UNKNOWN)
		code = hi_reader_next(reader);
	if (code == 0)
		code = hi_reader_read_type_name(reader, kind, &named);
	if (code != 0 || !named)
		return code;
	*ret_number = named->number;
	return read_suffixes(reader, depth, ret_number);
}

/* The type at the end of a line. */
int hi_reader_read_last_type(struct hi_baseline_reader *reader,
			     uint32_t *ret_number)
{
	int code = hi_reader_read_type(reader, 0, ret_number);

	if (code == 0)
		code = hi_reader_next(reader);
	if (code == 0 && *hi_reader_text(reader))
		code = hi_reader_fail(reader,
				      "the line goes on behind the type");
	return code;
}
