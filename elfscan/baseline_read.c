/*
 * A line at a time, a token at a time. A type that is named before its block comes
 * gets a number at once; at the end each of them must have had its block.
 */
#include <stdlib.h>
#include <string.h>

#include "elfscan/baseline.h"
#include "elfscan/baseline_parts.h"
#include "elfscan/baseline_reader.h"

static void end_block(struct hi_baseline_reader *reader)
{
	if (reader->block)
		hi_reader_take_parts(reader, reader->block, 0);
	reader->block = 0;
}

/* --- lines ------------------------------------------------------------------ */

static int define(struct hi_baseline_reader *reader, enum hi_model_kind kind,
		  struct hi_named_type **ret_named)
{
	int code = hi_reader_next(reader);

	if (code == 0)
		code = hi_reader_read_type_name(reader, kind, ret_named);
	if (code == 0 && (*ret_named)->is_defined)
		code = hi_reader_fail(reader,
				      "this type has been there before");
	if (code == 0)
		(*ret_named)->is_defined = true;
	return code;
}

static int read_base(struct hi_baseline_reader *reader)
{
	struct hi_named_type *named;
	struct hi_model_type *type;
	int64_t size = 0;
	int code = define(reader, HI_MODEL_UNKNOWN, &named);

	if (code == 0)
		code = hi_reader_expect(reader, "=");
	if (code == 0)
		code = hi_reader_next(reader);
	if (code != 0)
		return code;
	type = &reader->model->types[named->number];
	type->kind = HI_MODEL_BASE;
	type->encoding = hi_baseline_find_encoding(hi_reader_text(reader));
	if (!type->encoding && !hi_reader_is(reader, "other"))
		return hi_reader_fail(reader, "an encoding that is not known");
	code = hi_reader_read_number(reader, &size);
	type->size = (uint64_t)size;
	return code < 0 ? code : hi_reader_expect_end(reader);
}

static int read_typedef(struct hi_baseline_reader *reader)
{
	struct hi_named_type *named;
	uint32_t target = HI_TYPE_NUMBER_UNKNOWN;
	int code = define(reader, HI_MODEL_UNKNOWN, &named);

	if (code == 0)
		code = hi_reader_expect(reader, "=");
	if (code == 0)
		code = hi_reader_read_last_type(reader, &target);
	if (code != 0)
		return code;
	reader->model->types[named->number].kind = HI_MODEL_TYPEDEF;
	reader->model->types[named->number].target = target;
	return 0;
}

static int read_align(struct hi_baseline_reader *reader,
		      struct hi_model_type *type)
{
	const char *before = reader->next;
	int64_t number = HI_MODEL_ANY_ALIGN;
	int code = hi_reader_next(reader);

	if (code == 0 && !hi_reader_is(reader, "?")) {
		reader->next = before;
		code = hi_reader_read_number(reader, &number);
	}
	type->align = (uint32_t)number;
	return code;
}

static int read_passing(struct hi_baseline_reader *reader,
			struct hi_model_type *type)
{
	int code = hi_reader_next(reader);

	if (code != 0)
		return code;
	if (hi_reader_is(reader, "value"))
		type->passing = HI_BY_VALUE;
	else if (hi_reader_is(reader, "reference"))
		type->passing = HI_BY_REFERENCE;
	else
		return hi_reader_fail(reader,
				      "'value' or 'reference' is missing");
	return 0;
}

/* struct NAME = 24 bytes [aligned 16] [by reference] [: integer] */
static int read_block(struct hi_baseline_reader *reader,
		      enum hi_model_kind kind)
{
	struct hi_named_type *named;
	int64_t number = 0;
	uint32_t target = HI_TYPE_NUMBER_UNKNOWN;
	int code = define(reader, kind, &named);

	if (code == 0)
		code = hi_reader_next(reader);
	if (code != 0)
		return code;
	if (hi_reader_is(reader, "declared")) {
		reader->model->types[named->number].is_declared = true;
		return hi_reader_expect_end(reader);
	}
	if (!hi_reader_is(reader, "="))
		return hi_reader_fail(reader, "'=' is missing");
	code = hi_reader_read_number(reader, &number);
	if (code == 0)
		code = hi_reader_expect(reader, "bytes");
	reader->block = named->number;
	reader->model->types[named->number].size = (uint64_t)number;
	while (code == 0 && (code = hi_reader_next(reader)) == 0 &&
	       *hi_reader_text(reader)) {
		if (hi_reader_is(reader, "aligned")) {
			code = read_align(reader,
					  &reader->model->types[named->number]);
		} else if (hi_reader_is(reader, "by")) {
			code = read_passing(
				reader, &reader->model->types[named->number]);
		} else if (hi_reader_is(reader, ":")) {
			code = hi_reader_read_last_type(reader, &target);
			reader->model->types[named->number].target = target;
			break;
		} else {
			code = hi_reader_fail(reader,
					      "the line goes on in a way that "
					      "is not known");
		}
	}
	return code;
}

