/*
 * image - one ELF file, opened read-only and proven whole.
 *
 * Units:     addresses (..._link) are link-time virtual addresses, sizes and
 *            file offsets are bytes.
 * Ownership: hi_image_open() gives a handle that hi_image_free() ends; strings,
 *            bytes and arrays from accessors live as long as the handle.
 * Errors:    HI_E_CUT when the file ends before something its headers name (a
 *            linker may still be writing it), and for an empty file; HI_E_FOREIGN
 *            for another class, byte order, machine or for a file that is not
 *            ET_DYN (an executable, a relocatable object); HI_E_BADELF for
 *            anything else that is malformed: not ELF at all, no dynamic
 *            section, no dynamic symbol table, strings out of range; HI_E_SYS.
 *            Each sentence starts with the file's base name and names the first
 *            thing that is wrong.
 * Threads:   one at a time per handle; handles are independent.
 * Source:    System V gABI ch. 4-5; x86-64 psABI 1.0 ch. 4.
 */
#ifndef HI_ELFSCAN_IMAGE_H
#define HI_ELFSCAN_IMAGE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define HI_BUILD_ID_MAX 64

struct hi_image;

/* A half-open range of link-time addresses. */
struct hi_range {
	uint64_t start;
	uint64_t end;
};

enum hi_data_kind {
	HI_DATA_NONE,     /* no PT_LOAD there, or text */
	HI_DATA_READONLY, /* .rodata, .eh_frame, ... in a segment without PF_W */
	HI_DATA_RELRO,    /* writable only while it is relocated */
	HI_DATA_GOT,      /* .got, .got.plt, .dynamic, .init_array ... that no
			     PT_GNU_RELRO covers: the linker's, not state */
	HI_DATA_STATE,    /* .data, .bss and whatever else stays writable */
};

struct hi_image_header {
	uint16_t type;             /* ET_DYN always for an opened image */
	const char *soname;        /* DT_SONAME or NULL */
	const char *const *needed; /* DT_NEEDED, NULL-terminated */
	const char *runpath;       /* DT_RUNPATH, else DT_RPATH, or NULL */
	uint8_t build_id[HI_BUILD_ID_MAX];
	size_t build_id_len; /* 0 when there is no note */
	const GElf_Phdr *phdrs;
	size_t n_phdrs;
	uint64_t span_link;       /* end of the last PT_LOAD, page rounded */
	uint64_t load_start_link; /* start of the first PT_LOAD, page rounded */
	struct hi_range relro;    /* PT_GNU_RELRO as ld.so protects it: start
				      and end rounded down to pages; empty
				      when absent */
	const GElf_Phdr *tls;     /* PT_TLS or NULL */
	bool bind_now, symbolic,
		textrel; /* DF_BIND_NOW/DF_1_NOW, DF_SYMBOLIC */
	bool has_section_headers;
	bool has_symtab; /* .symtab in the file itself */
};

/* One entry of the dynamic section and where it stands in the file. */
struct hi_image_dyn {
	int64_t tag;
	uint64_t value;
	uint64_t file_offset; /* of the Elf64_Dyn */
};

/*
 * Open PATH and prove it whole: ELF header, every program header and section
 * lies inside the file, the dynamic section, dynamic symbol and string tables,
 * relocation tables and hash tables are inside it, symbol and string indexes
 * are in range. Only x86-64 ET_DYN with a dynamic section passes. The file
 * must not change while it is open.
 */
int hi_image_open(const char *path, struct hi_image **ret_image,
		  struct hi_err *err) HI_MUST_USE;
/* As hi_image_open(), for programs as well: what a host has mapped. */
int hi_image_open_any(const char *path, struct hi_image **ret_image,
		      struct hi_err *err) HI_MUST_USE;
/*
 * As hi_image_open(), for a copy of the file ORIGINAL: sentences name the original,
 * and its folder is where a separate debug file is looked for.
 */
int hi_image_open_copy(const char *path, const char *original,
		       struct hi_image **ret_image,
		       struct hi_err *err) HI_MUST_USE;
