#include "elfscan/reloc.h"

#include <stdlib.h>

#include "elfscan/image_parts.h"

/* Relocations while they are collected. */
struct list {
	struct hi_reloc *relocs;
	size_t n;
	size_t cap;
};

static int add(const struct hi_image *image, struct list *list,
	       const struct hi_reloc *reloc, struct hi_err *err)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 64;
		struct hi_reloc *relocs;

		relocs = reallocarray(list->relocs, cap, sizeof(*relocs));
		if (!relocs)
			return hi_fail(err, HI_E_NOMEM,
				       "%s: out of memory for its relocations",
				       image->name);
		list->relocs = relocs;
		list->cap = cap;
	}
	list->relocs[list->n++] = *reloc;
	return 0;
}

static void set_symbol(struct hi_reloc *reloc, const Elf64_Sym *symbol)
{
	reloc->defined = symbol->st_shndx != SHN_UNDEF;
	reloc->sym_link = reloc->defined ? symbol->st_value : 0;
	reloc->sym_size = symbol->st_size;
	reloc->sym_type = ELF64_ST_TYPE(symbol->st_info);
	reloc->sym_bind = ELF64_ST_BIND(symbol->st_info);
	reloc->sym_visibility = ELF64_ST_VISIBILITY(symbol->st_other);
}

/* Some linkers count the PLT's relocations, which come last, in DT_RELASZ too;
   ld.so allows for it in the same way. */
static void leave_out_plt(struct hi_image *image, uint64_t addr_link,
			  uint64_t *len)
{
	struct hi_image_dyn plt;

	if (hi_image_find_dyn(image, DT_JMPREL, &plt) &&
	    plt.value >= addr_link && plt.value - addr_link < *len &&
	    (plt.value - addr_link) % sizeof(Elf64_Rela) == 0)
		*len = plt.value - addr_link;
}

static int read_rela(struct hi_image *image, int64_t tag, int64_t len_tag,
		     struct list *list, struct hi_err *err)
{
	const struct hi_dynsym *dynsym = &image->dynsym;
	struct hi_image_dyn dyn, len;
	const uint8_t *bytes;

	if (!hi_image_find_dyn(image, tag, &dyn) ||
	    !hi_image_find_dyn(image, len_tag, &len))
		return 0;
	if (tag == DT_RELA)
		leave_out_plt(image, dyn.value, &len.value);
	/* hi_image_open() has proven the table and its symbol indexes */
	bytes = hi_image_find_bytes(image, dyn.value, len.value);
	for (size_t at = 0; at < len.value; at += sizeof(Elf64_Rela)) {
		struct hi_reloc reloc = { .name = "", .version = "" };
		bool default_version;
		Elf64_Rela rela;
		size_t index;
		int code;

		memcpy(&rela, bytes + at, sizeof(rela));
		index = ELF64_R_SYM(rela.r_info);
		reloc.place_link = rela.r_offset;
		reloc.type = ELF64_R_TYPE(rela.r_info);
		reloc.addend = rela.r_addend;
		reloc.plt = tag == DT_JMPREL;
		if (index) {
			Elf64_Sym symbol = hi_dynsym_get(dynsym, index);

			set_symbol(&reloc, &symbol);
			reloc.name = hi_dynsym_get_name(dynsym, index);
			reloc.version = hi_dynsym_get_version(dynsym, index,
							      &default_version);
		}
		code = reloc.type == R_X86_64_NONE ?
			       0 :
			       add(image, list, &reloc, err);
		if (code < 0)
			return code;
	}
	return 0;
}

static int add_relative(struct hi_image *image, struct list *list,
			uint64_t place_link, struct hi_err *err)
{
	struct hi_reloc reloc = { .name = "",
				  .version = "",
				  .place_link = place_link,
				  .type = R_X86_64_RELATIVE };
	const uint8_t *bytes = hi_image_find_bytes(image, place_link, 8);

	if (!bytes)
		return hi_fail(err, HI_E_BADELF,
			       "%s: the relocation table DT_RELR names %#llx, "
			       "which is not in the file",
			       image->name, (unsigned long long)place_link);
	memcpy(&reloc.addend, bytes, sizeof(reloc.addend));
	return add(image, list, &reloc, err);
}

/*
 * An even entry is the address of a word to relocate; an odd one has a bit for
 * each of the 63 words that follow the last one dealt with.
 */
static int read_relr(struct hi_image *image, struct list *list,
		     struct hi_err *err)
{
	struct hi_image_dyn dyn, len;
	const uint8_t *bytes;
	uint64_t next = 0;

	if (!hi_image_find_dyn(image, DT_RELR, &dyn) ||
	    !hi_image_find_dyn(image, DT_RELRSZ, &len))
		return 0;
	bytes = hi_image_find_bytes(image, dyn.value, len.value);
	for (size_t at = 0; at < len.value; at += sizeof(Elf64_Relr)) {
		Elf64_Relr entry;
		int code = 0;

		memcpy(&entry, bytes + at, sizeof(entry));
		if (!(entry & 1)) {
			code = add_relative(image, list, entry, err);
			next = entry + 8;
		}
		for (unsigned bit = 1; entry & 1 && bit < 64 && code >= 0;
		     bit++) {
			if (entry >> bit & 1)
				code = add_relative(image, list,
						    next + 8ULL * (bit - 1),
						    err);
		}
		if (entry & 1)
			next += 8ULL * 63;
		if (code < 0)
			return code;
	}
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct hi_reloc *a = left, *b = right;

