/*
 * The file into which dwz -m has put what several files have in common: whole units,
 * which those of a file import, and strings. A file names it in .gnu_debugaltlink, by
 * its build id, or in .debug_sup, by a checksum (DWARF 5 ch. 7.3.6).
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

/* What one file says of the other, or the other of itself. */
struct link {
	const char *name; /* "": of itself */
	const void *id;
	size_t len;
	bool by_checksum; /* of DWARF 5, not of GNU */
};

static Elf_Data *find_section(Elf *elf, const char *wanted)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr shdr;
		const char *name =
			gelf_getshdr(section, &shdr) ?
				elf_strptr(elf, names, shdr.sh_name) :
				NULL;

		if (name && strcmp(name, wanted) == 0)
			return elf_rawdata(section, NULL);
	}
	return NULL;
}

/* version (2 bytes, 5) | is it the other file (1) | its name | length | checksum */
static bool read_sup(Elf *elf, bool other, struct link *link)
{
	Elf_Data *data = find_section(elf, ".debug_sup");
	const uint8_t *at = data ? data->d_buf : NULL;
	const uint8_t *end, *name_end;

	if (!at || data->d_size < 5 || at[0] != 5 || at[1] || at[2] != other)
		return false;
	end = at + data->d_size;
	name_end = memchr(at + 3, '\0', data->d_size - 3);
	/* one byte is enough for the length of every checksum in use */
	if (!name_end || name_end + 1 == end || name_end[1] > 127 ||
	    name_end[1] > end - name_end - 2)
		return false;
	link->name = (const char *)at + 3;
	link->len = name_end[1];
	link->id = name_end + 2;
	link->by_checksum = true;
	return link->len > 0;
}

static bool read_link(const struct hi_dies *dies, struct link *link)
{
	ssize_t len = dwelf_dwarf_gnu_debugaltlink(dies->dwarf, &link->name,
						   &link->id);

	link->len = len > 0 ? (size_t)len : 0;
	link->by_checksum = false;
	return len > 0 || (read_sup(dwarf_getelf(dies->dwarf), false, link) &&
			   link->name[0]);
}

static bool is_meant(const struct link *link, Elf *elf)
{
	struct link found = { .name = "" };

	if (link->by_checksum) {
		if (!read_sup(elf, true, &found))
			return false;
	} else {
		ssize_t len = dwelf_elf_gnu_build_id(elf, &found.id);

		found.len = len > 0 ? (size_t)len : 0;
	}
	return found.len == link->len &&
	       memcmp(found.id, link->id, link->len) == 0;
}

/* libdw looks for it, but not in the folder of a file that it has in memory, nor for
   one of DWARF 5. */
bool hi_dies_open_alternate(struct hi_dies *dies, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *HI_FREE place = NULL;
	size_t folder_len = slash ? (size_t)(slash + 1 - path) : 0;
	struct link link;

	if (!read_link(dies, &link) ||
	    (*link.name == '/' && dwarf_getalt(dies->dwarf)))
		return true;
	if (asprintf(&place, "%.*s%s", *link.name == '/' ? 0 : (int)folder_len,
		     path, link.name) < 0)
		return false;
	dies->alternate_fd = open(place, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (dies->alternate_fd >= 0)
		dies->alternate = dwarf_begin(dies->alternate_fd, DWARF_C_READ);
	if (dies->alternate_fd >= 0 && !dies->alternate)
		dies->alternate = open_strings(dies, dies->alternate_fd);
	if (!dies->alternate || !is_meant(&link, dwarf_getelf(dies->alternate)))
		return dwarf_getalt(dies->dwarf);
	dwarf_setalt(dies->dwarf, dies->alternate);
	return true;
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
	    !hi_die_follow(dwarf_attr(die, DW_AT_import, &attr), &unit) ||
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
