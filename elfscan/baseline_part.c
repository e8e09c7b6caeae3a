/*
 * The lines of a layout: members, bases, virtual functions, enumerators.
 */
#include <stdlib.h>
#include <string.h>

#include "elfscan/baseline_reader.h"

#define PLACE_MAX (INT64_MAX / 16) /* bytes from a struct's start */

/* "@8.3" has been split by nothing: "@8.3" is one token. */
static int read_place(struct hi_baseline_reader *reader, int64_t *ret_bits)
{
	char *end;
	int64_t bytes = strtoll(hi_reader_text(reader) + 1, &end, 10), bits = 0;

	if (*end == '.')
		bits = strtoll(end + 1, &end, 10);
	if (end == hi_reader_text(reader) + 1 || *end || bits < 0 || bits > 7 ||
	    bytes < -PLACE_MAX || bytes > PLACE_MAX)
		return hi_reader_fail(reader, "no offset");
	*ret_bits = bytes * 8 + bits;
	return 0;
}

static int read_member(struct hi_baseline_reader *reader,
		       struct hi_model_part *part)
{
	int64_t bits = 0;
	int code = hi_reader_next(reader);

	if (code != 0)
		return code;
	if (hi_reader_is(reader, "base")) {
		part->kind = HI_PART_BASE;
		return hi_reader_read_last_type(reader, &part->type);
	}
	part->kind = HI_PART_MEMBER;
	part->name = hi_model_copy(reader->model, hi_reader_text(reader));
	code = hi_reader_next(reader);
	if (code == 0 && hi_reader_is(reader, "bits")) {
		code = hi_reader_read_number(reader, &bits);
		part->bits = (uint32_t)bits;
		if (code == 0)
			code = hi_reader_next(reader);
	}
	if (code == 0 && !hi_reader_is(reader, ":"))
		code = hi_reader_fail(reader, "':' is missing");
	return code < 0 ? code : hi_reader_read_last_type(reader, &part->type);
}

static int read_virtual(struct hi_baseline_reader *reader,
			struct hi_model_part *part)
{
	int code = hi_reader_read_number(reader, &part->value);

	part->kind = HI_PART_VIRTUAL;
	part->is_virtual = true;
	if (code == 0)
		code = hi_reader_next(reader);
	if (code != 0)
		return code;
	part->name = hi_model_copy(reader->model, hi_reader_text(reader));
	code = hi_reader_expect(reader, ":");
	return code < 0 ? code : hi_reader_read_last_type(reader, &part->type);
}

static int read_enumerator(struct hi_baseline_reader *reader,
			   struct hi_model_part *part)
{
	int code;

	part->kind = HI_PART_ENUMERATOR;
	part->name = hi_model_copy(reader->model, hi_reader_text(reader));
	code = hi_reader_expect(reader, "=");
	if (code == 0)
		code = hi_reader_read_number(reader, &part->value);
	return code < 0 ? code : hi_reader_expect_end(reader);
}

/* "variant Line = 1" */
static int read_variant(struct hi_baseline_reader *reader,
			struct hi_model_part *part)
{
	int code = hi_reader_next(reader);

	if (code == 0)
		code = read_enumerator(reader, part);
	part->kind = HI_PART_VARIANT;
	return code;
}

int hi_reader_read_part(struct hi_baseline_reader *reader)
{
	struct hi_model_part part = { .name = "" };
	int code = hi_reader_next(reader);

	if (code != 0)
		return code;
	if (!reader->block)
		return hi_reader_fail(reader, "this line belongs to no type");
	if (reader->model->types[reader->block].kind == HI_MODEL_ENUM) {
		code = read_enumerator(reader, &part);
	} else if (hi_reader_is(reader, "slot")) {
		code = read_virtual(reader, &part);
	} else if (hi_reader_is(reader, "variant")) {
		code = read_variant(reader, &part);
	} else if (hi_reader_is(reader, "virtual")) {
		part.is_virtual = true;
		code = read_member(reader, &part);
	} else {
		code = read_place(reader, &part.value);
		if (code == 0)
			code = read_member(reader, &part);
	}
	return code < 0 ? code : hi_reader_add_part(reader, &part);
}
