/*
 * worker_parts - what the files of the worker share, and who restores one from a record.
 */
#ifndef HI_INJECTOR_WORKER_PARTS_H
#define HI_INJECTOR_WORKER_PARTS_H

#include "injector/worker.h"

/* Append to an array of pointers that grows by doubling; negative: no memory. */
int hi_worker_append(void ***array, size_t *n, void *element);

/* BUILD, which is mapped, is the newest of all; negative: no memory. */
int hi_worker_add_build(struct hi_worker *worker, struct hi_build *build);

/* The function that a symbol is, and where that was found. */
struct hi_match {
	struct hi_function *function; /* NULL: a new one */
	struct hi_build *old;
	const struct hi_symbol *symbol; /* in OLD */
};

/*
 * Part from MATCHES, which are in the order of BUILD's functions, those of closures
 * that objects made by older builds do not fit: they are new functions. The worker's
 * list of them is made anew.
 */
int hi_worker_part_closures(struct hi_worker *worker, struct hi_build *build,
			    struct hi_match *matches,
			    struct hi_err *err) HI_MUST_USE;
void hi_worker_forget_parted(struct hi_worker *worker);

/* The functions that BUILD's symbols are: next_symbol and BUILD's functions. */
int hi_worker_match_functions(struct hi_worker *worker, struct hi_build *build,
			      struct hi_err *err) HI_MUST_USE;

#endif