static int read_attribute(struct hi_baseline_reader *reader,
			  struct hi_model_export *export)
{
	int64_t size = 0;
	int code = 0;

	if (hi_reader_is(reader, "version") ||
	    hi_reader_is(reader, "old-version")) {
		export->is_default = hi_reader_is(reader, "version");
		code = hi_reader_next(reader);
		export->version =
			hi_model_copy(reader->model, hi_reader_text(reader));
	} else if (hi_reader_is(reader, "weak")) {
		export->is_weak = true;
	} else if (hi_reader_is(reader, "unique")) {
		export->is_unique = true;
	} else if (hi_reader_is(reader, "abstract")) {
		export->is_abstract = true;
	} else if (hi_reader_is(reader, "protected")) {
		export->is_protected = true;
	} else if (hi_reader_is(reader, "read-only")) {
		export->is_writable = false;
	} else if (hi_reader_is(reader, "=")) {
		code = hi_reader_read_number(reader, &size);
		export->size = (uint64_t)size;
		if (code == 0)
			code = hi_reader_expect(reader, "bytes");
	} else {
		code = hi_reader_fail(reader, "an attribute that is not known");
	}
	return code;
}

static int read_export(struct hi_baseline_reader *reader,
		       enum hi_symbol_type kind)
{
	struct hi_model_export export = {
		.kind = kind,
		.version = "",
		.is_default = true,
		.is_writable = kind == HI_SYM_OBJECT || kind == HI_SYM_TLS,
	};
	int code = hi_reader_next(reader);

	if (code != 0)
		return code;
	export.name = hi_model_copy(reader->model, hi_reader_text(reader));
	while ((code = hi_reader_next(reader)) == 0 &&
	       !hi_reader_is(reader, ":")) {
		if (!*hi_reader_text(reader))
			return hi_reader_fail(reader,
					      "':' and a type are missing");
		code = read_attribute(reader, &export);
		if (code < 0)
			return code;
	}
	if (code == 0)
		code = hi_reader_read_last_type(reader, &export.type);
	if (code == 0)
		hi_model_add_export(reader->model, &export);
	return code;
}

static int read_header(struct hi_baseline_reader *reader, const char **ret_text)
{
	int code = hi_reader_next(reader);

	if (code < 0)
		return code;
	if (!*hi_reader_text(reader))
		return hi_reader_fail(reader, "a name is missing");
	*ret_text = hi_model_copy(reader->model, hi_reader_text(reader));
	return hi_reader_expect_end(reader);
}

static int read_line(struct hi_baseline_reader *reader)
{
	const char *needed = "";
	int code = hi_reader_next(reader);

	if (code < 0 || !*hi_reader_text(reader))
		return code;
	if (reader->ended)
		return hi_reader_fail(reader, "a line behind the end");
	if (hi_reader_is(reader, "end")) {
		reader->ended = true;
		return 0;
	}
	if (hi_reader_is(reader, "function"))
		return read_export(reader, HI_SYM_FUNC);
	if (hi_reader_is(reader, "ifunc"))
		return read_export(reader, HI_SYM_IFUNC);
	if (hi_reader_is(reader, "variable"))
		return read_export(reader, HI_SYM_OBJECT);
	if (hi_reader_is(reader, "thread-local"))
		return read_export(reader, HI_SYM_TLS);
	if (hi_reader_is(reader, "base"))
		return read_base(reader);
	if (hi_reader_is(reader, "typedef"))
		return read_typedef(reader);
	if (!reader->quoted &&
	    hi_reader_get_kind(hi_reader_text(reader)) != HI_MODEL_UNKNOWN)
		return read_block(reader,
				  hi_reader_get_kind(hi_reader_text(reader)));
	if (hi_reader_is(reader, "library"))
		return read_header(reader, &reader->model->name);
	if (hi_reader_is(reader, "soname"))
		return read_header(reader, &reader->model->soname);
	if (!hi_reader_is(reader, "needs"))
		return hi_reader_fail(reader,
				      "a line that begins in a way that is not "
				      "known");
	code = read_header(reader, &needed);
	if (code == 0)
		hi_model_add_needed(reader->model, needed);
	return code;
}

/* --- the file ---------------------------------------------------------------- */

static bool next_line(struct hi_baseline_reader *reader)
{
	const char *end;

	if (reader->at >= reader->end)
		return false;
	end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
	reader->line_end = end ? end : reader->end;
	reader->next = reader->at;
	reader->at = reader->line_end + 1;
	if (reader->line_end > reader->next && reader->line_end[-1] == '\r')
		reader->line_end--;
	reader->line++;
	return true;
}

