/*
 * image_parts - what the files of the image module share; nobody else includes
 * it.
 *
 * hi_image_open() fills struct hi_image in this order, and each step may rely on
 * the ones before it:
 *
 *     check_header    e_ident, type, machine          file, ehdr
 *     check_tables    program and section headers     phdrs, shdrs, header.phdrs
 *     check_dynamic   PT_DYNAMIC and what it names    dyns, strings, needed
 *     dynsym          symbols and versions            dynsym
 *     check_relocs    relocation tables               -
 *     set_ranges      what memory is for              text, state, by_addr
 */
#ifndef HI_ELFSCAN_IMAGE_PARTS_H
#define HI_ELFSCAN_IMAGE_PARTS_H

#include <string.h>

#include "elfscan/dynsym.h"
#include "elfscan/image.h"

#define HI_PAGE_LEN 4096 /* the only page size of x86-64's ld.so */

struct hi_image {
	struct hi_image_header header;
	char *path;
	bool programs;    /* may be an executable */
	const char *name; /* the path's last component, for sentences */
	const uint8_t *file;
	size_t file_len;
	bool is_mapped; /* by itself */
	Elf *elf;
	Elf64_Ehdr ehdr;
	Elf64_Phdr *phdrs;
	Elf64_Shdr *shdrs;
	size_t n_shdrs;
	const char *section_names;
	size_t section_names_len;
	Elf64_Dyn *dyns; /* up to and without DT_NULL */
	size_t n_dyns;
	uint64_t dyn_offset;
	const char *strings; /* DT_STRTAB, ends with a NUL */
	size_t strings_len;
	const char **needed;
	struct hi_dynsym dynsym;
	uint32_t *by_addr; /* sections in memory, without TLS, by address */
	size_t n_by_addr;
	struct hi_range *text;
	size_t n_text;
	struct hi_range *state;
	size_t n_state;
	struct hi_fetching *fetching; /* or NULL */
};

/* The debug file that was fetched, or NULL. */
const char *hi_image_find_fetched(const struct hi_image *image);
void hi_fetching_free(struct hi_fetching *fetching);

int hi_image_check_header(struct hi_image *image,
			  struct hi_err *err) HI_MUST_USE;
int hi_image_check_tables(struct hi_image *image,
			  struct hi_err *err) HI_MUST_USE;
int hi_image_check_dynamic(struct hi_image *image,
			   struct hi_err *err) HI_MUST_USE;
int hi_image_check_relocs(struct hi_image *image,
			  struct hi_err *err) HI_MUST_USE;
int hi_image_set_ranges(struct hi_image *image, struct hi_err *err) HI_MUST_USE;

/* HI_E_BADELF with the image's name and, for a program, what it is. */
int hi_image_refuse_program(const struct hi_image *image, struct hi_err *err);

/* Whether LEN bytes from OFFSET lie inside a file of FILE_LEN bytes. */
static inline bool hi_inside(uint64_t offset, uint64_t len, uint64_t file_len)
{
	return offset <= file_len && len <= file_len - offset;
}

/* Whether LEN bytes from ADDR lie in [START, START + SPAN). */
static inline bool hi_covers(uint64_t start, uint64_t span, uint64_t addr,
			     uint64_t len)
{
	return addr >= start && hi_inside(addr - start, len, span);
}

/* The name of section AT; never NULL once hi_image_check_tables() is done. */
static inline const char *hi_image_section_name(const struct hi_image *image,
						size_t at)
{
	return image->section_names + image->shdrs[at].sh_name;
}

#endif
