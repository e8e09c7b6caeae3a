/*
 * unwind_table - the functions of an image as the linker has sorted them for the
 * unwinder, in .eh_frame_hdr.
 *
 *     base | version, encodings | .eh_frame | n | start, FDE | start, FDE | ...
 *
 * Only the encodings that every linker writes are read: count udata4, table
 * datarel|sdata4. Another one counts as no table.
 *
 * Units:     addresses are link-time.
 * Ownership: a value, good as long as the image has its bytes.
 * Errors:    none; a table that is not there or is cut short is empty. Entries are
 *            as the file has them: they may lead anywhere.
 * Threads:   no shared state.
 * Source:    LSB 5.0 Core, "Exception Frames" (.eh_frame, .eh_frame_hdr).
 */
#ifndef HI_ELFSCAN_UNWIND_TABLE_H
#define HI_ELFSCAN_UNWIND_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "elfscan/image.h"

struct hi_unwind_table {
	const struct hi_image *image;
	uint64_t base_link; /* of .eh_frame_hdr, which its entries count from */
	const uint8_t *entries; /* pairs of int32: function, FDE */
	size_t n;
};

void hi_unwind_table_init(struct hi_unwind_table *table,
			  const struct hi_image *image);

/* The first entry that starts at ADDR_LINK or later; n when there is none. */
size_t hi_unwind_table_find(const struct hi_unwind_table *table,
			    uint64_t addr_link);

uint64_t hi_unwind_table_get_start(const struct hi_unwind_table *table,
				   size_t i);
/* The end of entry I; its start when the FDE is not of the usual encoding
   (pcrel|sdata4), which shows by another start in it. */
uint64_t hi_unwind_table_get_end(const struct hi_unwind_table *table, size_t i);
/* Where the FDE of entry I is. */
uint64_t hi_unwind_table_get_fde(const struct hi_unwind_table *table, size_t i);

#endif