	if (a->place_link != b->place_link)
		return a->place_link < b->place_link ? -1 : 1;
	return (a->type > b->type) - (a->type < b->type);
}

static void hand_over(struct list *list, struct hi_reloc **ret_relocs,
		      size_t *ret_n)
{
	bool sorted = true;

	for (size_t i = 1; i < list->n && sorted; i++)
		sorted = compare(&list->relocs[i - 1], &list->relocs[i]) <= 0;
	if (!sorted)
		qsort(list->relocs, list->n, sizeof(*list->relocs), compare);
	*ret_relocs = list->relocs;
	*ret_n = list->n;
}

int hi_reloc_read(struct hi_image *image, struct hi_reloc **ret_relocs,
		  size_t *ret_n, struct hi_err *err)
{
	struct list list = { 0 };
	int code;

	code = read_rela(image, DT_RELA, DT_RELASZ, &list, err);
	if (code >= 0)
		code = read_rela(image, DT_JMPREL, DT_PLTRELSZ, &list, err);
	if (code >= 0)
		code = read_relr(image, &list, err);
	if (code < 0) {
		free(list.relocs);
		return code;
	}
	hand_over(&list, ret_relocs, ret_n);
	return 0;
}

/* The symbols that a section of static relocations refers to. */
struct statics {
	const uint8_t *symbols;
	size_t n;
	const char *strings;
	size_t strings_len;
};

static int read_statics(struct hi_image *image, const Elf64_Shdr *rela,
			struct statics *ret_statics, struct hi_err *err)
{
	const Elf64_Shdr *symbols = &image->shdrs[rela->sh_link];
	const Elf64_Shdr *strings;

	if (symbols->sh_type == SHT_SYMTAB &&
	    rela->sh_size % sizeof(Elf64_Rela) == 0) {
		strings = &image->shdrs[symbols->sh_link];
		ret_statics->symbols = image->file + symbols->sh_offset;
		ret_statics->n = symbols->sh_size / sizeof(Elf64_Sym);
		ret_statics->strings =
			(const char *)image->file + strings->sh_offset;
		ret_statics->strings_len = strings->sh_size;
		if (strings->sh_type == SHT_STRTAB && strings->sh_size &&
		    !ret_statics->strings[strings->sh_size - 1])
			return 0;
	}
	return hi_fail(err, HI_E_BADELF,
		       "%s: the static relocations have no symbol table",
		       image->name);
}

static int add_static(struct hi_image *image, const struct statics *statics,
		      const Elf64_Rela *rela, const Elf64_Shdr *target,
		      struct list *list, struct hi_err *err)
{
	struct hi_reloc reloc = { .name = "",
				  .version = "",
				  .place_link = rela->r_offset,
				  .type = ELF64_R_TYPE(rela->r_info),
				  .addend = rela->r_addend };
	size_t index = ELF64_R_SYM(rela->r_info);
	Elf64_Sym symbol;

	if (reloc.type == R_X86_64_NONE)
		return 0;
	if (index >= statics->n ||
	    !hi_covers(target->sh_addr, target->sh_size, rela->r_offset, 1))
		return hi_fail(err, HI_E_BADELF,
			       "%s: a static relocation for %#llx is out of "
			       "range",
			       image->name, (unsigned long long)rela->r_offset);
	if (index) {
		memcpy(&symbol, statics->symbols + index * sizeof(symbol),
		       sizeof(symbol));
		if (symbol.st_name >= statics->strings_len)
			return hi_fail(err, HI_E_BADELF,
				       "%s: the name of symbol %zu is out of "
				       "range",
				       image->name, index);
		set_symbol(&reloc, &symbol);
		reloc.name = statics->strings + symbol.st_name;
	}
	return add(image, list, &reloc, err);
}

static int read_static_section(struct hi_image *image, const Elf64_Shdr *shdr,
			       struct list *list, struct hi_err *err)
{
	const Elf64_Shdr *target = &image->shdrs[shdr->sh_info];
	const uint8_t *bytes = image->file + shdr->sh_offset;
	struct statics statics = { 0 };
	int code = read_statics(image, shdr, &statics, err);

	for (size_t at = 0; code >= 0 && at < shdr->sh_size;
	     at += sizeof(Elf64_Rela)) {
		Elf64_Rela rela;

		memcpy(&rela, bytes + at, sizeof(rela));
		code = add_static(image, &statics, &rela, target, list, err);
	}
	return code;
}

int hi_reloc_read_static(struct hi_image *image, struct hi_reloc **ret_relocs,
			 size_t *ret_n, struct hi_err *err)
{
	struct list list = { 0 };

	for (size_t i = 1; i < image->n_shdrs; i++) {
		const Elf64_Shdr *shdr = &image->shdrs[i];
		int code;

		if (shdr->sh_type != SHT_RELA || shdr->sh_flags & SHF_ALLOC ||
		    !shdr->sh_info || shdr->sh_info >= image->n_shdrs ||
		    !(image->shdrs[shdr->sh_info].sh_flags & SHF_EXECINSTR))
			continue;
		code = read_static_section(image, shdr, &list, err);
		if (code < 0) {
			free(list.relocs);
			return code;
		}
	}
	hand_over(&list, ret_relocs, ret_n);
	return 0;
}
