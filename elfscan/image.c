#include "elfscan/image.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/own.h"
#include "elfscan/image_parts.h"

static int map_file(struct hi_image *image, const char *path,
		    struct hi_err *err)
{
	int HI_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	void *bytes;

	if (fd < 0 || fstat(fd, &status))
		return hi_fail_sys(err, "%s cannot be opened", image->name);
	if (!S_ISREG(status.st_mode))
		return hi_fail(err, HI_E_BADELF, "%s is not a regular file",
			       image->name);
	if (!status.st_size)
		return 0;
	bytes = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return hi_fail_sys(err, "%s cannot be mapped", image->name);
	image->file = bytes;
	image->file_len = status.st_size;
	image->is_mapped = true;
	return 0;
}

/* The GNU build id among the notes in LEN bytes; notes are padded to ALIGN. */
static void find_build_id(struct hi_image *image, const uint8_t *bytes,
			  size_t len, size_t align)
{
	struct hi_image_header *header = &image->header;
	size_t at = 0;

	while (hi_inside(at, sizeof(Elf64_Nhdr), len)) {
		Elf64_Nhdr note;
		size_t name_at = at + sizeof(note), desc_at;

		memcpy(&note, bytes + at, sizeof(note));
		desc_at = (name_at + note.n_namesz + align - 1) & -align;
		if (!hi_inside(desc_at, note.n_descsz, len))
			return;
		at = (desc_at + note.n_descsz + align - 1) & -align;
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
		    memcmp(bytes + name_at, "GNU", 4) != 0 || !note.n_descsz ||
		    note.n_descsz > HI_BUILD_ID_MAX)
			continue;
		memcpy(header->build_id, bytes + desc_at, note.n_descsz);
		header->build_id_len = note.n_descsz;
		return;
	}
}

static void read_notes(struct hi_image *image)
{
	for (size_t i = 0; i < image->header.n_phdrs; i++) {
		const Elf64_Phdr *phdr = &image->phdrs[i];

		/* gABI says 8 on 64 bit, GNU notes use 4 nevertheless */
		if (phdr->p_type == PT_NOTE && !image->header.build_id_len)
			find_build_id(image, image->file + phdr->p_offset,
				      phdr->p_filesz,
				      phdr->p_align == 8 ? 8 : 4);
	}
}

static int open_elf(struct hi_image *image, struct hi_err *err)
{
	elf_version(EV_CURRENT);
	/* libelf only reads the memory, its type is historical */
	image->elf = elf_memory((char *)image->file, image->file_len);
	if (!image->elf)
		return hi_fail(err, HI_E_BADELF, "%s: libelf refuses it: %s",
			       image->name, elf_errmsg(-1));
	return 0;
}

static int prove(struct hi_image *image, const char *path, struct hi_err *err)
{
	int code = path ? map_file(image, path, err) : 0;

	if (code >= 0)
		code = hi_image_check_header(image, err);
	if (code >= 0)
		code = hi_image_check_tables(image, err);
	if (code >= 0)
		code = hi_image_check_dynamic(image, err);
	if (code >= 0)
		code = hi_dynsym_read(image, &image->dynsym, err);
	if (code >= 0)
		code = hi_image_check_relocs(image, err);
	if (code >= 0)
		code = hi_image_set_ranges(image, err);
	if (code >= 0)
		code = open_elf(image, err);
	return code;
}

/* NAME is what sentences and the search for debug files go by. */
static struct hi_image *image_new(const char *name, bool programs,
				  struct hi_err *err)
{
	struct hi_image *image = calloc(1, sizeof(*image));

	if (image)
		image->path = strdup(name);
	if (!image || !image->path) {
		free(image);
		hi_fail(err, HI_E_NOMEM, "%s: out of memory", basename(name));
		return NULL;
	}
	image->name = basename(image->path);
	image->programs = programs;
	return image;
}

/* Read PATH, NULL: the bytes that IMAGE has. */
static int open_image(struct hi_image *image, const char *path,
		      struct hi_image **ret_image, struct hi_err *err)
{
	int code = prove(image, path, err);

	if (code < 0) {
		hi_image_free(image);
		return code;
	}
	image->header.type = image->ehdr.e_type;
	read_notes(image);
	*ret_image = image;
	return 0;
}

static int open_file(const char *path, const char *name, bool programs,
		     struct hi_image **ret_image, struct hi_err *err)
{
	struct hi_image *image = image_new(name, programs, err);

	return image ? open_image(image, path, ret_image, err) : HI_E_NOMEM;
}

int hi_image_open(const char *path, struct hi_image **ret_image,
		  struct hi_err *err)
{
	return open_file(path, path, false, ret_image, err);
}

