/*
 * A private copy that ld.so maps and relocates, and of which it runs nothing.
 */
#include "injector/build.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/own.h"
#include "elfscan/dynsym.h"

/* A tag that ld.so ignores: below the ranges that it knows (elf.h). */
#define DT_SILENCED 0x6000484a

/* In the file, while the image keeps what was there. */
static int write_file(const struct hi_build *build, int fd, uint64_t at,
		      const void *bytes, size_t len, struct hi_err *err)
{
	int code = hi_image_keep(build->image, at, len, err);

	if (code < 0)
		return code;
	if (pwrite(fd, bytes, len, (off_t)at) != (ssize_t)len)
		return hi_fail_sys(err, "writing the private copy of a build");
	return 0;
}

/* Entries of the dynamic section, which are written together. */
struct dyns {
	uint64_t start, end; /* in the file */
	struct hi_image_dyn all[4];
	size_t n;
};

/* ENTRY is to have TAG and VALUE. */
static void add_dyn(struct dyns *dyns, const struct hi_image_dyn *entry,
		    int64_t tag, uint64_t value)
{
	uint64_t end = entry->file_offset + sizeof(Elf64_Dyn);

	if (!dyns->n || entry->file_offset < dyns->start)
		dyns->start = entry->file_offset;
	if (end > dyns->end)
		dyns->end = end;
	dyns->all[dyns->n] = *entry;
	dyns->all[dyns->n].tag = tag;
	dyns->all[dyns->n++].value = value;
}

static int write_dyns(const struct hi_build *build, int fd,
		      const struct dyns *dyns, struct hi_err *err)
{
	size_t file_len, len = dyns->end - dyns->start;
	const uint8_t *file = hi_image_get_file(build->image, &file_len);
	uint8_t *HI_FREE bytes = malloc(len + 1);

	if (!bytes)
		return hi_fail(err, HI_E_NOMEM, "no memory for %s",
			       build->path);
	memcpy(bytes, file + dyns->start, len);
	for (size_t i = 0; i < dyns->n; i++) {
		Elf64_Dyn entry = { .d_tag = dyns->all[i].tag,
				    .d_un.d_val = dyns->all[i].value };

		memcpy(bytes + (dyns->all[i].file_offset - dyns->start), &entry,
		       sizeof(entry));
	}
	return dyns->n ? write_file(build, fd, dyns->start, bytes, len, err) :
			 0;
}

/* ld.so calls no function that begins or ends the build. */
static int silence_functions(const struct hi_build *build, int fd,
			     struct hi_err *err)
{
	static const int64_t arrays[] = { DT_INIT_ARRAYSZ, DT_FINI_ARRAYSZ };
	static const int64_t functions[] = { DT_INIT, DT_FINI };
	struct dyns dyns = { .n = 0 };
	struct hi_image_dyn dyn;

	for (int i = 0; i < 2; i++)
		if (hi_image_find_dyn(build->image, arrays[i], &dyn))
			add_dyn(&dyns, &dyn, dyn.tag, 0);
	for (int i = 0; i < 2; i++)
		if (hi_image_find_dyn(build->image, functions[i], &dyn))
			add_dyn(&dyns, &dyn, DT_SILENCED, dyn.value);
	return write_dyns(build, fd, &dyns, err);
}

/* ld.so stores the address of the resolver, and runs nothing. */
static int silence_relocations(const struct hi_build *build, int fd,
			       int64_t tag, int64_t len_tag, struct hi_err *err)
{
	const uint64_t quiet = ELF64_R_INFO(0, R_X86_64_RELATIVE);
	struct hi_image_dyn table, len;
	const uint8_t *bytes, *file;
	size_t file_len;
	Elf64_Rela rela;
	int code = 0;

	if (!hi_image_find_dyn(build->image, tag, &table) ||
	    !hi_image_find_dyn(build->image, len_tag, &len))
		return 0;
	file = hi_image_get_file(build->image, &file_len);
	bytes = hi_image_find_bytes(build->image, table.value, len.value);
	for (size_t at = 0; at < len.value && code == 0; at += sizeof(rela)) {
		memcpy(&rela, bytes + at, sizeof(rela));
		if (ELF64_R_TYPE(rela.r_info) == R_X86_64_IRELATIVE)
			code = write_file(build, fd,
					  (uint64_t)(bytes - file) + at +
						  offsetof(Elf64_Rela, r_info),
					  &quiet, sizeof(quiet), err);
	}
	return code;
}

/* For ld.so, the resolver is the function itself. */
static int silence_symbols(const struct hi_build *build, int fd,
			   struct hi_err *err)
{
	const struct hi_dynsym *dynsym = hi_image_get_dynsym(build->image);
	size_t file_len;
	const uint8_t *file = hi_image_get_file(build->image, &file_len);
	int code = 0;

	for (size_t i = 0; i < dynsym->n && code == 0; i++) {
		Elf64_Sym symbol = hi_dynsym_get(dynsym, i);
		unsigned char quiet =
			ELF64_ST_INFO(ELF64_ST_BIND(symbol.st_info), STT_FUNC);

		if (symbol.st_shndx != SHN_UNDEF &&
		    ELF64_ST_TYPE(symbol.st_info) == STT_GNU_IFUNC)
			code = write_file(build, fd,
					  (uint64_t)(dynsym->symbols - file) +
						  i * sizeof(symbol) +
						  offsetof(Elf64_Sym, st_info),
					  &quiet, 1, err);
	}
	return code;
}

int hi_build_silence(const struct hi_build *build, struct hi_err *err)
{
	int HI_CLOSE fd = open(build->path, O_RDWR | O_CLOEXEC);
	int code;

	if (fd < 0)
		return hi_fail_sys(err, "opening %s", build->path);
	code = silence_functions(build, fd, err);
	if (code == 0)
		code = silence_relocations(build, fd, DT_RELA, DT_RELASZ, err);
	if (code == 0)
		code = silence_relocations(build, fd, DT_JMPREL, DT_PLTRELSZ,
					   err);
	return code < 0 ? code : silence_symbols(build, fd, err);
}
