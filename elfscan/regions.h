/*
 * regions - the text of an image cut into pieces that decode from their start.
 *
 *     | function | gap | function | function | FDE | gap |   one text range
 *
 * Every byte of the executable sections is in exactly one region. A function's
 * region is what its symbol covers (aliases share one; a symbol without a size
 * reaches to the next). Where the file has no local symbols, the unwind table
 * tells where the functions without a name are. The rest are gaps: padding, the
 * PLT, start-up code and whatever hand-written assembly did not declare.
 *
 * Ownership: hi_regions_new() gives an array that free() releases; the symbols
 *            in it belong to the symtab.
 * Errors:    HI_E_NOMEM.
 * Threads:   independent calls.
 * Source:    LSB "Exception Frames" (.eh_frame, .eh_frame_hdr).
 */
#ifndef HI_ELFSCAN_REGIONS_H
#define HI_ELFSCAN_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elfscan/image.h"
#include "elfscan/symtab.h"

struct hi_region {
	uint64_t start_link;
	uint64_t end_link;
	const struct hi_symbol *function; /* the first at this address; NULL */
	bool gap; /* nothing says that an instruction begins at its start */
};

int hi_regions_new(struct hi_image *image, const struct hi_symtab *symtab,
		   struct hi_region **ret_regions, size_t *ret_n,
		   struct hi_err *err) HI_MUST_USE;

/* The region that holds ADDR_LINK, or NULL. */
const struct hi_region *hi_regions_find(const struct hi_region *regions,
					size_t n, uint64_t addr_link);

#endif
