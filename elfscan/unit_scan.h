/*
 * unit_scan - the entries of one unit, read by their shape alone.
 *
 * Most entries of a unit are of no interest, and stepping over them is most of
 * the work: only those that are asked for become a Dwarf_Die.
 *
 * Ownership: hi_unit_scan() keeps nothing; entries live as long as the Dwarf.
 * Errors:    false when the unit is damaged or of a form that is not known; what
 *            was found before has been reported.
 * Source:    DWARF 5 ch. 7.5.
 */
#ifndef HI_ELFSCAN_UNIT_SCAN_H
#define HI_ELFSCAN_UNIT_SCAN_H

#include "elfscan/die.h"

/* What an entry has, as its abbreviation tells. */
struct hi_shape {
	int tag;
	bool has_children;
	bool has_place; /* DW_AT_low_pc, DW_AT_ranges or DW_AT_location */
	bool is_declaration;
	bool is_linked; /* DW_AT_external, or of another entry's making, which may
			   have it */
	int depth;      /* 1 for the unit's own children */
};

/*
 * Look at an entry; DIE is set up. True: its children are to be looked at too.
 */
typedef bool hi_unit_visit(void *context, const struct hi_shape *shape,
			   Dwarf_Die *die);

/* Call VISIT for the children of a unit's first entry, TOP, and further down where it
   wants. */
bool hi_unit_scan(struct hi_die_units *entries, const Dwarf_Die *top,
		  hi_unit_visit *visit, void *context);

#endif
