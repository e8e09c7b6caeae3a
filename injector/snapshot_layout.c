/* What of a file the loader maps, and what nobody needs at once. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "injector/snapshot_parts.h"

#define PAGE      4096UL
#define PHDRS_MAX 64
#define SHDRS_MAX 4096

/* The end of the last loadable segment, in whole pages; 0: no such file. */
uint64_t hi_layout_find_mapped(int source, uint64_t file_len,
			       const Elf64_Ehdr *ehdr)
{
	Elf64_Phdr phdrs[PHDRS_MAX];
	size_t len = ehdr->e_phnum * sizeof(*phdrs);
	uint64_t last = 0;

	if (memcmp(ehdr->e_ident, ELFMAG, SELFMAG) != 0 ||
	    ehdr->e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr->e_phentsize != sizeof(*phdrs) || ehdr->e_phnum > PHDRS_MAX ||
	    pread(source, phdrs, len, (off_t)ehdr->e_phoff) != (ssize_t)len)
		return 0;
	for (size_t i = 0; i < ehdr->e_phnum; i++) {
		uint64_t end = phdrs[i].p_offset + phdrs[i].p_filesz;

		if (phdrs[i].p_offset > file_len ||
		    phdrs[i].p_filesz > file_len)
			return 0;
		if (phdrs[i].p_type == PT_LOAD && end > last)
			last = end;
	}
	/* the headers are in the first page */
	return (last + PAGE - 1) & -PAGE;
}

static bool is_late(const Elf64_Shdr *shdr)
{
	return shdr->sh_type == SHT_PROGBITS && !(shdr->sh_flags & SHF_ALLOC);
}

/*
 * The part behind the mapped one that holds nothing but sections that nobody needs
 * to see that the file is whole; empty when that cannot be said.
 */
struct hi_file_range hi_layout_find_late(int source, uint64_t file_len,
					 uint64_t mapped_len,
					 const Elf64_Ehdr *ehdr)
{
	size_t len = ehdr->e_shnum * sizeof(Elf64_Shdr);
	Elf64_Shdr *shdrs = ehdr->e_shnum <= SHDRS_MAX ? malloc(len + 1) : NULL;
	struct hi_file_range late = { UINT64_MAX, 0 };
	bool mixed = !shdrs || ehdr->e_shentsize != sizeof(*shdrs) ||
		     pread(source, shdrs, len, (off_t)ehdr->e_shoff) !=
			     (ssize_t)len;

	for (size_t i = 0; !mixed && i < ehdr->e_shnum; i++) {
		uint64_t start = shdrs[i].sh_offset;
		uint64_t end = start + shdrs[i].sh_size;

		if (!is_late(&shdrs[i]) || start < mapped_len || end < start ||
		    end > file_len)
			continue;
		late.start = start < late.start ? start : late.start;
		late.end = end > late.end ? end : late.end;
	}
	for (size_t i = 0; !mixed && i < ehdr->e_shnum; i++)
		mixed = shdrs[i].sh_type != SHT_NOBITS && !is_late(&shdrs[i]) &&
			shdrs[i].sh_offset < late.end &&
			shdrs[i].sh_offset + shdrs[i].sh_size > late.start;
	mixed |= ehdr->e_shoff < late.end && ehdr->e_shoff + len > late.start;
	free(shdrs);
	if (mixed || late.start >= late.end)
		late.start = late.end = 0;
	return late;
}
