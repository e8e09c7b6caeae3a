#include "elfscan/hash.h"

#include <string.h>

/* the whole of it comes with the header */
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hi_hash(const void *bytes, size_t len, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes, len, seed);
}

uint64_t hi_hash_text(const char *text, uint64_t seed)
{
	return hi_hash(text, strlen(text), seed);
}
