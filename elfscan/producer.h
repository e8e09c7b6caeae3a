/*
 * producer - what a compiler was told, as the debug information has it.
 *
 * Ownership: hi_producers_init() fills a value that hi_producers_done() ends.
 * Errors:    none: without debug information nothing is known.
 * Threads:   one at a time per value.
 * Source:    DWARF 5 ch. 3.1.1 (DW_AT_producer); GCC manual, -fipa-ra,
 *            -fipa-stack-alignment, -flive-patching, -grecord-gcc-switches.
 */
#ifndef HI_ELFSCAN_PRODUCER_H
#define HI_ELFSCAN_PRODUCER_H

#include <stdbool.h>
#include <stdint.h>

#include "elfscan/dies.h"

struct hi_producers {
	struct hi_dies dies;
};

void hi_producers_init(struct hi_producers *producers,
		       const struct hi_image *image);
void hi_producers_done(struct hi_producers *producers);

/*
 * On what the callers at ADDR_LINK may rely, of that which a call may change by the
 * convention: HI_CLOBBERS_... bits, all of them when it cannot be known.
 */
uint64_t hi_producers_get_relied(struct hi_producers *producers,
				 uint64_t addr_link);

/* The same, of the words in a DW_AT_producer. */
uint64_t hi_producer_get_relied(const char *producer);

#endif
