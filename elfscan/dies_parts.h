/*
 * dies_parts - what the files of the dies module share; no one else includes it.
 */
#ifndef HI_ELFSCAN_DIES_PARTS_H
#define HI_ELFSCAN_DIES_PARTS_H

#include "elfscan/dies.h"

static inline bool hi_is_function(const struct hi_symbol *symbol)
{
	return symbol->type == HI_SYM_FUNC || symbol->type == HI_SYM_IFUNC;
}

/* DIE, of a function, has no place: its name may be all that is known. */
void hi_dies_note_nowhere(struct hi_dies *dies, const Dwarf_Die *die);
/* Look among those for the functions that were not found. */
void hi_dies_find_missing(struct hi_dies *dies);

/* Where in the symbol NAME the digit is that tells those of one constructor or
   destructor apart; 0: there is none. */
size_t hi_dies_find_digit(const char *name);

#endif