int hi_image_open_any(const char *path, struct hi_image **ret_image,
		      struct hi_err *err)
{
	return open_file(path, path, true, ret_image, err);
}

int hi_image_open_copy(const char *path, const char *original,
		       struct hi_image **ret_image, struct hi_err *err)
{
	return open_file(path, original, false, ret_image, err);
}

int hi_image_open_bytes(const uint8_t *bytes, size_t len, const char *original,
			struct hi_image **ret_image, struct hi_err *err)
{
	struct hi_image *image = image_new(original, false, err);

	if (!image) {
		munmap((void *)bytes, len);
		return HI_E_NOMEM;
	}
	image->file = bytes;
	image->file_len = len;
	return open_image(image, NULL, ret_image, err);
}

void hi_image_miss(struct hi_image *image)
{
	if (!image->file) /* closed */
		return;
	for (size_t i = 1; i < image->n_shdrs; i++) {
		Elf64_Shdr now;

		memcpy(&now,
		       image->file + image->ehdr.e_shoff + i * sizeof(now),
		       sizeof(now));
		if (now.sh_type == SHT_NOBITS)
			image->shdrs[i].sh_type = SHT_NOBITS;
	}
	/* which remembers headers; without memory it has none */
	elf_end(image->elf);
	image->elf = NULL;
	(void)!open_elf(image, NULL);
}

void hi_image_close(struct hi_image *image)
{
	elf_end(image->elf);
	hi_dynsym_done(&image->dynsym);
	free(image->by_addr);
	free(image->needed);
	free(image->dyns);
	free(image->shdrs);
	if (image->file)
		munmap((void *)image->file, image->file_len);
	image->elf = NULL;
	memset(&image->dynsym, 0, sizeof(image->dynsym));
	image->by_addr = NULL;
	image->needed = NULL;
	image->dyns = NULL;
	image->shdrs = NULL;
	image->file = NULL;
	image->file_len = 0;
	image->n_by_addr = image->n_dyns = image->n_shdrs = 0;
	image->header.soname = image->header.runpath = NULL;
	image->header.needed = NULL;
}

void hi_image_free(struct hi_image *image)
{
	if (!image)
		return;
	hi_image_close(image);
	hi_fetching_free(image->fetching);
	free(image->state);
	free(image->text);
	free(image->phdrs);
	free(image->path);
	free(image);
}

const struct hi_image_header *hi_image_get_header(const struct hi_image *image)
{
	return &image->header;
}

const char *hi_image_get_path(const struct hi_image *image)
{
	return image->path;
}

Elf *hi_image_get_elf(const struct hi_image *image)
{
	return image->elf;
}

const uint8_t *hi_image_get_file(const struct hi_image *image, size_t *ret_len)
{
	*ret_len = image->file_len;
	return image->file;
}

const struct hi_dynsym *hi_image_get_dynsym(const struct hi_image *image)
{
	return &image->dynsym;
}

const uint8_t *hi_image_find_bytes(const struct hi_image *image,
				   uint64_t addr_link, size_t len)
{
	for (size_t i = 0; i < image->header.n_phdrs; i++) {
		const Elf64_Phdr *phdr = &image->phdrs[i];

		if (phdr->p_type == PT_LOAD && image->file &&
		    hi_covers(phdr->p_vaddr, phdr->p_filesz, addr_link, len))
			return image->file + phdr->p_offset +
			       (addr_link - phdr->p_vaddr);
	}
	return NULL;
}

bool hi_image_find_section(const struct hi_image *image, const char *name,
			   GElf_Shdr *ret_shdr)
{
	for (size_t i = 1; i < image->n_shdrs; i++) {
		if (strcmp(hi_image_section_name(image, i), name) != 0)
			continue;
		if (ret_shdr)
			*ret_shdr = image->shdrs[i];
		return true;
	}
	return false;
}

bool hi_image_find_dyn(const struct hi_image *image, int64_t tag,
		       struct hi_image_dyn *ret_dyn)
{
	for (size_t i = 0; i < image->n_dyns; i++) {
		if (image->dyns[i].d_tag != tag)
			continue;
		if (ret_dyn) {
			ret_dyn->tag = tag;
			ret_dyn->value = image->dyns[i].d_un.d_val;
			ret_dyn->file_offset =
				image->dyn_offset + i * sizeof(Elf64_Dyn);
		}
		return true;
	}
	return false;
}

const struct hi_range *hi_image_get_state_ranges(const struct hi_image *image,
						 size_t *ret_n)
{
	*ret_n = image->n_state;
	return image->state;
}

const struct hi_range *hi_image_get_text_ranges(const struct hi_image *image,
						size_t *ret_n)
{
	*ret_n = image->n_text;
	return image->text;
}
