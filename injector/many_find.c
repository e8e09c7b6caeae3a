#include "injector/many_find.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/maps.h"
#include "injector/phrase.h"
#include "injector/search.h"

#define COMM_MAX 15 /* the kernel keeps no more of a name */

struct list {
	pid_t *pids;
	size_t n, max;
};

static int add(struct list *list, pid_t pid, struct hi_err *err)
{
	size_t max = list->max ? 2 * list->max : 16;
	pid_t *more;

	for (size_t i = 0; i < list->n; i++)
		if (list->pids[i] == pid)
			return 0;
	if (list->n == list->max) {
		more = realloc(list->pids, max * sizeof(*more));
		if (!more)
			return hi_fail(err, HI_E_NOMEM,
				       "no memory for the list of hosts");
		list->pids = more;
		list->max = max;
	}
	list->pids[list->n++] = pid;
	return 0;
}

/* The file of its program, which may have been replaced since. */
static bool read_exe(pid_t pid, char path[PATH_MAX])
{
	static const char deleted[] = " (deleted)";
	size_t cut = sizeof(deleted) - 1;
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	len = readlink(link, path, PATH_MAX - 1);
	if (len <= 0)
		return false;
	path[len] = '\0';
	if ((size_t)len > cut && strcmp(path + len - cut, deleted) == 0)
		path[(size_t)len - cut] = '\0';
	return true;
}

/* A script has the name of its file, and its interpreter's program. */
static bool has_name(pid_t pid, const char *exe, const char *name)
{
	char path[64], comm[COMM_MAX + 2] = "";
	FILE *file;

	if (strcmp(hi_phrase_base_name(exe), name) == 0)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (file && !fgets(comm, sizeof(comm), file))
		comm[0] = '\0';
	if (file)
		fclose(file);
	comm[strcspn(comm, "\n")] = '\0';
	return *comm && strlen(name) <= COMM_MAX && strcmp(comm, name) == 0;
}

static bool maps_file(const struct hi_maps *maps, const char *path)
{
	char *HI_FREE real = realpath(path, NULL);
	struct stat st = { 0 };
	bool known = stat(path, &st) == 0;

	for (size_t i = 0; i < maps->n_maps; i++) {
		const struct hi_map *map = &maps->maps[i];

		if (!(map->prot & PROT_EXEC))
			continue;
		if ((known && map->inode == st.st_ino &&
		     map->dev == st.st_dev) ||
		    strcmp(map->path, real ? real : path) == 0 ||
		    strcmp(map->path, path) == 0)
			return true;
	}
	return false;
}

static bool has_worker(pid_t pid, const char *exe,
		       const struct hi_options *options)
{
	struct hi_maps maps;
	bool found = false;

	if (hi_maps_read(pid, &maps, NULL) < 0)
		return false;
	for (size_t i = 0; i < options->n_workers && !found; i++) {
		char *HI_FREE path = NULL;

		found = hi_search_worker(options->workers[i], exe, &path,
					 NULL) == 0 &&
			maps_file(&maps, path);
	}
	hi_maps_done(&maps);
	return found;
}

static bool is_wanted(pid_t pid, const struct hi_options *options)
{
	char exe[PATH_MAX];

	return pid != getpid() && read_exe(pid, exe) &&
	       (!options->name || has_name(pid, exe, options->name)) &&
	       has_worker(pid, exe, options);
}

static void close_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

static int look_for(const struct hi_options *options, struct list *list,
		    struct hi_err *err)
{
	DIR *HI_CLEANUP(close_folder) proc = opendir("/proc");
	const struct dirent *entry;
	int code = proc ? 0 : hi_fail_sys(err, "reading /proc");

	while (code == 0 && proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		struct stat st;

		if (isdigit((unsigned char)entry->d_name[0]) &&
		    fstatat(dirfd(proc), entry->d_name, &st, 0) == 0 &&
		    (st.st_uid == geteuid() || geteuid() == 0) &&
		    is_wanted(pid, options))
			code = add(list, pid, err);
	}
	return code;
}

static int fail_none(const struct hi_options *options, struct hi_err *err)
{
	const char *worker = hi_phrase_base_name(options->workers[0]);
	const char *more = options->n_workers > 1 ? " or another worker" : "";
	const char *whose = geteuid() == 0 ? "" : " of this user";

	if (options->name)
		hi_fail(err, HI_E_USAGE,
			"no process%s runs %s and has mapped %s%s", whose,
			options->name, worker, more);
	else
		hi_fail(err, HI_E_USAGE, "no process%s has mapped %s%s", whose,
			worker, more);
	hi_err_hint(err, "name a host that has not loaded it yet with --pid");
	return HI_E_USAGE;
}

int hi_many_find(const struct hi_options *options, pid_t **ret_pids,
		 size_t *ret_n, struct hi_err *err)
{
	struct list list = { NULL, 0, 0 };
	int code = 0;

	for (size_t i = 0; i < options->n_pids && code == 0; i++)
		code = add(&list, options->pids[i], err);
	if (code == 0 && (options->name || options->all))
		code = look_for(options, &list, err);
	if (code == 0 && list.n == 0)
		code = fail_none(options, err);
	if (code < 0) {
		free(list.pids);
		return code;
	}
	*ret_pids = list.pids;
	*ret_n = list.n;
	return 0;
}
