/*
 * dynsym - the dynamic symbol table with its versions, proven.
 *
 * hi_image_open() reads it once; the other elfscan modules get it from
 * hi_image_get_dynsym() and need no more bounds checks: every name and version
 * is inside the string table.
 *
 * Ownership: hi_dynsym_read() fills a value that hi_dynsym_done() ends; strings
 *            live as long as the image.
 * Errors:    HI_E_BADELF names the table that is wrong; HI_E_NOMEM.
 * Source:    gABI ch. 5 "Hash Table", "Dynamic Section"; LSB "Symbol
 *            Versioning"; GNU hash as glibc's dl-lookup reads it.
 */
#ifndef HI_ELFSCAN_DYNSYM_H
#define HI_ELFSCAN_DYNSYM_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct hi_image;

struct hi_dynsym {
	const uint8_t *symbols; /* n Elf64_Sym, not necessarily aligned */
	size_t n;
	const char *strings;
	const uint8_t *versym; /* n Elf64_Half, or NULL */
	const char **versions; /* by version index, NULL where undefined */
	size_t n_versions;
	size_t n_defined; /* of them: those that the file defines itself */
};

/* Read and prove the tables that the dynamic section of IMAGE names. */
int hi_dynsym_read(const struct hi_image *image, struct hi_dynsym *ret_dynsym,
		   struct hi_err *err) HI_MUST_USE;
void hi_dynsym_done(struct hi_dynsym *dynsym);

/* Symbol AT, which is below n. */
Elf64_Sym hi_dynsym_get(const struct hi_dynsym *dynsym, size_t at);
const char *hi_dynsym_get_name(const struct hi_dynsym *dynsym, size_t at);
/* Its version or ""; *ret_default tells f@@V from f@V. */
const char *hi_dynsym_get_version(const struct hi_dynsym *dynsym, size_t at,
				  bool *ret_default);

/* The proven table of an opened image. */
const struct hi_dynsym *hi_image_get_dynsym(const struct hi_image *image);

#endif
