#include "injector/reach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/own.h"

/* The names of namespaces are equal when they are. */
static bool is_same_link(pid_t pid, const char *name)
{
	char path[64], ours[64], theirs[64];
	ssize_t our_len, their_len;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	our_len = readlink(path, ours, sizeof(ours));
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	their_len = readlink(path, theirs, sizeof(theirs));
	return our_len < 0 || their_len < 0 ||
	       (our_len == their_len &&
		memcmp(ours, theirs, (size_t)our_len) == 0);
}

bool hi_reach_is_apart(pid_t pid)
{
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	if (stat("/", &ours) < 0 || stat(path, &theirs) < 0)
		return false;
	return ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino ||
	       !is_same_link(pid, "ns/mnt");
}

bool hi_reach_is_other_user(pid_t pid, gid_t *ret_group)
{
	unsigned int user = geteuid(), group = getegid();
	char path[64], line[256];
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	/* real, effective, saved; that for files is the fourth */
	while (status && fgets(line, sizeof(line), status)) {
		(void)!sscanf(line, "Uid: %*u %*u %*u %u", &user);
		(void)!sscanf(line, "Gid: %*u %*u %*u %u", &group);
	}
	if (status)
		fclose(status);
	if (user == geteuid())
		return false;
	*ret_group = group;
	return true;
}

const char *hi_reach_inside(const char *path)
{
	int len = 0;

	(void)!sscanf(path, "/proc/%*d/root%n", &len);
	return len > 0 && path[len] == '/' ? path + len : path;
}

bool hi_reach_is_file_of(const char *path, const struct hi_map *map)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_ino == map->inode;
}

void hi_reach_file(pid_t pid, const struct hi_map *map, char ret_path[PATH_MAX])
{
	char path[PATH_MAX];

	snprintf(ret_path, PATH_MAX, "%s", map->path);
	if (!map->deleted && hi_reach_is_file_of(map->path, map))
		return;
	if (snprintf(path, sizeof(path), "/proc/%d/root%s", pid, map->path) >=
		    (int)sizeof(path) ||
	    map->deleted || !hi_reach_is_file_of(path, map))
		snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", pid,
			 map->start, map->end);
	if (access(path, R_OK) == 0)
		memcpy(ret_path, path, sizeof(path));
}

const struct hi_map *hi_reach_find(const struct hi_maps *maps, const char *path)
{
	char *HI_FREE real = realpath(path, NULL);
	const struct hi_map *map = NULL;
	struct stat st;

	if (stat(path, &st) == 0)
		map = hi_maps_find_inode(maps, st.st_dev, st.st_ino);
	/* file systems may show another device in maps than stat(2) gives */
	if (!map && real)
		map = hi_maps_find_path(maps, real);
	if (!map)
		map = hi_maps_find_path(maps, hi_reach_inside(path));
	return map;
}
