#include "common/grow.h"

#include <stdlib.h>

#define CAP_FIRST 64

bool hi_grow(void *array, size_t n, size_t *cap, size_t size)
{
	void **slot = array;
	size_t more = *cap ? *cap * 2 : CAP_FIRST;
	void *grown;

	if (n < *cap)
		return true;
	grown = reallocarray(*slot, more, size);
	if (!grown)
		return false;
	*slot = grown;
	*cap = more;
	return true;
}
