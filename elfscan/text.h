/*
 * text - the text of an image, read once: its regions, and in each the fields
 * whose value depends on where things are.
 *
 *     48 8b 05 [d0 2f 00 00]   mov  counter(%rip), %rax     an access
 *     48 8d 3d [19 00 00 00]   lea  helper(%rip), %rdi      an address
 *     e8       [c4 ff ff ff]   call update                  a branch
 *     75 f3                    jne  inside the region       none: it moves along
 *
 * What instructions there are does not depend on the values of the fields, so that
 * a region whose other bytes are those of a region of a build before need not be
 * decoded again.
 *
 * Units:     addresses are link-time; fields count from the region's start.
 * Ownership: hi_text_new() gives a handle that hi_text_free() ends; image and
 *            symtab must live as long. BEFORE is used during the call only.
 * Errors:    HI_E_NOMEM. Bytes that do not decode are no error.
 * Threads:   read-only once it is made.
 * Source:    Intel SDM vol. 2 ch. 2 (encoding).
 */
#ifndef HI_ELFSCAN_TEXT_H
#define HI_ELFSCAN_TEXT_H

#include "elfscan/regions.h"

enum hi_field_kind {
	HI_FIELD_BRANCH,  /* of a call, jump or branch that leaves the region */
	HI_FIELD_ADDRESS, /* of a lea */
	HI_FIELD_ACCESS,  /* of any other [rip + disp32] */
};

struct hi_field {
	uint32_t at;
	uint8_t len;     /* 1 or 4: the distance from the next instruction */
	uint8_t to_next; /* from the field's start to the next instruction */
	uint8_t insn_len;
	uint8_t kind; /* enum hi_field_kind */
};

struct hi_text_region {
	uint32_t first, n; /* fields */
	/* where branches inside the region lead, of its first 16 bytes */
	uint16_t arrivals;
	bool decodes;  /* as a whole, from its start */
	bool indirect; /* jumps through a register or a table */
};

struct hi_text {
	struct hi_image *image;
	const struct hi_symtab *symtab;
	struct hi_region *regions;
	struct hi_text_region *parts; /* by region */
	size_t n_regions;
	struct hi_field *fields;
	size_t n_fields;
	size_t cap_fields;
	size_t n_decoded; /* regions that were not carried over */
};

/* BEFORE is the text of another build to carry over from, or NULL. */
int hi_text_new(struct hi_image *image, const struct hi_symtab *symtab,
		const struct hi_text *before, struct hi_text **ret_text,
		struct hi_err *err) HI_MUST_USE;
void hi_text_free(struct hi_text *text);

/* The bytes of a region, or NULL. */
const uint8_t *hi_text_find_bytes(const struct hi_text *text, size_t region);

/* What FIELD, of a region with BYTES at START_LINK, leads to. */
uint64_t hi_field_get_target(const struct hi_field *field, const uint8_t *bytes,
			     uint64_t start_link);

#endif
