#include "elfscan/debugfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/own.h"
#include "elfscan/image_parts.h"

#define DEBUG_ROOT "/usr/lib/debug"

static Elf64_Shdr get_section(const struct hi_symbol_table *table, size_t at)
{
	Elf64_Shdr shdr;

	memcpy(&shdr, table->sections + at * sizeof(shdr), sizeof(shdr));
	return shdr;
}

/* Section AT of TYPE with contents that lie in the file. */
static bool get_contents(const struct hi_symbol_table *table, size_t at,
			 uint32_t type, size_t len, Elf64_Shdr *ret_shdr)
{
	if (at >= table->n_sections)
		return false;
	*ret_shdr = get_section(table, at);
	return ret_shdr->sh_type == type &&
	       hi_inside(ret_shdr->sh_offset, ret_shdr->sh_size, len);
}

static bool find_sections(const uint8_t *file, size_t len,
			  struct hi_symbol_table *table)
{
	Elf64_Ehdr ehdr;
	Elf64_Shdr first;

	if (len < sizeof(ehdr) || memcmp(file, ELFMAG, SELFMAG) != 0)
		return false;
	memcpy(&ehdr, file, sizeof(ehdr));
	if (ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr.e_ident[EI_DATA] != ELFDATA2LSB || !ehdr.e_shoff ||
	    ehdr.e_shentsize != sizeof(first) ||
	    !hi_inside(ehdr.e_shoff, sizeof(first), len))
		return false;
	table->sections = file + ehdr.e_shoff;
	table->n_sections = ehdr.e_shnum;
	if (!ehdr.e_shnum) {
		memcpy(&first, table->sections, sizeof(first));
		table->n_sections = first.sh_size;
	}
	return table->n_sections <= len / sizeof(first) &&
	       hi_inside(ehdr.e_shoff, table->n_sections * sizeof(first), len);
}

bool hi_symbol_table_find(const uint8_t *file, size_t len,
			  struct hi_symbol_table *ret_table)
{
	struct hi_symbol_table table = { 0 };
	Elf64_Shdr shdr, strings;
	size_t at;

	if (!find_sections(file, len, &table))
		return false;
	for (at = 1; at < table.n_sections; at++) {
		if (get_contents(&table, at, SHT_SYMTAB, len, &shdr))
			break;
	}
	if (at >= table.n_sections ||
	    !get_contents(&table, shdr.sh_link, SHT_STRTAB, len, &strings) ||
	    !strings.sh_size)
		return false;
	table.symbols = file + shdr.sh_offset;
	table.n = shdr.sh_size / sizeof(Elf64_Sym);
	table.strings = (const char *)file + strings.sh_offset;
	table.strings_len = strings.sh_size;
	if (table.strings[table.strings_len - 1])
		return false;
	for (size_t i = 1; i < table.n_sections; i++) {
		if (get_contents(&table, i, SHT_SYMTAB_SHNDX, len, &shdr) &&
		    shdr.sh_link == at && shdr.sh_size / 4 >= table.n)
			table.extended = file + shdr.sh_offset;
	}
	*ret_table = table;
	return true;
}

const char *hi_debugfile_get_link(const struct hi_image *image,
				  uint32_t *ret_checksum)
{
	GElf_Shdr shdr;
	const char *name;
	size_t len, sum_at;

	if (!hi_image_find_section(image, ".gnu_debuglink", &shdr) ||
	    shdr.sh_type == SHT_NOBITS)
		return NULL;
	name = (const char *)image->file + shdr.sh_offset;
	len = strnlen(name, shdr.sh_size);
	/* the name, its NUL, padding to 4, the checksum */
	sum_at = (len + 4) & ~(size_t)3;
	if (!len || memchr(name, '/', len) ||
	    !hi_inside(sum_at, 4, shdr.sh_size))
		return NULL;
	memcpy(ret_checksum, name + sum_at, 4);
	return name;
}

