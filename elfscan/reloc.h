/*
 * reloc - the dynamic relocations of an image, and the static ones where the
 * link kept them (--emit-relocs).
 *
 * Ownership: hi_reloc_read() gives an array that free() releases; names live as
 *            long as the image.
 * Errors:    HI_E_BADELF names the table; HI_E_NOMEM.
 * Source:    x86-64 psABI 1.0 ch. 4.4; gABI "Relocation"; DT_RELR of the gABI
 *            draft (its entries come out as R_X86_64_RELATIVE with the addend
 *            read from the file).
 */
#ifndef HI_ELFSCAN_RELOC_H
#define HI_ELFSCAN_RELOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elfscan/image.h"

struct hi_reloc {
	uint64_t place_link; /* where the relocated word is */
	uint32_t type;       /* R_X86_64_... */
	int64_t addend;
	/* the symbol, for relocations that have one */
	const char *name;    /* "" when there is none */
	const char *version; /* "" when unversioned */
	uint64_t sym_link;   /* st_value when the image defines it, else 0 */
	uint64_t sym_size;
	uint8_t sym_type; /* STT_... */
	uint8_t sym_bind; /* STB_... */
	uint8_t sym_visibility;
	bool defined; /* the image itself defines the symbol */
	bool plt;     /* from DT_JMPREL */
};

/* The dynamic relocations (DT_RELA, DT_RELR, DT_JMPREL), sorted by place. */
int hi_reloc_read(struct hi_image *image, struct hi_reloc **ret_relocs,
		  size_t *ret_n, struct hi_err *err) HI_MUST_USE;

/*
 * The static relocations that apply to executable sections, when the file was
 * linked with --emit-relocs; *ret_n is 0 otherwise. Sorted by place.
 */
int hi_reloc_read_static(struct hi_image *image, struct hi_reloc **ret_relocs,
			 size_t *ret_n, struct hi_err *err) HI_MUST_USE;

#endif
