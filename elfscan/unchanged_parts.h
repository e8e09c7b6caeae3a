/*
 * unchanged_parts - what the files of the unchanged module share; no one else includes
 * it.
 */
#ifndef HI_ELFSCAN_UNCHANGED_PARTS_H
#define HI_ELFSCAN_UNCHANGED_PARTS_H

#include "elfscan/unchanged.h"

struct hi_symbol_pair {
	const struct hi_symbol *old, *new;
};

struct hi_comparing {
	const struct hi_unchanged_side *old, *new;
	/* units that are not alike */
	const size_t *changed;
	size_t n_changed;
	/* the symbols that they describe */
	struct hi_symbol_pair *pairs;
	size_t n_pairs, cap_pairs;
};

/* Whether the pairs, and the types that the units define, are the same. */
bool hi_have_same_types(const struct hi_comparing *comparing);

#endif
