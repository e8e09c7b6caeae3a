/*
 * scopes - the classes in which functions are declared.
 *
 * An entry of debug information does not tell what it stands in. One walk over a unit
 * finds it for all of its functions, and is made when the first one is asked for.
 *
 * Ownership: hi_scopes_init() fills a value that hi_scopes_done() ends; the entries of
 *            DIES must live as long.
 * Errors:    without memory, or in a unit that is damaged, no class is found.
 * Threads:   one at a time per value.
 * Source:    DWARF 5 ch. 5.7.
 */
#ifndef HI_ELFSCAN_SCOPES_H
#define HI_ELFSCAN_SCOPES_H

#include "elfscan/dies.h"

struct hi_scopes_unit;

struct hi_scopes {
	struct hi_dies *dies;
	struct hi_scopes_unit *units;
	size_t n_units, cap_units;
};

void hi_scopes_init(struct hi_scopes *scopes, struct hi_dies *dies);
void hi_scopes_done(struct hi_scopes *scopes);

/* The class of a method, of which FUNCTION may be a copy or the definition. */
bool hi_scopes_find_class(struct hi_scopes *scopes, const Dwarf_Die *function,
			  Dwarf_Die *ret_class);

#endif
