#include "elfscan/image_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* User space ends at 2^47 with four-level paging (Linux, Documentation/x86). */
#define ADDRESS_LIMIT (UINT64_C(1) << 47)

static bool all_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

static int refuse_not_elf(const struct hi_image *image, struct hi_err *err)
{
	size_t len = image->file_len < 16 ? image->file_len : 16;
	char text[3 * 16 + 1] = "";
	size_t n = 0;

	while (n < len && isprint(image->file[n]))
		n++;
	if (n >= 4 || n == len)
		return hi_fail(err, HI_E_BADELF,
			       "%s is not an ELF file: it starts with '%.*s'",
			       image->name, (int)n, image->file);
	for (n = 0; n < len && n < 4; n++)
		sprintf(text + 3 * n, " %02x", image->file[n]);
	return hi_fail(err, HI_E_BADELF,
		       "%s is not an ELF file: it starts with bytes%s",
		       image->name, text);
}

static int check_start(const struct hi_image *image, struct hi_err *err)
{
	size_t len = image->file_len;
	size_t magic_len = len < SELFMAG ? len : SELFMAG;

	if (!len)
		return hi_fail(err, HI_E_CUT, "%s is empty", image->name);
	if (all_zero(image->file, len < EI_NIDENT ? len : EI_NIDENT))
		return hi_fail(err, HI_E_CUT,
			       "%s is all zeros at its start, it is still "
			       "being written",
			       image->name);
	if (memcmp(image->file, ELFMAG, magic_len) != 0)
		return refuse_not_elf(image, err);
	if (len < sizeof(Elf64_Ehdr))
		return hi_fail(err, HI_E_CUT,
			       "%s ends at byte %zu, inside its ELF header",
			       image->name, len);
	return 0;
}

static const char *machine_name(unsigned machine)
{
	static const struct {
		unsigned machine;
		const char *name;
	} names[] = {
		{ EM_386, "x86 (32 bit)" }, { EM_ARM, "ARM (32 bit)" },
		{ EM_AARCH64, "AArch64" },  { EM_RISCV, "RISC-V" },
		{ EM_PPC64, "POWER" },      { EM_S390, "S/390" },
		{ EM_MIPS, "MIPS" },        { EM_LOONGARCH, "LoongArch" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].machine == machine)
			return names[i].name;
	}
	return NULL;
}

static int refuse_machine(const struct hi_image *image, unsigned machine,
			  struct hi_err *err)
{
	const char *name = machine_name(machine);

	if (name)
		return hi_fail(err, HI_E_FOREIGN, "%s is for %s, not x86-64",
			       image->name, name);
	return hi_fail(err, HI_E_FOREIGN, "%s is for machine %u, not x86-64",
		       image->name, machine);
}

static int check_kind(const struct hi_image *image, struct hi_err *err)
{
	const unsigned char *ident = image->ehdr.e_ident;
	/* e_machine and e_type stand at the same place in both classes */
	unsigned machine = image->ehdr.e_machine;

	if (ident[EI_DATA] == ELFDATA2MSB)
		return refuse_machine(image, __builtin_bswap16(machine), err);
	if (machine != EM_X86_64)
		return refuse_machine(image, machine, err);
	if (ident[EI_CLASS] == ELFCLASS32)
		return hi_fail(err, HI_E_FOREIGN,
			       "%s is for x32 (32 bit pointers), not x86-64",
			       image->name);
	if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB)
		return hi_fail(err, HI_E_BADELF,
			       "%s has the unknown ELF class %u, data %u",
			       image->name, ident[EI_CLASS], ident[EI_DATA]);
	if (ident[EI_VERSION] != EV_CURRENT ||
	    image->ehdr.e_version != EV_CURRENT)
		return hi_fail(err, HI_E_BADELF,
			       "%s has the unknown ELF version %u", image->name,
			       image->ehdr.e_version);
	if (ident[EI_OSABI] != ELFOSABI_SYSV && ident[EI_OSABI] != ELFOSABI_GNU)
		return hi_fail(err, HI_E_FOREIGN,
			       "%s is for another system (OS ABI %u), not "
			       "Linux",
			       image->name, ident[EI_OSABI]);
	return 0;
}

