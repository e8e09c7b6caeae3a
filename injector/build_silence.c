/*
 * A private copy that ld.so maps and relocates, and of which it runs nothing.
 */
#include "injector/build.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
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

static int write_dyn(const struct hi_build *build, int fd,
		     const struct hi_image_dyn *dyn, int64_t tag,
		     uint64_t value, struct hi_err *err)
{
	Elf64_Dyn entry;

	entry.d_tag = tag;
	entry.d_un.d_val = value;
	return write_file(build, fd, dyn->file_offset, &entry, sizeof(entry),
			  err);
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
	static const int64_t arrays[] = { DT_INIT_ARRAYSZ, DT_FINI_ARRAYSZ };
	static const int64_t functions[] = { DT_INIT, DT_FINI };
	struct hi_image_dyn dyn;
	int HI_CLOSE fd = open(build->path, O_RDWR | O_CLOEXEC);
	int code = 0;

	if (fd < 0)
		return hi_fail_sys(err, "opening %s", build->path);
	for (int i = 0; i < 2 && code == 0; i++)
		if (hi_image_find_dyn(build->image, arrays[i], &dyn))
			code = write_dyn(build, fd, &dyn, dyn.tag, 0, err);
	for (int i = 0; i < 2 && code == 0; i++)
		if (hi_image_find_dyn(build->image, functions[i], &dyn))
			code = write_dyn(build, fd, &dyn, DT_SILENCED,
					 dyn.value, err);
	if (code == 0)
		code = silence_relocations(build, fd, DT_RELA, DT_RELASZ, err);
	if (code == 0)
		code = silence_relocations(build, fd, DT_JMPREL, DT_PLTRELSZ,
					   err);
	return code < 0 ? code : silence_symbols(build, fd, err);
}
