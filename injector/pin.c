#include "injector/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/own.h"
#include "injector/reach.h"
#include "injector/sandbox.h"

#define PAGE       4096UL
#define CHUNK      (256UL << 10)
#define NAME_BELOW (64UL << 10)

struct pin {
	const struct hi_build *build;
	struct hi_host *host;
	struct hi_thread *thread;
	const struct hi_shim_place *place;
};

static int call(const struct pin *pin, long number, const uint64_t args[6],
		int64_t *ret_value, struct hi_err *err)
{
	int code = hi_remote_syscall(pin->host, pin->thread, pin->place, number,
				     args, ret_value, err);

	if (code == 0 && *ret_value < 0 && *ret_value > -4096) {
		errno = (int)-*ret_value;
		return hi_fail_sys(err, "pinning %s in the host",
				   pin->build->path);
	}
	return code;
}

static int open_file(const struct pin *pin, const char *path, int64_t *ret_fd,
		     struct hi_err *err)
{
	/* below the frame of the system call itself */
	uint64_t name = pin->place->stack_remote - NAME_BELOW;
	uint64_t args[6] = { (uint64_t)AT_FDCWD, name, O_RDONLY | O_CLOEXEC };
	int code =
		hi_remote_write(pin->host, name, path, strlen(path) + 1, err);

	if (code == 0)
		code = call(pin, SYS_openat, args, ret_fd, err);
	if (code == HI_E_SYS)
		(void)!hi_sandbox_explain(pin->host->pid, pin->host->name, path,
					  err);
	return code;
}

static int close_file(const struct pin *pin, int64_t fd, int code)
{
	uint64_t args[6] = { (uint64_t)fd };
	int64_t value;

	if (fd >= 0 && call(pin, SYS_close, args, &value, NULL) < 0 &&
	    code == 0)
		code = HI_E_SYS;
	return code;
}

/* Map the same part of the snapshot over a mapping of the file. */
static int map_again(const struct pin *pin, const struct hi_map *map,
		     int64_t fd, struct hi_err *err)
{
	uint64_t args[6] = { map->start,   map->end - map->start,
			     map->prot,    MAP_PRIVATE | MAP_FIXED,
			     (uint64_t)fd, map->offset };
	int64_t value;

	return call(pin, SYS_mmap, args, &value, err);
}

/* Copy LEN bytes of the host from one place to another. */
static int copy_bytes(const struct pin *pin, uint64_t to, uint64_t from,
		      size_t len, struct hi_err *err)
{
	unsigned char *HI_FREE chunk = malloc(CHUNK);
	int code = 0;

	if (!chunk)
		return hi_fail(err, HI_E_NOMEM, "no memory to pin the worker");
	for (size_t at = 0; at < len && code == 0; at += CHUNK) {
		size_t n = len - at < CHUNK ? len - at : CHUNK;

		code = hi_remote_read(pin->host, from + at, chunk, n, err);
		if (code == 0)
			code = hi_remote_write(pin->host, to + at, chunk, n,
					       err);
	}
	return code;
}

/* Put memory that was mapped BESIDE in the place of MAP, with what that holds. */
static int replace(const struct pin *pin, const struct hi_map *map,
		   uint64_t beside, struct hi_err *err)
{
	size_t len = map->end - map->start;
	uint64_t protect[6] = { beside, len, map->prot };
	uint64_t move[6] = { beside, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
			     map->start };
	int64_t value;
	int code = copy_bytes(pin, beside, map->start, len, err);

	if (code == 0)
		code = call(pin, SYS_mprotect, protect, &value, err);
	if (code == 0)
		code = call(pin, SYS_mremap, move, &value, err);
	return code;
}

/*
 * A file mapping's private pages are dropped as well when the file is truncated
 * (unmap_mapping_range() with even_cows), so data is moved to anonymous memory:
 * copied beside, then put in place in one step.
 */
static int make_anonymous(const struct pin *pin, const struct hi_map *map,
			  struct hi_err *err)
{
	size_t len = map->end - map->start;
	uint64_t beside = 0;
	int code = hi_remote_map(pin->host, pin->thread, pin->place, 0, len,
				 PROT_READ | PROT_WRITE, &beside, err);

	return code < 0 ? code : replace(pin, map, beside, err);
}

/* Whether the mapping is part of a segment that the file calls writable. */
static bool is_data_segment(const struct hi_build *build,
			    const struct hi_map *map)
{
	const struct hi_image_header *header =
		hi_image_get_header(build->image);
	uint64_t at = map->start - build->base_remote;

	for (size_t i = 0; i < header->n_phdrs; i++) {
		const GElf_Phdr *phdr = &header->phdrs[i];

		if (phdr->p_type == PT_LOAD && (phdr->p_flags & PF_W) &&
		    at >= (phdr->p_vaddr & ~(PAGE - 1)) &&
		    at < phdr->p_vaddr + phdr->p_memsz)
			return true;
	}
	return false;
}