int hi_image_check_header(struct hi_image *image, struct hi_err *err)
{
	int code = check_start(image, err);

	if (code < 0)
		return code;
	memcpy(&image->ehdr, image->file, sizeof(image->ehdr));
	code = check_kind(image, err);
	if (code < 0)
		return code;
	switch (image->ehdr.e_type) {
	case ET_DYN:
		return 0;
	case ET_EXEC:
		if (image->programs)
			return 0;
		return hi_fail(err, HI_E_FOREIGN,
			       "%s is an executable, not a shared library",
			       image->name);
	case ET_REL:
		return hi_fail(err, HI_E_FOREIGN,
			       "%s is an object file, not a shared library",
			       image->name);
	case ET_CORE:
		return hi_fail(err, HI_E_FOREIGN,
			       "%s is a core dump, not a shared library",
			       image->name);
	default:
		return hi_fail(err, HI_E_BADELF,
			       "%s has the unknown ELF type %u", image->name,
			       image->ehdr.e_type);
	}
}

/* The file ends before or inside WHAT, which stands at OFFSET. */
static int refuse_cut(const struct hi_image *image, const char *what,
		      uint64_t offset, struct hi_err *err)
{
	return hi_fail(err, HI_E_CUT, "%s ends at byte %zu, %s its %s at %llu",
		       image->name, image->file_len,
		       offset >= image->file_len ? "before" : "inside", what,
		       (unsigned long long)offset);
}

static int check_load(const struct hi_image *image, size_t at,
		      uint64_t *last_end, struct hi_err *err)
{
	const Elf64_Phdr *phdr = &image->phdrs[at];
	const char *wrong = NULL;

	/* as ld.so's _dl_map_object_from_fd() and the gABI ask */
	if (phdr->p_vaddr >= ADDRESS_LIMIT || phdr->p_memsz >= ADDRESS_LIMIT)
		wrong = "has an impossible address";
	else if (phdr->p_filesz > phdr->p_memsz)
		wrong = "is larger in the file than in memory";
	else if (phdr->p_align & (HI_PAGE_LEN - 1) ||
		 phdr->p_align & (phdr->p_align - 1))
		wrong = "is not aligned to pages";
	else if ((phdr->p_vaddr - phdr->p_offset) & (HI_PAGE_LEN - 1))
		wrong = "has an address that does not fit its file offset";
	else if (phdr->p_vaddr < *last_end)
		wrong = "overlaps the one before it";
	if (wrong)
		return hi_fail(err, HI_E_BADELF, "%s: loadable segment %zu %s",
			       image->name, at, wrong);
	*last_end = phdr->p_vaddr + phdr->p_memsz;
	return 0;
}

static int check_phdrs(struct hi_image *image, struct hi_err *err)
{
	struct hi_image_header *header = &image->header;
	uint64_t last_end = 0;
	bool loads = false;

	for (size_t i = 0; i < header->n_phdrs; i++) {
		const Elf64_Phdr *phdr = &image->phdrs[i];
		char what[32];
		int code;

		if (phdr->p_type == PT_NULL)
			continue;
		snprintf(what, sizeof(what), "segment %zu", i);
		if (phdr->p_filesz &&
		    !hi_inside(phdr->p_offset, phdr->p_filesz, image->file_len))
			return refuse_cut(image, what, phdr->p_offset, err);
		if (phdr->p_type == PT_TLS)
			header->tls = phdr;
		if (phdr->p_type != PT_LOAD)
			continue;
		code = check_load(image, i, &last_end, err);
		if (code < 0)
			return code;
		if (!loads)
			header->load_start_link = phdr->p_vaddr &
						  -(uint64_t)HI_PAGE_LEN;
		loads = true;
	}
	if (!loads)
		return hi_fail(err, HI_E_BADELF, "%s has no loadable segment",
			       image->name);
	header->span_link = (last_end + HI_PAGE_LEN - 1) &
			    -(uint64_t)HI_PAGE_LEN;
	return 0;
}

