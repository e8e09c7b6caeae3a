#include "elfscan/image_parts.h"

#include <stdlib.h>

static int refuse_dynamic(const struct hi_image *image, const char *wrong,
			  struct hi_err *err)
{
	return hi_fail(err, HI_E_BADELF, "%s: %s", image->name, wrong);
}

static bool has_segment(const struct hi_image *image, uint32_t type)
{
	for (size_t i = 0; i < image->header.n_phdrs; i++) {
		if (image->phdrs[i].p_type == type)
			return true;
	}
	return false;
}

static int read_dynamic(struct hi_image *image, struct hi_err *err)
{
	const Elf64_Phdr *phdr = NULL;
	const uint8_t *bytes;
	size_t n;

	for (size_t i = 0; i < image->header.n_phdrs; i++) {
		if (image->phdrs[i].p_type == PT_DYNAMIC)
			phdr = &image->phdrs[i];
	}
	if (!phdr || !phdr->p_filesz)
		return refuse_dynamic(image,
				      "there is no dynamic section, the file "
				      "is statically linked or stripped of it",
				      err);
	/* ld.so reads it through its address, file tools at its offset */
	bytes = hi_image_find_bytes(image, phdr->p_vaddr, phdr->p_filesz);
	if (bytes != image->file + phdr->p_offset)
		return refuse_dynamic(
			image, "the dynamic section is in no loadable segment",
			err);
	n = phdr->p_filesz / sizeof(Elf64_Dyn);
	image->dyns = calloc(n + 1, sizeof(Elf64_Dyn));
	if (!image->dyns)
		return hi_fail(err, HI_E_NOMEM, "%s: out of memory",
			       image->name);
	memcpy(image->dyns, bytes, n * sizeof(Elf64_Dyn));
	image->dyn_offset = phdr->p_offset;
	while (image->n_dyns < n && image->dyns[image->n_dyns].d_tag != DT_NULL)
		image->n_dyns++;
	if (!image->n_dyns)
		return hi_fail(err, HI_E_CUT,
			       "%s has a dynamic section of zeros, it is still "
			       "being written",
			       image->name);
	if (image->n_dyns == n)
		return refuse_dynamic(image, "the dynamic section has no end",
				      err);
	return 0;
}

static uint64_t get_value(const struct hi_image *image, int64_t tag)
{
	struct hi_image_dyn dyn;

	return hi_image_find_dyn(image, tag, &dyn) ? dyn.value : 0;
}

int hi_image_refuse_program(const struct hi_image *image, struct hi_err *err)
{
	struct hi_image_dyn dyn;

	/*
	 * Linkers mark a position-independent program with DF_1_PIE. Those
	 * before binutils 2.26 did not, but gave DT_DEBUG to programs only;
	 * PT_INTERP alone says nothing, libc.so.6 can be run and has it.
	 */
	if (!(get_value(image, DT_FLAGS_1) & DF_1_PIE) &&
	    !(has_segment(image, PT_INTERP) &&
	      hi_image_find_dyn(image, DT_DEBUG, &dyn)))
		return 0;
	return hi_fail(err, HI_E_FOREIGN,
		       "%s is an executable, not a shared library",
		       image->name);
}

static int read_strings(struct hi_image *image, struct hi_err *err)
{
	uint64_t len = get_value(image, DT_STRSZ);
	const uint8_t *bytes;

	bytes = hi_image_find_bytes(image, get_value(image, DT_STRTAB), len);
	if (!len || !bytes)
		return refuse_dynamic(
			image, "the dynamic strings lie outside the file", err);
	if (bytes[len - 1])
		return refuse_dynamic(image, "the dynamic strings have no end",
				      err);
	image->strings = (const char *)bytes;
	image->strings_len = len;
	return 0;
}

static int read_names(struct hi_image *image, struct hi_err *err)
{
	struct hi_image_header *header = &image->header;
	const char *rpath = NULL;
	size_t n = 0;

	image->needed = calloc(image->n_dyns + 1, sizeof(*image->needed));
	if (!image->needed)
		return hi_fail(err, HI_E_NOMEM, "%s: out of memory",
			       image->name);
	header->needed = image->needed;
	for (size_t i = 0; i < image->n_dyns; i++) {
		const Elf64_Dyn *dyn = &image->dyns[i];
		const char *text;

		if (dyn->d_tag != DT_NEEDED && dyn->d_tag != DT_SONAME &&
		    dyn->d_tag != DT_RUNPATH && dyn->d_tag != DT_RPATH)
			continue;
		if (dyn->d_un.d_val >= image->strings_len)
			return refuse_dynamic(
				image,
				"a name in the dynamic section is out of range",
				err);
		text = image->strings + dyn->d_un.d_val;
		if (dyn->d_tag == DT_NEEDED)
			image->needed[n++] = text;
		else if (dyn->d_tag == DT_SONAME)
			header->soname = text;
		else if (dyn->d_tag == DT_RUNPATH)
			header->runpath = text;
		else
			rpath = text;
	}
	if (!header->runpath)
		header->runpath = rpath;
	return 0;
}

