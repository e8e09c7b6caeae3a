#include "injector/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/own.h"

#define LOWEST  0x10000ULL
#define HIGHEST 0x7fffffff0000ULL

/* struct procmap_query and PROCMAP_QUERY, which older headers lack. */
struct query {
	uint64_t size, flags, address;
	uint64_t start, end;
	uint64_t flags_of, page_size, offset, inode;
	uint32_t major_id, minor_id, name_size, build_id_size;
	uint64_t name, build_id;
};
#define QUERY        _IOWR('f', 17, struct query)
#define QUERY_SHARED 8U /* among the flags of a mapping; the others are PROT_ */

static int read_text(pid_t pid, struct hi_buf *text, struct hi_err *err)
{
	char chunk[16384];
	int HI_CLOSE fd = hi_maps_open(pid);
	ssize_t got;

	if (fd < 0)
		return hi_fail(err, HI_E_GONE, "process %d has ended", pid);
	while ((got = read(fd, chunk, sizeof(chunk))) > 0)
		hi_buf_add(text, chunk, (size_t)got);
	if (got < 0 && errno == ESRCH)
		return hi_fail(err, HI_E_GONE, "process %d has ended", pid);
	if (got < 0)
		return hi_fail_sys(err, "reading the maps of process %d", pid);
	/* of a process that is ending there is nothing: no lack of memory */
	hi_buf_add(text, "", 1);
	if (text->failed)
		return hi_fail(err, HI_E_NOMEM,
			       "no memory for the maps of process %d", pid);
	return 0;
}

/* start-end perms offset major:minor inode [path] */
static bool parse_line(char *line, struct hi_map *map)
{
	static const char deleted[] = " (deleted)";
	unsigned int major_id, minor_id;
	char perms[5];
	int path_at = 0;
	size_t len;

	memset(map, 0, sizeof(*map));
	if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %n", &map->start, &map->end,
		   perms, &map->offset, &major_id, &minor_id, &map->inode,
		   &path_at) < 7)
		return false;
	map->prot = (perms[0] == 'r' ? PROT_READ : 0) |
		    (perms[1] == 'w' ? PROT_WRITE : 0) |
		    (perms[2] == 'x' ? PROT_EXEC : 0);
	map->shared = perms[3] == 's';
	map->dev = makedev(major_id, minor_id);
	map->path = path_at > 0 ? line + path_at : "";
	len = strlen(map->path);
	if (len > sizeof(deleted) - 1 &&
	    strcmp(map->path + len - (sizeof(deleted) - 1), deleted) == 0) {
		map->deleted = true;
		line[path_at + (int)(len - (sizeof(deleted) - 1))] = '\0';
	}
	return true;
}

int hi_maps_read(pid_t pid, struct hi_maps *ret_maps, struct hi_err *err)
{
	struct hi_buf text = HI_BUF_INIT;
	struct hi_maps maps = { NULL, 0, NULL };
	size_t n_lines = 1;
	char *save = NULL;
	int code = read_text(pid, &text, err);

	if (code < 0) {
		hi_buf_done(&text);
		return code;
	}
	for (size_t i = 0; i < text.len; i++)
		n_lines += text.data[i] == '\n';
	maps.text = hi_buf_take(&text);
	maps.maps = calloc(n_lines, sizeof(*maps.maps));
	if (!maps.maps) {
		hi_maps_done(&maps);
		return hi_fail(err, HI_E_NOMEM, "no memory for %zu mappings",
			       n_lines);
	}
	for (char *line = strtok_r(maps.text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (parse_line(line, &maps.maps[maps.n_maps]))
			maps.n_maps++;
	*ret_maps = maps;
	return 0;
}

void hi_maps_done(struct hi_maps *maps)
{
	free(maps->maps);
	free(maps->text);
	memset(maps, 0, sizeof(*maps));
}

int hi_maps_open(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

bool hi_maps_ask(int fd, uint64_t address, struct hi_map *ret_map)
{
	struct query query = { .size = sizeof(query), .address = address };

	if (ioctl(fd, QUERY, &query) != 0)
		return false;
	*ret_map = (struct hi_map){
		.start = query.start,
		.end = query.end,
		.offset = query.offset,
		.prot = query.flags_of & (PROT_READ | PROT_WRITE | PROT_EXEC),
		.shared = query.flags_of & QUERY_SHARED,
		.dev = makedev(query.major_id, query.minor_id),
		.inode = query.inode,
		.path = "",
	};
	return true;
}

const struct hi_map *hi_maps_find(const struct hi_maps *maps, uint64_t address)
{
	size_t low = 0, high = maps->n_maps;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (address >= maps->maps[middle].end)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < maps->n_maps && maps->maps[low].start <= address)
		return &maps->maps[low];
	return NULL;
}

const struct hi_map *hi_maps_find_inode(const struct hi_maps *maps, dev_t dev,
					ino_t inode)
{
	for (size_t i = 0; i < maps->n_maps; i++)
		if (maps->maps[i].inode == inode && maps->maps[i].dev == dev)
			return &maps->maps[i];
	return NULL;
}

const struct hi_map *hi_maps_find_path(const struct hi_maps *maps,
				       const char *path)
{
	for (size_t i = 0; i < maps->n_maps; i++)
		if (strcmp(maps->maps[i].path, path) == 0)
			return &maps->maps[i];
	return NULL;
}

/* In the gap [start, end), the place nearest to the worker, or 0. */
static uint64_t place_in_gap(uint64_t start, uint64_t end, uint64_t low,
			     uint64_t high, uint64_t near, uint64_t len)
{
	start = start > low ? start : low;
	end = end < high ? end : high;
	if (end < start || end - start < len)
		return 0;
	return near <= start ? start : end - len;
}

uint64_t hi_maps_find_gap(const struct hi_maps *maps, uint64_t near_start,
			  uint64_t near_end, uint64_t len, uint64_t reach)
{
	uint64_t low = near_end > reach + LOWEST ? near_end - reach : LOWEST;
	uint64_t high = near_start + reach < HIGHEST ? near_start + reach :
						       HIGHEST;
	uint64_t before = LOWEST, best = 0, best_distance = UINT64_MAX;

	for (size_t i = 0; i <= maps->n_maps; i++) {
		uint64_t end = i < maps->n_maps ? maps->maps[i].start : HIGHEST;
		uint64_t at =
			place_in_gap(before, end, low, high, near_start, len);
		uint64_t distance = at > near_start ? at - near_start :
						      near_start - at;

		if (at && distance < best_distance) {
			best = at;
			best_distance = distance;
		}
		if (i < maps->n_maps)
			before = maps->maps[i].end;
	}
	return best;
}