static int read_phdrs(struct hi_image *image, struct hi_err *err)
{
	const Elf64_Ehdr *ehdr = &image->ehdr;
	size_t len = (size_t)ehdr->e_phnum * sizeof(Elf64_Phdr);

	if (!ehdr->e_phnum || !ehdr->e_phoff)
		return hi_fail(err, HI_E_BADELF, "%s has no program headers",
			       image->name);
	if (ehdr->e_phentsize != sizeof(Elf64_Phdr) || ehdr->e_phnum == PN_XNUM)
		return hi_fail(err, HI_E_BADELF,
			       "%s has program headers of an unknown size",
			       image->name);
	if (!hi_inside(ehdr->e_phoff, len, image->file_len))
		return refuse_cut(image, "program headers", ehdr->e_phoff, err);
	image->phdrs = malloc(len);
	if (!image->phdrs)
		return hi_fail(err, HI_E_NOMEM, "%s: out of memory",
			       image->name);
	memcpy(image->phdrs, image->file + ehdr->e_phoff, len);
	image->header.phdrs = image->phdrs;
	image->header.n_phdrs = ehdr->e_phnum;
	if (all_zero((const uint8_t *)image->phdrs, len))
		return hi_fail(err, HI_E_CUT,
			       "%s has program headers of zeros, it is still "
			       "being written",
			       image->name);
	return 0;
}

static int read_shdrs(struct hi_image *image, struct hi_err *err)
{
	const Elf64_Ehdr *ehdr = &image->ehdr;
	uint64_t n = ehdr->e_shnum;
	Elf64_Shdr first;

	if (!ehdr->e_shoff)
		return 0;
	if (ehdr->e_shentsize != sizeof(Elf64_Shdr))
		return hi_fail(err, HI_E_BADELF,
			       "%s has section headers of an unknown size",
			       image->name);
	if (!hi_inside(ehdr->e_shoff, sizeof(first), image->file_len))
		return refuse_cut(image, "section headers", ehdr->e_shoff, err);
	memcpy(&first, image->file + ehdr->e_shoff, sizeof(first));
	if (!n) /* gABI: 65,280 sections and more are counted in the first */
		n = first.sh_size;
	if (n > image->file_len / sizeof(first) ||
	    !hi_inside(ehdr->e_shoff, n * sizeof(first), image->file_len))
		return refuse_cut(image, "section headers", ehdr->e_shoff, err);
	if (n < 2)
		return 0;
	image->shdrs = malloc(n * sizeof(first));
	if (!image->shdrs)
		return hi_fail(err, HI_E_NOMEM, "%s: out of memory",
			       image->name);
	image->n_shdrs = n;
	memcpy(image->shdrs, image->file + ehdr->e_shoff, n * sizeof(first));
	if (all_zero((const uint8_t *)image->shdrs, n * sizeof(first)))
		return hi_fail(err, HI_E_CUT,
			       "%s has section headers of zeros, it is still "
			       "being written",
			       image->name);
	image->header.has_section_headers = true;
	return 0;
}

static int read_section_names(struct hi_image *image, struct hi_err *err)
{
	uint32_t at = image->ehdr.e_shstrndx;
	const Elf64_Shdr *shdr;

	if (at == SHN_XINDEX)
		at = image->shdrs[0].sh_link;
	if (at >= image->n_shdrs || image->shdrs[at].sh_type != SHT_STRTAB)
		return hi_fail(err, HI_E_BADELF, "%s has no section names",
			       image->name);
	shdr = &image->shdrs[at];
	if (!hi_inside(shdr->sh_offset, shdr->sh_size, image->file_len))
		return refuse_cut(image, "section names", shdr->sh_offset, err);
	image->section_names = (const char *)image->file + shdr->sh_offset;
	image->section_names_len = shdr->sh_size;
	if (!shdr->sh_size || image->section_names[shdr->sh_size - 1])
		return hi_fail(err, HI_E_BADELF,
			       "%s has section names without an end",
			       image->name);
	return 0;
}

