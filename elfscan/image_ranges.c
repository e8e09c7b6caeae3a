#include "elfscan/image_parts.h"

#include <stdlib.h>

/*
 * Writable sections that belong to the linker, the loader or the compiler's
 * start files. What they hold is per build; a new build never shares it.
 */
static bool is_linkers(const char *name)
{
	static const char *const exact[] = {
		".got",        ".got.plt",       ".plt.got",
		".dynamic",    ".jcr",           ".tm_clone_table",
		".eh_frame",   ".eh_frame_hdr",  ".gcc_except_table",
		".plt",        ".relro_padding", ".bss.rel.ro",
		".rela.dyn",   ".rela.plt",      ".interp",
		".init_array", ".fini_array",    ".preinit_array",
		".ctors",      ".dtors",         ".data.rel.ro",
	};
	static const char *const start[] = {
		".init_array.", ".fini_array.",  ".preinit_array.", ".ctors.",
		".dtors.",      ".data.rel.ro.", ".bss.rel.ro.",
	};

	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
		if (!strcmp(name, exact[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(start) / sizeof(start[0]); i++) {
		if (!strncmp(name, start[i], strlen(start[i])))
			return true;
	}
	return false;
}

static const Elf64_Phdr *find_segment(const struct hi_image *image,
				      uint32_t type, uint64_t addr_link)
{
	for (size_t i = 0; i < image->header.n_phdrs; i++) {
		const Elf64_Phdr *phdr = &image->phdrs[i];

		if (phdr->p_type == type &&
		    hi_covers(phdr->p_vaddr, phdr->p_memsz, addr_link, 1))
			return phdr;
	}
	return NULL;
}

/* ADDR_LINK is in a segment; OWNED means by the linker, where it is writable. */
static enum hi_data_kind kind_by_segment(const struct hi_image *image,
					 uint64_t addr_link, bool owned)
{
	const Elf64_Phdr *load = find_segment(image, PT_LOAD, addr_link);

	if (!load || load->p_flags & PF_X)
		return HI_DATA_NONE;
	if (!(load->p_flags & PF_W))
		return HI_DATA_READONLY;
	if (find_segment(image, PT_GNU_RELRO, addr_link))
		return HI_DATA_RELRO;
	return owned ? HI_DATA_GOT : HI_DATA_STATE;
}

/* Index of the section in by_addr that holds ADDR_LINK, or n_by_addr. */
static size_t find_at(const struct hi_image *image, uint64_t addr_link)
{
	size_t low = 0, high = image->n_by_addr;
	const Elf64_Shdr *shdr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->shdrs[image->by_addr[middle]].sh_addr <= addr_link)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return image->n_by_addr;
	shdr = &image->shdrs[image->by_addr[low - 1]];
	return addr_link - shdr->sh_addr < shdr->sh_size ? low - 1 :
							   image->n_by_addr;
}

const char *hi_image_find_section_at(const struct hi_image *image,
				     uint64_t addr_link, GElf_Shdr *ret_shdr)
{
	size_t at = find_at(image, addr_link);

	if (at == image->n_by_addr)
		return NULL;
	if (ret_shdr)
		*ret_shdr = image->shdrs[image->by_addr[at]];
	return hi_image_section_name(image, image->by_addr[at]);
}

static bool in_ranges(const struct hi_range *ranges, size_t n,
		      uint64_t addr_link)
{
	for (size_t i = 0; i < n; i++) {
		if (addr_link >= ranges[i].start && addr_link < ranges[i].end)
			return true;
	}
	return false;
}

enum hi_data_kind hi_image_get_data_kind(const struct hi_image *image,
					 uint64_t addr_link)
{
	enum hi_data_kind kind;
	size_t at;

	if (in_ranges(image->state, image->n_state, addr_link))
		return HI_DATA_STATE;
	kind = kind_by_segment(image, addr_link, true);
	if (kind != HI_DATA_NONE)
		return kind;
	/* linkers without separate-code put .rodata into the text segment */
	at = find_at(image, addr_link);
	if (at == image->n_by_addr ||
	    image->shdrs[image->by_addr[at]].sh_flags & SHF_EXECINSTR)
		return HI_DATA_NONE;
	return HI_DATA_READONLY;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct hi_range *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

/* Sort, and join what touches or overlaps; the new count. */
static size_t tidy(struct hi_range *ranges, size_t n)
{
	size_t kept = 0;

	qsort(ranges, n, sizeof(*ranges), compare_ranges);
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].start >= ranges[i].end)
			continue;
		if (kept && ranges[i].start <= ranges[kept - 1].end) {
			if (ranges[i].end > ranges[kept - 1].end)
				ranges[kept - 1].end = ranges[i].end;
			continue;
		}
		ranges[kept++] = ranges[i];
	}
	return kept;
}

static struct hi_range section_range(const Elf64_Shdr *shdr)
{
	return (struct hi_range){ shdr->sh_addr,
				  shdr->sh_addr + shdr->sh_size };
}

static bool in_memory(const Elf64_Shdr *shdr)
{
	return shdr->sh_flags & SHF_ALLOC && !(shdr->sh_flags & SHF_TLS) &&
	       shdr->sh_size && shdr->sh_type != SHT_NULL;
}

