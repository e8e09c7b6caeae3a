/*
 * units - the compile units of a build, and which entry of them describes each
 * symbol, carried over from the builds before.
 *
 * Two units are alike when all that a comparison of types can see is the same:
 * entries, attributes, names. Addresses, offsets into other sections, line
 * numbers and what computes the values of local variables may differ, so that a
 * unit stays alike when only the bodies of its functions, or other units, have
 * changed. What was found in one (its digest) then holds for the other, and an
 * entry that stands at one place in two units that are alike is of one type.
 *
 *     build 1    | unit A | unit B | unit C |
 *     build 2    | unit A | unit B'| unit C |      A and C share their digests
 *
 * Ownership: hi_units_new() gives a handle that hi_units_free() ends; image and
 *            symtab must live as long. Handles share digests, in which there are
 *            pointers into the image of the first build that had the unit: the
 *            images of builds that were handed on as BEFORE must live longer
 *            than all handles that came of them.
 * Errors:    HI_E_NOMEM. Debug information that is absent, compressed, damaged,
 *            in another file or of forms that leave their unit (split units,
 *            type units, those that dwz or LTO made) is no error: there is no
 *            handle, and the entries are to be looked for one by one (dies.h).
 * Threads:   one at a time for handles that share digests.
 * Source:    DWARF 5 ch. 2.6, 3.3, 4.1, 7.5.
 */
#ifndef HI_ELFSCAN_UNITS_H
#define HI_ELFSCAN_UNITS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>

#include "elfscan/image.h"
#include "elfscan/symtab.h"

struct hi_units;

/* The builds to carry over from, the likeliest first; each may be NULL. */
int hi_units_new(struct hi_image *image, const struct hi_symtab *symtab,
		 const struct hi_units *const before[], size_t n_before,
		 struct hi_units **ret_units, struct hi_err *err) HI_MUST_USE;
void hi_units_free(struct hi_units *units);

/* How many units were carried over; and of how many. */
size_t hi_units_count_shared(const struct hi_units *units, size_t *ret_n);

/* Whether a digest of the handle was made from IMAGE, and still reads it. */
bool hi_units_need(const struct hi_units *units, const struct hi_image *image);
/*
 * From now on these digests read what is alike in the handle's own image, which must
 * outlive all that share them. False: without memory, some still read IMAGE.
 */
bool hi_units_move(struct hi_units *units,
		   const struct hi_image *image) HI_MUST_USE;

/* Whether all units are alike, one by one. */
bool hi_units_all_same(const struct hi_units *units,
		       const struct hi_units *other);

/* The entry that describes SYMBOL (of the handle's symtab), or false. */
bool hi_units_find(struct hi_units *units, const struct hi_symbol *symbol,
		   Dwarf_Die *ret_die);

/* Whether both symbols are described by one entry of one digest. */
bool hi_units_same(const struct hi_units *units, const struct hi_symbol *symbol,
		   const struct hi_units *other,
		   const struct hi_symbol *other_symbol);

/* --- units by number, in the order of the file --------------------------------- */

/* The unit in which SYMBOL is described, or SIZE_MAX. */
size_t hi_units_find_unit(const struct hi_units *units,
			  const struct hi_symbol *symbol);

/*
 * Put into LIST which units are not alike the one at the same place of OTHER, and
 * return how many; SIZE_MAX when there are more than MAX, when they are more than half
 * of all, or the builds do not have equally many.
 */
size_t hi_units_list_changed(const struct hi_units *units,
			     const struct hi_units *other, size_t *list,
			     size_t max);

/* The first entry of unit AT. */
bool hi_units_get_top(struct hi_units *units, size_t at, Dwarf_Die *ret_die);

#endif
