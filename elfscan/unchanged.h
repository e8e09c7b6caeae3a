/*
 * unchanged - whether two builds have one interface, told from the units of their debug
 * information that differ.
 *
 * Units that are alike say the same of types (units.h). Of each of the others are
 * read: what the symbols are that it describes, and all types that it defines, which
 * other units may only declare. When that is the same on both sides, so is the whole:
 *
 *     build 1    | A | B  | C |      A and C are alike; B and B' have symbols and types
 *     build 2    | A | B' | C |      of one form: there is nothing to compare
 *
 * What is only declared in such a unit stays so: it is defined in a unit that is alike,
 * or in one that is looked at itself.
 *
 * Ownership: all is borrowed.
 * Errors:    none: when it cannot be told, it may have changed.
 * Threads:   one at a time for handles that share units.
 */
#ifndef HI_ELFSCAN_UNCHANGED_H
#define HI_ELFSCAN_UNCHANGED_H

#include "elfscan/model_new.h"
#include "elfscan/units.h"

struct hi_unchanged_side {
	const struct hi_image *image;
	const struct hi_symtab *symtab;
	struct hi_units *units; /* or NULL */
	const struct hi_model_kept *kept;
};

/* Whether hi_drift_find() has nothing to find between the models of both sides, other
   than exports of which both know too little. */
bool hi_is_unchanged(const struct hi_unchanged_side *old,
		     const struct hi_unchanged_side *new);

#endif