static void ranges_from_sections(struct hi_image *image)
{
	for (size_t i = 1; i < image->n_shdrs; i++) {
		const Elf64_Shdr *shdr = &image->shdrs[i];

		if (!in_memory(shdr))
			continue;
		image->by_addr[image->n_by_addr++] = i;
		if (shdr->sh_flags & SHF_EXECINSTR)
			image->text[image->n_text++] = section_range(shdr);
		else if (shdr->sh_flags & SHF_WRITE &&
			 !is_linkers(hi_image_section_name(image, i)) &&
			 kind_by_segment(image, shdr->sh_addr, false) ==
				 HI_DATA_STATE)
			image->state[image->n_state++] = section_range(shdr);
	}
}

/* Take [START, END) out of the state ranges. */
static void cut_state(struct hi_image *image, uint64_t start, uint64_t end)
{
	size_t n = image->n_state;

	for (size_t i = 0; start < end && i < n; i++) {
		struct hi_range *range = &image->state[i];

		if (start >= range->end || end <= range->start)
			continue;
		if (end < range->end)
			image->state[image->n_state++] =
				(struct hi_range){ end, range->end };
		range->end = start > range->start ? start : range->start;
	}
}

/* A file whose section headers were stripped: writable, and not the linker's. */
static void ranges_from_segments(struct hi_image *image)
{
	static const int64_t arrays[][2] = {
		{ DT_INIT_ARRAY, DT_INIT_ARRAYSZ },
		{ DT_FINI_ARRAY, DT_FINI_ARRAYSZ },
	};
	struct hi_image_dyn dyn, len;

	for (size_t i = 0; i < image->header.n_phdrs; i++) {
		const Elf64_Phdr *phdr = &image->phdrs[i];
		struct hi_range range = { phdr->p_vaddr,
					  phdr->p_vaddr + phdr->p_memsz };

		if (phdr->p_type == PT_LOAD && phdr->p_flags & PF_X)
			image->text[image->n_text++] = range;
		else if (phdr->p_type == PT_LOAD && phdr->p_flags & PF_W)
			image->state[image->n_state++] = range;
	}
	for (size_t i = 0; i < image->header.n_phdrs; i++) {
		const Elf64_Phdr *phdr = &image->phdrs[i];

		if (phdr->p_type == PT_GNU_RELRO || phdr->p_type == PT_DYNAMIC)
			cut_state(image, phdr->p_vaddr,
				  phdr->p_vaddr + phdr->p_memsz);
	}
	for (size_t i = 0; i < 2; i++) {
		if (hi_image_find_dyn(image, arrays[i][0], &dyn) &&
		    hi_image_find_dyn(image, arrays[i][1], &len))
			cut_state(image, dyn.value, dyn.value + len.value);
	}
	/* .got.plt: three words of ld.so's, then one for each PLT entry */
	if (hi_image_find_dyn(image, DT_PLTGOT, &dyn) &&
	    hi_image_find_dyn(image, DT_PLTRELSZ, &len))
		cut_state(image, dyn.value,
			  dyn.value + 24 + len.value / 24 * 8);
}

static void set_relro(struct hi_image *image)
{
	/* glibc's _dl_protect_relro() rounds both ends down */
	uint64_t mask = -(uint64_t)HI_PAGE_LEN;

	for (size_t i = 0; i < image->header.n_phdrs; i++) {
		const Elf64_Phdr *phdr = &image->phdrs[i];
		struct hi_range relro;

		if (phdr->p_type != PT_GNU_RELRO)
			continue;
		relro.start = phdr->p_vaddr & mask;
		relro.end = (phdr->p_vaddr + phdr->p_memsz) & mask;
		if (relro.start < relro.end)
			image->header.relro = relro;
	}
}

static int compare_sections(const void *left, const void *right, void *context)
{
	const Elf64_Shdr *shdrs = context;
	const Elf64_Shdr *a = &shdrs[*(const uint32_t *)left];
	const Elf64_Shdr *b = &shdrs[*(const uint32_t *)right];

	return (a->sh_addr > b->sh_addr) - (a->sh_addr < b->sh_addr);
}

int hi_image_set_ranges(struct hi_image *image, struct hi_err *err)
{
	/* the ranges are disjoint, so each cut of cut_state() adds at most one:
	   one cut per segment, two arrays, one .got.plt */
	size_t n = image->n_shdrs + 2 * image->header.n_phdrs + 3;

	image->by_addr = calloc(n, sizeof(*image->by_addr));
	image->text = calloc(n, sizeof(*image->text));
	image->state = calloc(n, sizeof(*image->state));
	if (!image->by_addr || !image->text || !image->state)
		return hi_fail(err, HI_E_NOMEM, "%s: out of memory",
			       image->name);
	set_relro(image);
	if (image->n_shdrs)
		ranges_from_sections(image);
	else
		ranges_from_segments(image);
	if (image->n_by_addr)
		qsort_r(image->by_addr, image->n_by_addr,
			sizeof(*image->by_addr), compare_sections,
			image->shdrs);
	image->n_text = tidy(image->text, image->n_text);
	image->n_state = tidy(image->state, image->n_state);
	return 0;
}
