#include "injector/private_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/own.h"

struct hi_private_folder {
	char *path;
	int lock_fd; /* the folder itself, locked while the session lives */
};

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Folders hold plain files only: what else is in there, nobody put there. */
static void remove_folder(const char *path)
{
	DIR *HI_CLEANUP(close_dir) dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(dir), entry->d_name, 0);
	rmdir(path);
}

static bool is_own_folder(const char *path)
{
	struct stat stat;

	return lstat(path, &stat) == 0 && S_ISDIR(stat.st_mode) &&
	       stat.st_uid == geteuid();
}

static bool may_hold_code(const char *path)
{
	struct statvfs mount;

	return statvfs(path, &mount) == 0 &&
	       !(mount.f_flag & (ST_NOEXEC | ST_RDONLY)) &&
	       access(path, W_OK | X_OK) == 0;
}

static int lock_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Remove what sessions left behind whose process is gone. */
static void sweep(const char *parent)
{
	DIR *HI_CLEANUP(close_dir) dir = opendir(parent);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char *HI_FREE path = NULL;
		char *end;
		long pid = strtol(entry->d_name, &end, 10);
		int HI_CLOSE lock_fd = -1;

		if (pid <= 0 || *end || pid != (pid_t)pid ||
		    (kill((pid_t)pid, 0) == 0 || errno != ESRCH))
			continue;
		if (asprintf(&path, "%s/%s", parent, entry->d_name) < 0) {
			path = NULL;
			continue;
		}
		lock_fd = lock_folder(path);
		if (lock_fd >= 0)
			remove_folder(path);
	}
}

/* $XDG_RUNTIME_DIR/hotinject/PID, or NULL where that is not to be had. */
static char *make_in_runtime_folder(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char *HI_FREE parent = NULL;
	char *HI_FREE path = NULL;

	/* Under sudo the variable may name another user's folder. */
	if (!runtime || runtime[0] != '/' || !is_own_folder(runtime) ||
	    !may_hold_code(runtime))
		return NULL;
	if (asprintf(&parent, "%s/hotinject", runtime) < 0 ||
	    asprintf(&path, "%s/hotinject/%d", runtime, (int)getpid()) < 0)
		return NULL;
	if ((mkdir(parent, 0700) < 0 && errno != EEXIST) ||
	    !is_own_folder(parent))
		return NULL;
	sweep(parent);
	if (mkdir(path, 0700) == 0)
		return hi_take_ptr(&path);
	/* Whoever had our process number before is dead, or is in another PID
	   namespace and holds the lock. */
	if (errno == EEXIST && is_own_folder(path)) {
		int HI_CLOSE lock_fd = lock_folder(path);

		if (lock_fd >= 0)
			remove_folder(path);
	}
	return mkdir(path, 0700) == 0 ? hi_take_ptr(&path) : NULL;
}

static char *make_in(const char *parent)
{
	char *HI_FREE path = NULL;

	if (!parent || parent[0] != '/' || !may_hold_code(parent))
		return NULL;
	if (asprintf(&path, "%s/hotinject.XXXXXX", parent) < 0)
		return NULL;
	return mkdtemp(path) ? hi_take_ptr(&path) : NULL;
}

int hi_private_folder_new(struct hi_private_folder **ret_folder,
			  struct hi_err *err)
{
	const char *const parents[] = { getenv("TMPDIR"), "/tmp", "/var/tmp" };
	char *HI_FREE path = make_in_runtime_folder();
	struct hi_private_folder *folder;

	for (size_t i = 0; !path && i < sizeof(parents) / sizeof(*parents); i++)
		path = make_in(parents[i]);
	if (!path) {
		hi_fail(err, HI_E_SYS,
			"no folder for the worker's copies: neither "
			"$XDG_RUNTIME_DIR, $TMPDIR, /tmp nor /var/tmp is "
			"writable and allows code");
		hi_err_hint(err, "set TMPDIR to a folder that is writable and "
				 "not mounted noexec");
		return HI_E_SYS;
	}
	folder = calloc(1, sizeof(*folder));
	if (!folder) {
		rmdir(path);
		return hi_fail(err, HI_E_NOMEM, "out of memory at the start");
	}
	/* Without a lock the folder is merely not known to be in use. */
	folder->lock_fd = lock_folder(path);
	folder->path = hi_take_ptr(&path);
	*ret_folder = folder;
	return 0;
}

void hi_private_folder_free(struct hi_private_folder *folder)
{
	if (!folder)
		return;
	remove_folder(folder->path);
	if (folder->lock_fd >= 0)
		close(folder->lock_fd);
	free(folder->path);
	free(folder);
}

const char *hi_private_folder_get_path(const struct hi_private_folder *folder)
{
	return folder->path;
}
