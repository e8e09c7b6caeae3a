/*
 * The file into which dwz -m has put what several files have in common: whole units,
 * which those of a file import, and strings.
 */
#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/grow.h"
#include "common/own.h"
#include "elfscan/dies.h"

#define ALTERNATE_MAX (1UL << 31)

/* --- a file of strings alone ---------------------------------------------- */

/*
 * libdw opens no file that has neither units nor lines nor frames, and dwz may make
 * one with strings alone. It becomes
 *
 *     the file | one byte | names of sections, and one more | headers, and one more
 *
 * in memory, where the last header says that the byte is a .debug_frame.
 */
static uint8_t *add_section(const uint8_t *file, size_t len, size_t *ret_len)
{
	static const char name[] = ".debug_frame";
	Elf64_Shdr names, added = { .sh_type = SHT_PROGBITS, .sh_size = 1 };
	Elf64_Ehdr ehdr;
	size_t headers_len, names_at = len + 8, headers_at;
	uint8_t *copy;

	memcpy(&ehdr, file, sizeof(ehdr));
	headers_len = ehdr.e_shnum * sizeof(names);
	if (!ehdr.e_shnum || ehdr.e_shnum == UINT16_MAX ||
	    ehdr.e_shentsize != sizeof(names) || ehdr.e_shoff > len ||
	    headers_len > len - ehdr.e_shoff || ehdr.e_shstrndx >= ehdr.e_shnum)
		return NULL;
	memcpy(&names, file + ehdr.e_shoff + ehdr.e_shstrndx * sizeof(names),
	       sizeof(names));
	if (names.sh_offset > len || names.sh_size > len - names.sh_offset)
		return NULL;
	headers_at = (names_at + names.sh_size + sizeof(name) + 7) & ~7UL;
	*ret_len = headers_at + headers_len + sizeof(added);
	copy = calloc(1, *ret_len);
	if (!copy)
		return NULL;
	memcpy(copy, file, len);
	memcpy(copy + names_at, file + names.sh_offset, names.sh_size);
	memcpy(copy + names_at + names.sh_size, name, sizeof(name));
	memcpy(copy + headers_at, file + ehdr.e_shoff, headers_len);
	added.sh_name = (Elf64_Word)names.sh_size;
	added.sh_offset = len;
	memcpy(copy + headers_at + headers_len, &added, sizeof(added));
	names.sh_offset = names_at;
	names.sh_size += sizeof(name);
	memcpy(copy + headers_at + ehdr.e_shstrndx * sizeof(names), &names,
	       sizeof(names));
	ehdr.e_shoff = headers_at;
	ehdr.e_shnum++;
	memcpy(copy, &ehdr, sizeof(ehdr));
	return copy;
}

static uint8_t *read_all(int fd, size_t *ret_len)
{
	struct stat status;
	uint8_t *bytes;

	if (fstat(fd, &status) || !S_ISREG(status.st_mode) ||
	    status.st_size < (off_t)sizeof(Elf64_Ehdr) ||
	    (size_t)status.st_size > ALTERNATE_MAX)
		return NULL;
	bytes = malloc((size_t)status.st_size);
	if (bytes && pread(fd, bytes, (size_t)status.st_size, 0) !=
			     (ssize_t)status.st_size) {
		free(bytes);
		return NULL;
	}
	*ret_len = (size_t)status.st_size;
	return bytes;
}

static Dwarf *open_strings(struct hi_dies *dies, int fd)
{
	size_t len, longer;
	uint8_t *HI_FREE file = read_all(fd, &len);

	if (!file || memcmp(file, ELFMAG, SELFMAG) != 0 ||
	    file[EI_CLASS] != ELFCLASS64 || file[EI_DATA] != ELFDATA2LSB)
		return NULL;
	dies->alternate_copy = add_section(file, len, &longer);
	if (dies->alternate_copy)
		dies->alternate_elf = elf_memory(dies->alternate_copy, longer);
	return dies->alternate_elf ? dwarf_begin_elf(dies->alternate_elf,
						     DWARF_C_READ, NULL) :
				     NULL;
}

/* --- opening --------------------------------------------------------------- */

/* libdw looks for it, but not in the folder of a file that it has in memory. */
void hi_dies_open_alternate(struct hi_dies *dies, const char *path)
{
	const char *name, *slash = strrchr(path, '/');
	const void *id, *found;
	char *HI_FREE place = NULL;
	ssize_t len = dwelf_dwarf_gnu_debugaltlink(dies->dwarf, &name, &id);
	size_t folder_len = slash ? (size_t)(slash + 1 - path) : 0;

	if (len <= 0 || (*name == '/' && dwarf_getalt(dies->dwarf)) ||
	    asprintf(&place, "%.*s%s", *name == '/' ? 0 : (int)folder_len, path,
		     name) < 0)
		return;
	dies->alternate_fd = open(place, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (dies->alternate_fd < 0)
		return;
	dies->alternate = dwarf_begin(dies->alternate_fd, DWARF_C_READ);
	if (!dies->alternate)
		dies->alternate = open_strings(dies, dies->alternate_fd);
	if (dies->alternate &&
	    dwelf_elf_gnu_build_id(dwarf_getelf(dies->alternate), &found) ==
		    len &&
	    !memcmp(found, id, (size_t)len))
		dwarf_setalt(dies->dwarf, dies->alternate);
}

void hi_dies_close_alternate(struct hi_dies *dies)
{
	dwarf_end(dies->alternate);
	elf_end(dies->alternate_elf);
	free(dies->alternate_copy);
	if (dies->alternate_fd > 0)
		close(dies->alternate_fd);
	free(dies->imports);
}

/* --- what is imported from it ------------------------------------------------ */

struct importing {
	struct hi_dies *dies;
	void *seen; /* a tree of addresses of entries: tsearch(3) */
};

static int compare_addresses(const void *left, const void *right)
{
	return (left > right) - (left < right);
}

static void keep_address(void *address)
{
	(void)address;
}

static bool visit_import(void *context, const struct hi_shape *shape,
			 Dwarf_Die *die)
{
	struct importing *importing = context;
	struct hi_dies *dies = importing->dies;
	Dwarf_Attribute attr;
	Dwarf_Die unit;

	if (shape->tag != DW_TAG_imported_unit ||
	    !dwarf_formref_die(dwarf_attr(die, DW_AT_import, &attr), &unit) ||
	    dwarf_cu_getdwarf(unit.cu) == dies->dwarf ||
	    tfind(unit.addr, &importing->seen, compare_addresses))
		return false;
	if (tsearch(unit.addr, &importing->seen, compare_addresses) &&
	    hi_grow(&dies->imports, dies->n_imports, &dies->cap_imports,
		    sizeof(*dies->imports)))
		dies->imports[dies->n_imports++] = unit;
	return false;
}

void hi_dies_find_imports(struct hi_dies *dies)
{
	struct importing importing = { .dies = dies };
	Dwarf_CU *unit = NULL;
	Dwarf_Die top;

	if (!dwarf_getalt(dies->dwarf))
		return;
	while (!dwarf_get_units(dies->dwarf, unit, &unit, NULL, NULL, &top,
				NULL))
		if (top.addr && top.cu)
			hi_unit_scan(&dies->entries, &top, visit_import,
				     &importing);
	/* these may import more, which are put behind them */
	for (size_t i = 0; i < dies->n_imports; i++) {
		Dwarf_Die import = dies->imports[i];

		hi_unit_scan(&dies->entries, &import, visit_import, &importing);
	}
	tdestroy(importing.seen, keep_address);
}
