/*
 * encoded - a walk through the numbers and pointers of exception tables, which say
 * themselves how they are written.
 *
 * Units:     addresses are link-time.
 * Ownership: a value that borrows the image's bytes.
 * Errors:    reading beyond the end, or what cannot be known from the file alone (a
 *            pointer to a pointer, an unknown encoding), sets "failed" and gives 0, as
 *            does all that is read afterwards.
 * Threads:   no shared state.
 * Source:    LSB 5.0 Core, "DWARF Exception Header Encoding"; DWARF 5 ch. 7.6.
 */
#ifndef HI_ELFSCAN_ENCODED_H
#define HI_ELFSCAN_ENCODED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elfscan/image.h"

struct hi_encoded {
	const uint8_t *bytes;
	size_t len, at;
	uint64_t start_link; /* of the bytes */
	bool failed;
};

/* From ADDR_LINK to the end of its segment. */
void hi_encoded_init(struct hi_encoded *in, const struct hi_image *image,
		     uint64_t addr_link);
/* Go on at ADDR_LINK, which may not lie before the place where IN began. */
void hi_encoded_seek(struct hi_encoded *in, uint64_t addr_link);
uint64_t hi_encoded_get_place(const struct hi_encoded *in);

uint8_t hi_encoded_byte(struct hi_encoded *in);
uint64_t hi_encoded_uleb(struct hi_encoded *in);
int64_t hi_encoded_sleb(struct hi_encoded *in);
/* A pointer, one of DW_EH_PE_*; FUNCTION_LINK is what DW_EH_PE_funcrel counts from. */
uint64_t hi_encoded_pointer(struct hi_encoded *in, uint8_t encoding,
			    uint64_t function_link);

#endif
