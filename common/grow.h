/*
 * grow - arrays that double.
 *
 * Ownership: the array stays the caller's (free).
 * Errors:    false when there is no memory; the array is as it was.
 * Threads:   independent calls.
 */
#ifndef HI_COMMON_GROW_H
#define HI_COMMON_GROW_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

/*
 * Make room for one element of SIZE bytes behind the N that are in the array. ARRAY is
 * the address of the pointer to it, *CAP for how many there is room.
 */
bool hi_grow(void *array, size_t n, size_t *cap, size_t size) HI_MUST_USE;

#endif