bool hi_baseline_is(const char *text, size_t len)
{
	size_t magic = strlen(HI_BASELINE_MAGIC);

	return len > magic && !memcmp(text, HI_BASELINE_MAGIC, magic);
}

static int read_first_line(struct hi_baseline_reader *reader, size_t len)
{
	int64_t version;
	int code;

	if (!hi_baseline_is(reader->at, len) || !next_line(reader))
		return hi_fail(reader->err, HI_E_BADELF,
			       "%s is no baseline of elfscan",
			       reader->file_name);
	reader->next += strlen(HI_BASELINE_MAGIC);
	code = hi_reader_read_number(reader, &version);
	if (code != 0)
		return code;
	if (version > HI_BASELINE_VERSION) {
		code = hi_fail(reader->err, HI_E_BADELF,
			       "%s:1: version %lld of the format is newer than "
			       "%d, which this elfscan reads",
			       reader->file_name, (long long)version,
			       HI_BASELINE_VERSION);
		hi_err_hint(reader->err, "write the baseline anew with this "
					 "elfscan, or take a newer one");
		return code;
	}
	return hi_reader_expect_end(reader);
}

/* Nothing may be left of a line that has been read. */
static int end_line(struct hi_baseline_reader *reader)
{
	int code = hi_reader_next(reader);

	if (code == 0 && *hi_reader_text(reader))
		code = hi_reader_fail(reader,
				      "the line goes on in a way that is not "
				      "known");
	return code;
}

static int read_lines(struct hi_baseline_reader *reader)
{
	int code = 0;

	while (code == 0 && next_line(reader)) {
		if (reader->next < reader->line_end && *reader->next == ' ') {
			code = hi_reader_read_part(reader);
		} else {
			end_block(reader);
			if (reader->next == reader->line_end ||
			    *reader->next == '#')
				continue;
			code = read_line(reader);
		}
		if (code == 0)
			code = end_line(reader);
	}
	end_block(reader);
	if (code == 0 && !reader->ended)
		code = hi_reader_fail(reader,
				      "the file was cut: its end is missing");
	return code;
}

/* What is only complete at the end. */
static int check_names(struct hi_baseline_reader *reader)
{
	for (struct hi_named_type *at = reader->named; at; at = at->hh.next) {
		if (at->is_defined)
			continue;
		reader->line = at->line;
		return hi_fail(reader->err, HI_E_BADELF,
			       "%s:%u: type %s is nowhere described",
			       reader->file_name, at->line,
			       reader->model->types[at->number].name);
	}
	if (!*reader->model->name) {
		reader->line = 2; /* where it is written */
		return hi_reader_fail(
			reader, "no line names the library that it is of");
	}
	return 0;
}

static void done(struct hi_baseline_reader *reader)
{
	struct hi_named_type *at, *next;

	HASH_ITER(hh, reader->named, at, next) {
		HASH_DEL(reader->named, at);
		free(at->key);
		free(at);
	}
	free(reader->parts);
	hi_buf_done(&reader->token);
}

/* A text has no zero bytes: they would hide what comes behind them. */
static int check_text(struct hi_baseline_reader *reader, size_t len)
{
	const char *nul = memchr(reader->at, '\0', len);

	if (!nul || !hi_baseline_is(reader->at, len))
		return 0;
	reader->line = 1;
	for (const char *at = reader->at; at < nul; at++)
		reader->line += *at == '\n';
	return hi_reader_fail(reader, "a zero byte in the text");
}

int hi_baseline_read(const char *text, size_t len, const char *file_name,
		     struct hi_model **ret_model, struct hi_err *err)
{
	struct hi_baseline_reader reader = {
		.at = text,
		.end = text + len,
		.file_name = file_name,
		.err = err,
		.token = HI_BUF_INIT,
	};
	int code = hi_model_new(&reader.model, err);

	if (code != 0)
		return code;
	code = check_text(&reader, len);
	if (code == 0)
		code = read_first_line(&reader, len);
	if (code == 0)
		code = read_lines(&reader);
	if (code == 0)
		code = check_names(&reader);
	done(&reader);
	/* it would name a version of the library that it needs */
	reader.model->has_version_table = reader.model->n_needed > 0;
	if (code == 0)
		hi_model_finish(reader.model);
	if (code == 0 && reader.model->failed)
		code = hi_fail(err, HI_E_NOMEM, "no memory for %s", file_name);
	if (code < 0) {
		hi_model_free(reader.model);
		return code;
	}
	*ret_model = reader.model;
	return 0;
}