static int pin_map(const struct pin *pin, const struct hi_map *map, int64_t fd,
		   struct hi_err *err)
{
	if (map->prot == PROT_NONE)
		return 0;
	if (!is_data_segment(pin->build, map))
		return map_again(pin, map, fd, err);
	return make_anonymous(pin, map, err);
}

int hi_pin(const struct hi_build *build, struct hi_host *host,
	   struct hi_thread *thread, const struct hi_shim_place *place,
	   const struct hi_maps *maps, struct hi_err *err)
{
	struct pin pin = { build, host, thread, place };
	const struct hi_map *first = hi_maps_find(maps, build->base_remote);
	int64_t fd = -1;
	int code = open_file(&pin, hi_reach_inside(build->path), &fd, err);

	for (size_t i = 0; i < maps->n_maps && code == 0; i++) {
		const struct hi_map *map = &maps->maps[i];

		if (first && map->inode == first->inode &&
		    map->dev == first->dev &&
		    hi_build_covers(build, map->start))
			code = pin_map(&pin, map, fd, err);
	}
	return close_file(&pin, fd, code);
}

/* --- and back ---------------------------------------------------------------- */

/* The part of the file that a writable segment maps; false: none. */
static bool get_file_part(const struct hi_build *build, const GElf_Phdr *phdr,
			  struct hi_map *ret_part)
{
	uint64_t start = phdr->p_vaddr & ~(PAGE - 1);
	uint64_t end = (phdr->p_vaddr + phdr->p_filesz + PAGE - 1) &
		       ~(PAGE - 1);

	if (phdr->p_type != PT_LOAD || !(phdr->p_flags & PF_W) ||
	    phdr->p_filesz == 0)
		return false;
	ret_part->start = build->base_remote + start;
	ret_part->end = build->base_remote + end;
	ret_part->offset = phdr->p_offset & ~(PAGE - 1);
	return true;
}

/* The memory of MAP that is a part of PART becomes the file's again. */
static int unpin_data(const struct pin *pin, const struct hi_map *map,
		      const struct hi_map *part, int64_t fd, struct hi_err *err)
{
	struct hi_map both = *map;
	uint64_t args[6] = { 0, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			     (uint64_t)fd };
	int64_t beside = 0;
	int code;

	both.start = map->start > part->start ? map->start : part->start;
	both.end = map->end < part->end ? map->end : part->end;
	if (both.start >= both.end || map->prot == PROT_NONE)
		return 0;
	args[1] = both.end - both.start;
	args[5] = part->offset + (both.start - part->start);
	code = call(pin, SYS_mmap, args, &beside, err);
	return code < 0 ? code : replace(pin, &both, (uint64_t)beside, err);
}

static int unpin_map(const struct pin *pin, const struct hi_map *map,
		     bool is_file, int64_t fd, struct hi_err *err)
{
	const struct hi_image_header *header =
		hi_image_get_header(pin->build->image);
	struct hi_map part;
	int code = 0;

	if (is_file)
		return map->prot == PROT_NONE ? 0 :
						map_again(pin, map, fd, err);
	for (size_t i = 0; i < header->n_phdrs && code == 0; i++)
		if (map->inode == 0 &&
		    get_file_part(pin->build, &header->phdrs[i], &part))
			code = unpin_data(pin, map, &part, fd, err);
	return code;
}

/* The host opens files in its own way: another root, another mount. */
static int check_opened(const struct pin *pin, int64_t fd, dev_t dev, ino_t ino,
			struct hi_err *err)
{
	char link[64];
	struct stat st;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", pin->host->pid, (int)fd);
	if (stat(link, &st) == 0 && st.st_dev == dev && st.st_ino == ino)
		return 0;
	return hi_fail(err, HI_E_HOST,
		       "the host finds another file by the "
		       "worker's name");
}

int hi_unpin(const struct hi_build *build, const char *path, dev_t dev,
	     ino_t ino, struct hi_host *host, struct hi_thread *thread,
	     const struct hi_shim_place *place, const struct hi_maps *maps,
	     struct hi_err *err)
{
	struct pin pin = { build, host, thread, place };
	const struct hi_map *first = hi_maps_find(maps, build->base_remote);
	int64_t fd = -1;
	int code = open_file(&pin, hi_reach_inside(path), &fd, err);

	if (code == 0)
		code = check_opened(&pin, fd, dev, ino, err);
	for (size_t i = 0; i < maps->n_maps && code == 0; i++) {
		const struct hi_map *map = &maps->maps[i];

		if (first && map->end > build->base_remote &&
		    hi_build_covers(build, map->start))
			code = unpin_map(&pin, map,
					 map->inode == first->inode &&
						 map->dev == first->dev,
					 fd, err);
	}
	return close_file(&pin, fd, code);
}