/* CRC-32 of IEEE 802.3, which .gnu_debuglink uses. */
static uint32_t checksum(const uint8_t *bytes, size_t len)
{
	uint32_t table[256], sum = ~UINT32_C(0);

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t value = i;

		for (int bit = 0; bit < 8; bit++)
			value = value & 1 ? value >> 1 ^ 0xedb88320 :
					    value >> 1;
		table[i] = value;
	}
	for (size_t i = 0; i < len; i++)
		sum = table[(sum ^ bytes[i]) & 0xff] ^ sum >> 8;
	return ~sum;
}

/* Whether the notes of FILE carry the image's build id. */
static bool same_build_id(const struct hi_image *image,
			  const struct hi_debugfile *file)
{
	const struct hi_image_header *header = &image->header;

	for (size_t i = 1; i < file->table.n_sections; i++) {
		Elf64_Shdr shdr;

		if (get_contents(&file->table, i, SHT_NOTE, file->len, &shdr) &&
		    header->build_id_len &&
		    memmem(file->file + shdr.sh_offset, shdr.sh_size,
			   header->build_id, header->build_id_len))
			return true;
	}
	return false;
}

/* Use the file at PATH when it fits; SUM is NULL when the build id must do. */
static bool try_path(const struct hi_image *image, const char *path,
		     const uint32_t *sum, struct hi_debugfile *ret_debugfile)
{
	int HI_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct hi_debugfile found = { 0 };
	struct stat status;
	void *bytes;

	if (fd < 0 || fstat(fd, &status) || !S_ISREG(status.st_mode) ||
	    !status.st_size)
		return false;
	bytes = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return false;
	found.file = bytes;
	found.len = status.st_size;
	if (hi_symbol_table_find(found.file, found.len, &found.table) &&
	    (same_build_id(image, &found) ||
	     (sum && checksum(found.file, found.len) == *sum)))
		found.path = strdup(path);
	if (!found.path) {
		hi_debugfile_done(&found);
		return false;
	}
	*ret_debugfile = found;
	return true;
}

static bool try_build_id(const struct hi_image *image,
			 struct hi_debugfile *ret_debugfile)
{
	const struct hi_image_header *header = &image->header;
	char path[sizeof(DEBUG_ROOT) + 2UL * HI_BUILD_ID_MAX + 32];
	int len;

	if (header->build_id_len < 2)
		return false;
	len = sprintf(path, DEBUG_ROOT "/.build-id/%02x/", header->build_id[0]);
	for (size_t i = 1; i < header->build_id_len; i++)
		len += sprintf(path + len, "%02x", header->build_id[i]);
	snprintf(path + len, sizeof(path) - (size_t)len, ".debug");
	return try_path(image, path, NULL, ret_debugfile);
}

static bool try_link(const struct hi_image *image,
		     struct hi_debugfile *ret_debugfile)
{
	static const char *const forms[] = {
		"%1$s/%2$s",
		"%1$s/.debug/%2$s",
		DEBUG_ROOT "%1$s/%2$s",
	};
	char *HI_FREE folder = realpath(image->path, NULL);
	uint32_t sum;
	const char *name = hi_debugfile_get_link(image, &sum);

	if (!name || !folder)
		return false;
	*strrchr(folder, '/') = '\0';
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char *HI_FREE path = NULL;

		if (asprintf(&path, forms[i], folder, name) < 0) {
			path = NULL;
			return false;
		}
		if (try_path(image, path, &sum, ret_debugfile))
			return true;
	}
	return false;
}

void hi_debugfile_open(const struct hi_image *image,
		       struct hi_debugfile *ret_debugfile)
{
	const char *path;

	*ret_debugfile = (struct hi_debugfile){ 0 };
	if (try_build_id(image, ret_debugfile) ||
	    try_link(image, ret_debugfile))
		return;
	path = hi_image_find_fetched(image);
	if (path)
		try_path(image, path, NULL, ret_debugfile);
}

void hi_debugfile_done(struct hi_debugfile *debugfile)
{
	if (debugfile->file)
		munmap((void *)debugfile->file, debugfile->len);
	free(debugfile->path);
	*debugfile = (struct hi_debugfile){ 0 };
}
