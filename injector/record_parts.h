/*
 * record_parts - what the files of the record share; nobody else includes it.
 *
 * record.c           the file
 * record_describe.c  a build as a line of it
 * record_was.c       the bytes that were overwritten in a build's copy
 */
#ifndef HI_INJECTOR_RECORD_PARTS_H
#define HI_INJECTOR_RECORD_PARTS_H

#include <jansson.h>

#include "injector/record.h"

/* A new object, or NULL without memory. */
json_t *hi_record_describe(const struct hi_worker *worker,
			   const struct hi_build *build);

/* Write down what differs between the copy and what the build's image shows. */
int hi_record_keep_was(const struct hi_build *build,
		       struct hi_err *err) HI_MUST_USE;

#endif
