/*
 * baseline_reader - the tokens and the types of a baseline that is being read; for
 * the files of the baseline module alone.
 *
 * Errors: HI_E_BADELF with the line number, HI_E_NOMEM.
 */
#ifndef HI_ELFSCAN_BASELINE_READER_H
#define HI_ELFSCAN_BASELINE_READER_H

#include <uthash.h>

#include "elfscan/model.h"

/* A type by its name as it stands in the file: "struct world", "pos#2". */
struct hi_named_type {
	char *key;
	uint32_t number;
	bool is_defined;
	unsigned int line; /* where it was first named */
	UT_hash_handle hh;
};

struct hi_baseline_reader {
	struct hi_model *model;
	const char *at, *end; /* the rest of the file */
	const char *next;     /* in the line */
	const char *line_end;
	unsigned int line;
	struct hi_buf token;
	bool quoted; /* the token stood in quotes */
	bool ended;  /* the last line has been there */
	struct hi_named_type *named;
	uint32_t block; /* the type whose parts are being read, or 0 */
	struct hi_model_part *parts;
	size_t n_parts, cap_parts;
	const char *file_name;
	struct hi_err *err;
};

/* The sentence, with file and line before it. */
int hi_reader_fail(struct hi_baseline_reader *reader, const char *what);

/* --- tokens of a line -------------------------------------------------------- */

/* Read the next one, "" at the end of the line. */
int hi_reader_next(struct hi_baseline_reader *reader) HI_MUST_USE;
/* The one that was read last; whether it is TOKEN, and not in quotes. */
const char *hi_reader_text(const struct hi_baseline_reader *reader);
bool hi_reader_is(const struct hi_baseline_reader *reader, const char *token);
bool hi_reader_is_name_byte(char c);
/* The next one must be TOKEN; the line must be at its end. */
int hi_reader_expect(struct hi_baseline_reader *reader,
		     const char *token) HI_MUST_USE;
int hi_reader_expect_end(struct hi_baseline_reader *reader) HI_MUST_USE;
int hi_reader_read_number(struct hi_baseline_reader *reader,
			  int64_t *ret_number) HI_MUST_USE;

/* --- types ------------------------------------------------------------------- */

/* HI_MODEL_STRUCT for "struct", ...; HI_MODEL_UNKNOWN for anything else. */
enum hi_model_kind hi_reader_get_kind(const char *word);
/* A name behind "struct", or alone; its first token has been read. */
int hi_reader_read_type_name(struct hi_baseline_reader *reader,
			     enum hi_model_kind kind,
			     struct hi_named_type **ret_named) HI_MUST_USE;
/* A whole type; DEPTH is 0. */
int hi_reader_read_type(struct hi_baseline_reader *reader, int depth,
			uint32_t *ret_number) HI_MUST_USE;
/* The type at the end of a line. */
int hi_reader_read_last_type(struct hi_baseline_reader *reader,
			     uint32_t *ret_number) HI_MUST_USE;
/* Parts are collected in a stack; the type takes those from START on. */
int hi_reader_add_part(struct hi_baseline_reader *reader,
		       const struct hi_model_part *part) HI_MUST_USE;
void hi_reader_take_parts(struct hi_baseline_reader *reader, uint32_t number,
			  size_t start);

/* An indented line: a part of the type whose block it stands in. */
int hi_reader_read_part(struct hi_baseline_reader *reader) HI_MUST_USE;

#endif