/*
 * As hi_image_open_copy(), for the LEN bytes of the file in memory, which were mapped
 * with mmap(2). They belong to the image, also on failure; what it proves lies in
 * the headers, so that sections may be filled in later.
 */
int hi_image_open_bytes(const uint8_t *bytes, size_t len, const char *original,
			struct hi_image **ret_image,
			struct hi_err *err) HI_MUST_USE;
void hi_image_free(struct hi_image *image);

/*
 * Ask FETCH for a file with the debug information of a build id when no file here has
 * it, once: it gives a path that is freed later, or NULL. Without this, nobody is
 * asked.
 */
typedef char *hi_image_fetch(const uint8_t *build_id, size_t len);
int hi_image_set_fetch(struct hi_image *image, hi_image_fetch *fetch,
		       struct hi_err *err) HI_MUST_USE;

const struct hi_image_header *hi_image_get_header(const struct hi_image *image);
const char *hi_image_get_path(const struct hi_image *image);
/* The libelf handle, for the other elfscan modules only. */
Elf *hi_image_get_elf(const struct hi_image *image);

/* The bytes of the file at FILE_OFFSET 0; its length in *ret_len. */
const uint8_t *hi_image_get_file(const struct hi_image *image, size_t *ret_len);

/*
 * LEN bytes at FILE_OFFSET are about to be written in the file: from now on the
 * image shows what they are now, whatever the file holds.
 */
int hi_image_keep(struct hi_image *image, uint64_t file_offset, size_t len,
		  struct hi_err *err) HI_MUST_USE;
/* The same for N ranges of addresses in one segment, in ascending order. */
int hi_image_keep_ranges(struct hi_image *image, const struct hi_range *ranges,
			 size_t n, struct hi_err *err) HI_MUST_USE;
/*
 * Give back the memory that reading has taken. The image stays usable, but shows
 * the file as it is then, also where it was kept.
 */
void hi_image_rest(struct hi_image *image);
/* The same for the bytes from FROM up to END, which are read again when they are looked
   at: whole pages of a file that hi_image_open() has mapped; of others nothing. */
void hi_image_rest_part(const struct hi_image *image, const uint8_t *from,
			const uint8_t *end);
/* Sections of the file have been emptied, and their headers say so (SHT_NOBITS): so
   does the image, which has been at rest. */
void hi_image_miss(struct hi_image *image);
/*
 * Give back all but what tells where things are in memory: program headers, and the
 * ranges of text and of state. There are no bytes, sections, symbols and names
 * any more.
 */
void hi_image_close(struct hi_image *image);

/*
 * The file's bytes for LEN bytes at ADDR_LINK, or NULL when they are not all
 * backed by one PT_LOAD's file part (.bss is not).
 */
const uint8_t *hi_image_find_bytes(const struct hi_image *image,
				   uint64_t addr_link, size_t len);

/* A section by name; absent is no error: false. */
bool hi_image_find_section(const struct hi_image *image, const char *name,
			   GElf_Shdr *ret_shdr);
/* The section that holds ADDR_LINK (SHF_ALLOC, not TLS), its name; NULL. */
const char *hi_image_find_section_at(const struct hi_image *image,
				     uint64_t addr_link, GElf_Shdr *ret_shdr);

/* What the memory at ADDR_LINK is for once the image is loaded. */
enum hi_data_kind hi_image_get_data_kind(const struct hi_image *image,
					 uint64_t addr_link);

/* The ranges of HI_DATA_STATE, sorted, and of executable sections, sorted. */
const struct hi_range *hi_image_get_state_ranges(const struct hi_image *image,
						 size_t *ret_n);
const struct hi_range *hi_image_get_text_ranges(const struct hi_image *image,
						size_t *ret_n);

/* The first dynamic entry with TAG; absent is no error: false. */
bool hi_image_find_dyn(const struct hi_image *image, int64_t tag,
		       struct hi_image_dyn *ret_dyn);

#endif
