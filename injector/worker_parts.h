/*
 * worker_parts - what the files of the worker share; no one else includes it.
 */
#ifndef HI_INJECTOR_WORKER_PARTS_H
#define HI_INJECTOR_WORKER_PARTS_H

#include "injector/worker.h"

/* Append to an array of pointers that grows by doubling; negative: no memory. */
int hi_worker_append(void ***array, size_t *n, void *element);

/* The functions that BUILD's symbols are: next_symbol and BUILD's functions. */
int hi_worker_match_functions(struct hi_worker *worker, struct hi_build *build,
			      struct hi_err *err) HI_MUST_USE;

#endif
