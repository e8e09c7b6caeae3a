/*
 * hash - XXH3, 64 bits, of what is short.
 *
 * The same numbers as those of the library, which elfscan can do without: to load
 * one more takes as long as a good part of comparing two small libraries.
 *
 * Threads: independent calls.
 */
#ifndef HI_ELFSCAN_HASH_H
#define HI_ELFSCAN_HASH_H

#include <stddef.h>
#include <stdint.h>

/* SEED is another hash to go on from, or 0. */
uint64_t hi_hash(const void *bytes, size_t len, uint64_t seed);
uint64_t hi_hash_text(const char *text, uint64_t seed);

#endif
