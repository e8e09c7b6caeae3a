#include <stdlib.h>
#include <string.h>

#include "elfscan/dies.h"

static bool has_sections(Elf *elf, bool *ret_compressed)
{
	Elf_Scn *section = NULL;
	size_t strings;
	bool found = false;

	*ret_compressed = false;
	if (elf_getshdrstrndx(elf, &strings))
		return false;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr shdr;
		const char *name;

		if (!gelf_getshdr(section, &shdr) || shdr.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, strings, shdr.sh_name);
		if (!name)
			continue;
		if (!strcmp(name, ".debug_info") ||
		    !strcmp(name, ".zdebug_info"))
			found = true;
		if (!strncmp(name, ".zdebug_", 8) ||
		    (!strncmp(name, ".debug_", 7) &&
		     shdr.sh_flags & SHF_COMPRESSED))
			*ret_compressed = true;
	}
	return found;
}

/* Use the file of LEN bytes at FILE when it has debug information. */
static bool open_bytes(struct hi_dies *dies, const uint8_t *file, size_t len)
{
	bool found, compressed;

	elf_version(EV_CURRENT);
	/* libelf only reads the memory, its type is historical */
	dies->elf = elf_memory((char *)file, len);
	found = dies->elf && has_sections(dies->elf, &compressed);
	if (found && compressed) {
		/* libdw unpacks sections and notes that in the section
		   headers, which libelf leaves in the memory it was given */
		elf_end(dies->elf);
		dies->elf = NULL;
		dies->copy = malloc(len);
		if (dies->copy)
			dies->elf =
				elf_memory(memcpy(dies->copy, file, len), len);
	}
	if (found && dies->elf)
		dies->dwarf = dwarf_begin_elf(dies->elf, DWARF_C_READ, NULL);
	if (dies->dwarf)
		return true;
	elf_end(dies->elf);
	free(dies->copy);
	dies->elf = NULL;
	dies->copy = NULL;
	return false;
}

void hi_dies_init(struct hi_dies *dies, const struct hi_image *image,
		  struct hi_units *units)
{
	size_t len;
	const uint8_t *file = hi_image_get_file(image, &len);

	*dies = (struct hi_dies){ .units = units };
	if (units || open_bytes(dies, file, len))
		return;
	hi_debugfile_open(image, &dies->debugfile);
	if (dies->debugfile.path)
		open_bytes(dies, dies->debugfile.file, dies->debugfile.len);
}

void hi_dies_done(struct hi_dies *dies)
{
	dwarf_end(dies->dwarf);
	elf_end(dies->elf);
	free(dies->copy);
	hi_debugfile_done(&dies->debugfile);
	free(dies->missing);
	free(dies->wanted);
	*dies = (struct hi_dies){ 0 };
}
