/*
 * Removing folders: one's own, and those that sessions left whose host is gone.
 */
#include "injector/private_folder_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/own.h"

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/*
 * What a session keeps in its folder is files and links. The mark that tells the
 * folder from a user's own of a like name goes last.
 */
static void empty_folder(int fd)
{
	int again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *HI_CLEANUP(close_dir) dir = again >= 0 ? fdopendir(again) : NULL;
	struct dirent *entry;

	if (!dir && again >= 0)
		close(again);
	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
		    strcmp(entry->d_name, HI_FOLDER_MARK))
			unlinkat(fd, entry->d_name, 0);
	unlinkat(fd, HI_FOLDER_MARK, 0);
}

void hi_private_folder_remove(const char *path, int fd)
{
	empty_folder(fd);
	rmdir(path);
}

int hi_private_folder_lock(const char *path)
{
	int HI_CLOSE fd =
		open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return -1;
	if (stat.st_uid != geteuid()) {
		errno = EPERM;
		return -1;
	}
	return flock(fd, LOCK_EX | LOCK_NB) == 0 ? hi_take_fd(&fd) : -1;
}

/* Among the files of everybody, a like name alone does not make it ours. */
static bool is_marked(int fd)
{
	struct stat stat;

	return fstat(fd, &stat) == 0 && (stat.st_mode & 0067) == 0 &&
	       faccessat(fd, HI_FOLDER_MARK, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool maps_from(const char *maps_path, const char *folder)
{
	FILE *maps = fopen(maps_path, "re");
	size_t size = 0, len = strlen(folder);
	char *HI_FREE line = NULL;
	bool found = false;

	while (maps && !found && getline(&line, &size, maps) > 0) {
		const char *file = strchr(line, '/');

		found = file && strncmp(file, folder, len) == 0 &&
			file[len] == '/';
	}
	if (maps)
		fclose(maps);
	return found;
}

pid_t hi_private_folder_find_process(const char *path)
{
	DIR *HI_CLEANUP(close_dir) proc = opendir("/proc");
	char *HI_FREE real = realpath(path, NULL);
	struct dirent *entry;

	while (proc && real && (entry = readdir(proc))) {
		char name[sizeof("/proc//maps") + sizeof(entry->d_name)];
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		struct stat stat;

		if (pid <= 0 || pid == getpid() ||
		    fstatat(dirfd(proc), entry->d_name, &stat, 0) < 0 ||
		    (geteuid() != 0 && stat.st_uid != geteuid()))
			continue;
		snprintf(name, sizeof(name), "/proc/%s/maps", entry->d_name);
		if (maps_from(name, real))
			return pid;
	}
	return 0;
}

/* Remove one folder if it is a session's, and session and host are gone. */
static void sweep_path(const char *path, bool shared)
{
	int HI_CLOSE fd = hi_private_folder_lock(path);

	if (fd < 0 || (shared && !is_marked(fd)))
		return;
	if (!hi_private_folder_find_process(path))
		hi_private_folder_remove(path, fd);
}

void hi_private_folder_sweep(const char *path)
{
	sweep_path(path, true);
}

static void sweep_one(const char *parent, const char *name, bool shared)
{
	char *HI_FREE path = NULL;

	if (asprintf(&path, "%s/%s", parent, name) < 0)
		path = NULL;
	else
		sweep_path(path, shared);
}

/* $XDG_RUNTIME_DIR/hotinject/PID */
static pid_t read_pid(const char *name)
{
	char *end;
	long pid = strtol(name, &end, 10);

	return pid > 0 && !*end && pid == (pid_t)pid ? (pid_t)pid : 0;
}

/* For one that is not, the folder's mark and the lock decide: it may be a zombie, or
   have the number anew. */
static bool is_dead(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

bool hi_private_folder_is_made(const char *name)
{
	return strlen(name) == strlen(HI_FOLDER_MADE) &&
	       strncmp(name, HI_FOLDER_MADE, strcspn(HI_FOLDER_MADE, "X")) == 0;
}

void hi_private_folder_sweep_in(const char *parent, bool shared)
{
	DIR *HI_CLEANUP(close_dir) dir = opendir(parent);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (shared ? hi_private_folder_is_made(entry->d_name) :
			     read_pid(entry->d_name) > 0)
			sweep_one(parent, entry->d_name,
				  shared || !is_dead(read_pid(entry->d_name)));
}
