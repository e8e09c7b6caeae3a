/*
 * types - are two types, of two builds, the same to a caller?
 *
 * Types are compared as the machine sees them: typedefs and qualifiers are looked
 * through; base types differ by encoding and size, not by name; all pointers and
 * references are alike, whatever they lead to; an enum is as good as an integer
 * of its size; structs, classes and unions are compared by size and by offset and
 * type of their members, through all levels; a member that has both names in
 * place of another (was renamed) is no difference, one that moved is.
 *
 * Ownership: hi_types_done() ends what comparisons remember; entries belong to
 *            the two Dwarf handles, which must live as long.
 * Errors:    none: what cannot be known (a type that is only declared, damaged
 *            information) is HI_TYPE_UNKNOWN.
 * Source:    DWARF 5 ch. 5; x86-64 psABI 1.0 ch. 3.2; Itanium C++ ABI 2.3.
 */
#ifndef HI_ELFSCAN_TYPES_H
#define HI_ELFSCAN_TYPES_H

#include <elfutils/libdw.h>
#include <stdbool.h>

#include "common/buf.h"

enum hi_type_verdict { HI_TYPE_SAME, HI_TYPE_UNKNOWN, HI_TYPE_DIFFERS };

/* The pairs of structs that were found to be alike. */
struct hi_types {
	struct hi_type_pair *pairs;
	size_t n_pairs;
	size_t cap_pairs; /* a power of two */
};

struct hi_type_difference {
	struct hi_buf text; /* "changed from 'int' to 'float'", "grew from 8 to
			       12 bytes", "changed its layout: ..." */
	bool same_name; /* the text is about one type that both builds know by
			   one name: "'struct pos' " can stand before it */
};

void hi_types_done(struct hi_types *types);

/* The type of DIE, its origin's when it has none; false for void. */
bool hi_type_of(Dwarf_Die *die, Dwarf_Die *ret_type);

/* The type as C would write it; NULL is void. */
void hi_type_name(const Dwarf_Die *type, struct hi_buf *buf);

/*
 * Compare two types, NULL is void. DIFFERENCE, which starts empty, is filled for
 * HI_TYPE_DIFFERS.
 */
enum hi_type_verdict hi_type_compare(struct hi_types *types,
				     const Dwarf_Die *old, const Dwarf_Die *new,
				     struct hi_type_difference *difference);

#endif