/* A section in memory must lie where a segment puts its bytes. */
static bool is_loaded(const struct hi_image *image, const Elf64_Shdr *shdr)
{
	for (size_t i = 0; i < image->header.n_phdrs; i++) {
		const Elf64_Phdr *phdr = &image->phdrs[i];

		if (phdr->p_type != PT_LOAD ||
		    !hi_covers(phdr->p_vaddr, phdr->p_memsz, shdr->sh_addr,
			       shdr->sh_size))
			continue;
		return shdr->sh_type == SHT_NOBITS ||
		       shdr->sh_offset - phdr->p_offset ==
			       shdr->sh_addr - phdr->p_vaddr;
	}
	return false;
}

static int check_section(struct hi_image *image, size_t at, struct hi_err *err)
{
	const Elf64_Shdr *shdr = &image->shdrs[at];
	const char *name;

	if (shdr->sh_name >= image->section_names_len ||
	    shdr->sh_link >= image->n_shdrs)
		return hi_fail(err, HI_E_BADELF,
			       "%s: section %zu has a name or link that is out "
			       "of range",
			       image->name, at);
	name = hi_image_section_name(image, at);
	if (shdr->sh_type == SHT_NOBITS && !strcmp(name, ".dynamic"))
		return hi_fail(err, HI_E_BADELF,
			       "%s holds only debug information, no code",
			       image->name);
	if (shdr->sh_type != SHT_NOBITS &&
	    !hi_inside(shdr->sh_offset, shdr->sh_size, image->file_len)) {
		char what[80];

		snprintf(what, sizeof(what), "section %.60s", name);
		return refuse_cut(image, what, shdr->sh_offset, err);
	}
	if (shdr->sh_type == SHT_SYMTAB)
		image->header.has_symtab = true;
	return 0;
}

static int check_sections(struct hi_image *image, struct hi_err *err)
{
	for (size_t i = 1; i < image->n_shdrs; i++) {
		int code = check_section(image, i, err);

		if (code < 0)
			return code;
	}
	return 0;
}

static int check_section_places(struct hi_image *image, struct hi_err *err)
{
	for (size_t i = 1; i < image->n_shdrs; i++) {
		const Elf64_Shdr *shdr = &image->shdrs[i];

		if (!(shdr->sh_flags & SHF_ALLOC) || !shdr->sh_size ||
		    shdr->sh_type == SHT_NULL)
			continue;
		/* .tbss takes no place: its address is that of its neighbour */
		if (shdr->sh_flags & SHF_TLS && shdr->sh_type == SHT_NOBITS)
			continue;
		if (!is_loaded(image, shdr))
			return hi_fail(err, HI_E_BADELF,
				       "%s: section %.60s lies in no loadable "
				       "segment",
				       image->name,
				       hi_image_section_name(image, i));
	}
	return 0;
}

/*
 * What the end of the file carries comes first, so that a cut file is called
 * cut, whatever else its missing part would make wrong.
 */
int hi_image_check_tables(struct hi_image *image, struct hi_err *err)
{
	int code = read_shdrs(image, err);

	if (code >= 0 && image->n_shdrs)
		code = read_section_names(image, err);
	if (code >= 0)
		code = check_sections(image, err);
	if (code >= 0)
		code = read_phdrs(image, err);
	if (code >= 0)
		code = check_phdrs(image, err);
	if (code >= 0)
		code = check_section_places(image, err);
	return code;
}
