/*
 * debugfile - the symbol table of an ELF file, and the separate debug file of a
 * stripped one.
 *
 * Ownership: a table borrows from the bytes it was found in; hi_debugfile_open()
 *            fills a value that hi_debugfile_done() ends.
 * Errors:    none: a debug file that is absent, does not fit or is damaged is
 *            passed over.
 * Source:    GDB manual, "Debugging Information in Separate Files".
 */
#ifndef HI_ELFSCAN_DEBUGFILE_H
#define HI_ELFSCAN_DEBUGFILE_H

#include "elfscan/image.h"

/* A .symtab with its strings and sections, all inside the file. */
struct hi_symbol_table {
	const uint8_t *symbols; /* n Elf64_Sym, not necessarily aligned */
	size_t n;
	const char *strings; /* ends with a NUL */
	size_t strings_len;
	const uint8_t *sections; /* n_sections Elf64_Shdr */
	size_t n_sections;
	const uint8_t *extended; /* SHT_SYMTAB_SHNDX: n words, or NULL */
};

/* Find the .symtab in LEN bytes of an ELF file; false when there is none or
   something of it lies outside. */
bool hi_symbol_table_find(const uint8_t *file, size_t len,
			  struct hi_symbol_table *ret_table);

struct hi_debugfile {
	char *path; /* NULL: none was found */
	const uint8_t *file;
	size_t len;
	struct hi_symbol_table table;
};

/*
 * Look for IMAGE's debug file: by build id below /usr/lib/debug/.build-id, then
 * by .gnu_debuglink beside the file, in .debug/ and below /usr/lib/debug; at last
 * what is fetched, where that is wanted (image.h). A file of another build (build
 * id, or else checksum) is passed over.
 */
void hi_debugfile_open(const struct hi_image *image,
		       struct hi_debugfile *ret_debugfile);
void hi_debugfile_done(struct hi_debugfile *debugfile);

/* The name in .gnu_debuglink and its checksum; NULL when there is none. */
const char *hi_debugfile_get_link(const struct hi_image *image,
				  uint32_t *ret_checksum);

#endif
