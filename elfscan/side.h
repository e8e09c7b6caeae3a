/*
 * side - one of two things that are compared: a library, or a baseline of one.
 *
 * Ownership: hi_side_open() fills a value that hi_side_done() ends.
 * Errors:    as image.h, symtab.h, model_new.h and baseline.h.
 * Threads:   independent sides.
 */
#ifndef HI_ELFSCAN_SIDE_H
#define HI_ELFSCAN_SIDE_H

#include "elfscan/model.h"

struct hi_library_side {
	const char *path;
	struct hi_image *image; /* NULL: it is a baseline */
	struct hi_symtab *symtab;
	struct hi_model *model;
};

int hi_side_open(const char *path, struct hi_library_side *ret_side,
		 struct hi_err *err) HI_MUST_USE;
void hi_side_done(struct hi_library_side *side);

#endif
