#include "injector/thin.h"

#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/own.h"

#define BLOCK 512UL /* of st_blocks: stat(2) */

/* "info" of ".debug_info" and of its packed form; NULL: it is none of these. */
static const char *find_part(const char *name)
{
	static const char *const starts[] = { ".debug_", ".zdebug_" };

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncmp(name, starts[i], strlen(starts[i])) == 0)
			return name + strlen(starts[i]);
	return NULL;
}

static bool tells_types(const char *part)
{
	static const char *const parts[] = {
		"info",        "abbrev", "str",    "line_str", "types",
		"str_offsets", "addr",   "ranges", "rnglists",
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcmp(part, parts[i]) == 0)
			return true;
	return false;
}

/* Relocations of text (--emit-relocs) are read as long as the build's facts are. */
static bool goes(const char *name, const GElf_Shdr *shdr, enum hi_copy to,
		 bool retired)
{
	const char *part = find_part(name);

	if (shdr->sh_flags & SHF_ALLOC)
		return false;
	if (shdr->sh_type == SHT_RELA)
		return retired || strncmp(name, ".rela.debug_", 12) == 0;
	if (shdr->sh_type != SHT_PROGBITS)
		return false;
	if (!part)
		return strcmp(name, ".gdb_index") == 0;
	/* by which the frames of its threads are unwound */
	return strcmp(part, "frame") != 0 &&
	       (to == HI_COPY_CODE || !tells_types(part));
}

/* First the header: who reads zeros finds that there is nothing to be read. */
static bool punch(int fd, off_t header_at, const GElf_Shdr *shdr)
{
	uint32_t type = SHT_NOBITS;
	off_t type_at = header_at + (off_t)offsetof(Elf64_Shdr, sh_type);

	if (pwrite(fd, &type, sizeof(type), type_at) != sizeof(type))
		return false;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)shdr->sh_offset, (off_t)shdr->sh_size) == 0)
		return true;
	type = shdr->sh_type;
	(void)!pwrite(fd, &type, sizeof(type), type_at);
	return false;
}

static void punch_all(int fd, Elf *elf, enum hi_copy to, bool retired)
{
	Elf_Scn *section = NULL;
	GElf_Ehdr ehdr;
	size_t names;

	if (!gelf_getehdr(elf, &ehdr) || elf_getshdrstrndx(elf, &names) < 0)
		return;
	while ((section = elf_nextscn(elf, section))) {
		off_t at = (off_t)(ehdr.e_shoff +
				   elf_ndxscn(section) * ehdr.e_shentsize);
		const char *name;
		GElf_Shdr shdr;

		if (!gelf_getshdr(section, &shdr) || shdr.sh_size == 0)
			continue;
		name = elf_strptr(elf, names, shdr.sh_name);
		if (name && goes(name, &shdr, to, retired) &&
		    !punch(fd, at, &shdr))
			return;
	}
}

void hi_thin(struct hi_build *build, enum hi_copy to)
{
	int HI_CLOSE fd = -1;
	Elf *elf;

	if (build->copy >= to)
		return;
	build->copy = to;
	fd = open(build->path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	punch_all(fd, elf, to, build->retired);
	elf_end(elf);
	hi_image_miss(build->image);
	build->disk_len = hi_thin_measure(build);
}

enum hi_copy hi_thin_look(const struct hi_build *build)
{
	GElf_Shdr shdr;

	return hi_image_find_section(build->image, ".debug_info", &shdr) &&
			       shdr.sh_type == SHT_NOBITS ?
		       HI_COPY_CODE :
		       HI_COPY_WHOLE;
}

uint64_t hi_thin_measure(const struct hi_build *build)
{
	struct stat st;

	return stat(build->path, &st) == 0 ? (uint64_t)st.st_blocks * BLOCK : 0;
}
