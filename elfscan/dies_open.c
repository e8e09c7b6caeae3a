#include <dwarf.h>
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

static void find_tls(struct hi_dies *dies, const struct hi_image *image)
{
	const GElf_Phdr *tls = hi_image_get_header(image)->tls;

	if (tls) {
		dies->tls_link = tls->p_vaddr;
		dies->tls_len = tls->p_memsz;
	}
}

/* Half of the information would be taken for other types: better none. */
static void open_alternate(struct hi_dies *dies, const char *path)
{
	if (hi_dies_open_alternate(dies, path))
		return;
	dwarf_end(dies->dwarf);
	dies->dwarf = NULL;
}

void hi_dies_init(struct hi_dies *dies, const struct hi_image *image,
		  struct hi_units *units)
{
	size_t len;
	const uint8_t *file = hi_image_get_file(image, &len);

	*dies = (struct hi_dies){ .image = image,
				  .units = units,
				  .alternate_fd = -1 };
	if (units)
		return;
	find_tls(dies, image);
	if (open_bytes(dies, file, len)) {
		open_alternate(dies, hi_image_get_path(image));
		return;
	}
	hi_debugfile_open(image, &dies->debugfile);
	if (dies->debugfile.path &&
	    open_bytes(dies, dies->debugfile.file, dies->debugfile.len))
		open_alternate(dies, dies->debugfile.path);
}

void hi_dies_forget(struct hi_dies *dies)
{
	hi_die_units_done(&dies->entries);
	free(dies->missing);
	free(dies->nowhere);
	free(dies->wanted);
	dies->missing = NULL;
	dies->nowhere = NULL;
	dies->wanted = NULL;
	dies->n_missing = dies->n_nowhere = dies->n_wanted = 0;
}

void hi_dies_done(struct hi_dies *dies)
{
	hi_dies_forget(dies);
	dwarf_end(dies->dwarf);
	hi_dies_close_alternate(dies);
	elf_end(dies->elf);
	free(dies->copy);
	hi_debugfile_done(&dies->debugfile);
	free(dies->called);
	*dies = (struct hi_dies){ 0 };
}

/* dwarf_decl_file() aborts for split units and ignores the first file of
   DWARF 5. */
const char *hi_dies_get_file(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die unit;
	Dwarf_Files *files;
	Dwarf_Half version;
	Dwarf_Word at;
	size_t n;

	if (dwarf_formudata(dwarf_attr_integrate(die, DW_AT_decl_file, &attr),
			    &at) ||
	    dwarf_cu_info(attr.cu, &version, NULL, &unit, NULL, NULL, NULL,
			  NULL) ||
	    dwarf_getsrcfiles(&unit, &files, &n) || at >= n ||
	    (!at && version < 5))
		return NULL;
	return dwarf_filesrc(files, at, NULL, NULL);
}
