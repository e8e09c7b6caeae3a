/*
 * worker_parts - what the files of the worker share; no one else includes it.
 */
#ifndef HI_INJECTOR_WORKER_PARTS_H
#define HI_INJECTOR_WORKER_PARTS_H

#include <stddef.h>

/* Append to an array of pointers that grows by doubling; negative: no memory. */
int hi_worker_append(void ***array, size_t *n, void *element);

#endif