static void read_flags(struct hi_image *image)
{
	struct hi_image_header *header = &image->header;
	uint64_t flags = get_value(image, DT_FLAGS);
	uint64_t flags_1 = get_value(image, DT_FLAGS_1);
	struct hi_image_dyn dyn;

	header->bind_now = flags & DF_BIND_NOW || flags_1 & DF_1_NOW ||
			   hi_image_find_dyn(image, DT_BIND_NOW, &dyn);
	header->symbolic = flags & DF_SYMBOLIC ||
			   hi_image_find_dyn(image, DT_SYMBOLIC, &dyn);
	header->textrel = flags & DF_TEXTREL ||
			  hi_image_find_dyn(image, DT_TEXTREL, &dyn);
}

/* The tables of addresses that ld.so walks when it starts and ends the image. */
static int check_arrays(const struct hi_image *image, struct hi_err *err)
{
	static const struct {
		int64_t tag, len_tag;
	} arrays[] = {
		{ DT_INIT_ARRAY, DT_INIT_ARRAYSZ },
		{ DT_FINI_ARRAY, DT_FINI_ARRAYSZ },
		{ DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ },
	};

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		struct hi_image_dyn dyn;

		if (!hi_image_find_dyn(image, arrays[i].tag, &dyn))
			continue;
		if (!hi_image_find_bytes(image, dyn.value,
					 get_value(image, arrays[i].len_tag)))
			return refuse_dynamic(image,
					      "an array of constructors lies "
					      "outside the file",
					      err);
	}
	return 0;
}

int hi_image_check_dynamic(struct hi_image *image, struct hi_err *err)
{
	int code = read_dynamic(image, err);

	if (code >= 0 && !image->programs)
		code = hi_image_refuse_program(image, err);
	if (code >= 0)
		code = read_strings(image, err);
	if (code >= 0)
		code = read_names(image, err);
	if (code >= 0)
		code = check_arrays(image, err);
	if (code >= 0)
		read_flags(image);
	return code;
}

/* Eight bytes at PLACE are in memory; places come in runs, so try LAST first. */
static bool is_place(const struct hi_image *image, uint64_t place, size_t *last)
{
	const Elf64_Phdr *phdr = &image->phdrs[*last];

	if (phdr->p_type == PT_LOAD &&
	    hi_covers(phdr->p_vaddr, phdr->p_memsz, place, 8))
		return true;
	for (size_t i = 0; i < image->header.n_phdrs; i++) {
		phdr = &image->phdrs[i];
		if (phdr->p_type == PT_LOAD &&
		    hi_covers(phdr->p_vaddr, phdr->p_memsz, place, 8)) {
			*last = i;
			return true;
		}
	}
	return false;
}

static int check_rela(const struct hi_image *image, const char *table,
		      uint64_t addr_link, uint64_t len, struct hi_err *err)
{
	const uint8_t *bytes = hi_image_find_bytes(image, addr_link, len);
	size_t last = 0;

	if (!bytes || len % sizeof(Elf64_Rela))
		return hi_fail(err, HI_E_BADELF,
			       "%s: the relocation table %s lies outside the "
			       "file",
			       image->name, table);
	for (size_t at = 0; at < len; at += sizeof(Elf64_Rela)) {
		Elf64_Rela rela;

		memcpy(&rela, bytes + at, sizeof(rela));
		if (ELF64_R_SYM(rela.r_info) &&
		    ELF64_R_SYM(rela.r_info) >= image->dynsym.n)
			return hi_fail(err, HI_E_BADELF,
				       "%s: relocation %zu of %s names a "
				       "symbol that is out of range",
				       image->name, at / sizeof(rela), table);
		if (ELF64_R_TYPE(rela.r_info) != R_X86_64_NONE &&
		    !is_place(image, rela.r_offset, &last))
			return hi_fail(err, HI_E_BADELF,
				       "%s: relocation %zu of %s is for no "
				       "loadable segment",
				       image->name, at / sizeof(rela), table);
	}
	return 0;
}

int hi_image_check_relocs(struct hi_image *image, struct hi_err *err)
{
	struct hi_image_dyn dyn;
	int code = 0;

	if (hi_image_find_dyn(image, DT_REL, &dyn) ||
	    (hi_image_find_dyn(image, DT_PLTREL, &dyn) && dyn.value != DT_RELA))
		return refuse_dynamic(image,
				      "relocations without addends are not "
				      "used on x86-64",
				      err);
	if (hi_image_find_dyn(image, DT_RELA, &dyn))
		code = check_rela(image, "DT_RELA", dyn.value,
				  get_value(image, DT_RELASZ), err);
	if (code >= 0 && hi_image_find_dyn(image, DT_JMPREL, &dyn))
		code = check_rela(image, "DT_JMPREL", dyn.value,
				  get_value(image, DT_PLTRELSZ), err);
	if (code < 0)
		return code;
	if (hi_image_find_dyn(image, DT_RELR, &dyn) &&
	    (get_value(image, DT_RELRSZ) % sizeof(Elf64_Relr) ||
	     !hi_image_find_bytes(image, dyn.value,
				  get_value(image, DT_RELRSZ))))
		return hi_fail(err, HI_E_BADELF,
			       "%s: the relocation table DT_RELR lies outside "
			       "the file",
			       image->name);
	return 0;
}
