#include "injector/private_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/private_folder_parts.h"
#include "injector/reach.h"

#define TRIES_MAX 10

struct hi_private_folder {
	char *path;
	int fd;      /* the folder itself, locked while the session lives */
	bool shared; /* with a host that does not reach what is elsewhere */
	gid_t group; /* of it, or of ours */
	bool kept;
	bool kept_used;
};

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

size_t hi_private_folder_has(const char *path)
{
	const char *end = strrchr(path, '/');
	char *HI_FREE folder = end ? strndup(path, (size_t)(end - path)) : NULL;
	char *name = folder ? strrchr(folder, '/') : NULL;

	if (!name)
		return 0;
	*name++ = '\0';
	if (hi_private_folder_is_made(name))
		return (size_t)(end - path);
	end = strrchr(folder, '/');
	return end && strcmp(end, "/hotinject") == 0 &&
			       name[strspn(name, "0123456789")] == '\0' ?
		       (size_t)(name - folder) + strlen(name) :
		       0;
}

/*
 * Lock and mark a folder that was made just now. -1 when the sweep of another start
 * was quicker. Where there are no locks (ENOLCK, EOPNOTSUPP) the sweep does nothing
 * either.
 */
static int occupy(const char *path, int *ret_fd)
{
	int HI_CLOSE fd = hi_private_folder_lock(path);
	int HI_CLOSE mark = -1;

	if (fd < 0 && errno != EWOULDBLOCK)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	mark = openat(fd, HI_FOLDER_MARK,
		      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (mark < 0) {
		rmdir(path);
		return -1;
	}
	*ret_fd = hi_take_fd(&fd);
	return 0;
}

/* $XDG_RUNTIME_DIR/hotinject/PID, or NULL where that is not to be had. */
static char *make_in_runtime_folder(int *ret_fd)
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
	hi_private_folder_sweep_in(parent, false);
	/* Whoever had our process number before is dead, or is in another PID
	   namespace and holds the lock. */
	if (mkdir(path, 0700) < 0 && errno == EEXIST) {
		int HI_CLOSE fd = hi_private_folder_lock(path);

		if (fd >= 0 && !hi_private_folder_find_process(path))
			hi_private_folder_remove(path, fd);
		if (mkdir(path, 0700) < 0)
			return NULL;
	}
	return occupy(path, ret_fd) == 0 ? hi_take_ptr(&path) : NULL;
}

static char *make_in(const char *parent, int *ret_fd)
{
	if (!parent || parent[0] != '/' || !may_hold_code(parent))
		return NULL;
	hi_private_folder_sweep_in(parent, true);
	for (int i = 0; i < TRIES_MAX; i++) {
		char *HI_FREE path = NULL;

		if (asprintf(&path, "%s/" HI_FOLDER_MADE, parent) < 0 ||
		    !mkdtemp(path))
			return NULL;
		if (occupy(path, ret_fd) == 0)
			return hi_take_ptr(&path);
	}
	return NULL;
}

/* Takes PATH and FD. */
static int wrap(char *path, int fd, struct hi_private_folder **ret_folder,
		struct hi_err *err)
{
	struct hi_private_folder *folder = calloc(1, sizeof(*folder));

	if (!folder) {
		hi_private_folder_remove(path, fd);
		free(path);
		close(fd);
		return hi_fail(err, HI_E_NOMEM, "out of memory at the start");
	}
	folder->fd = fd;
	folder->path = path;
	*ret_folder = folder;
	return 0;
}

/* What process PID can reach, too. */
static char *make_for(pid_t pid, int *ret_fd)
{
	static const char *const parents[] = { "/tmp", "/var/tmp", "/dev/shm",
					       "/run" };
	bool apart = hi_reach_is_apart(pid);
	char root[64], *path = NULL;

	snprintf(root, sizeof(root), "/proc/%d/root", pid);
	for (size_t i = 0; !path && i < sizeof(parents) / sizeof(*parents);
	     i++) {
		char *HI_FREE parent = NULL;

		if (asprintf(&parent, "%s%s", apart ? root : "", parents[i]) <
		    0)
			parent = NULL;
		path = make_in(parent, ret_fd);
	}
	return path;
}

int hi_private_folder_new_for(pid_t pid, struct hi_private_folder **ret_folder,
			      struct hi_err *err)
{
	bool apart = hi_reach_is_apart(pid);
	int HI_CLOSE fd = -1;
	char *HI_FREE path = NULL;
	gid_t group = getegid();
	bool shared = hi_reach_is_other_user(pid, &group);
	int code;

	if (!apart && !shared)
		return hi_private_folder_new(ret_folder, err);
	path = make_for(pid, &fd);
	if (!path || (shared && (fchown(fd, (uid_t)-1, group) < 0 ||
				 fchmod(fd, 0710) < 0))) {
		hi_fail(err, HI_E_RIGHTS,
			"process %d has %s, and there is no folder for the "
			"worker's copies that it can reach and hotinject can "
			"write: neither its /tmp, /var/tmp, /dev/shm nor /run",
			pid,
			apart ? "a root folder or mounts of its own" :
				"another user");
		if (path)
			hi_private_folder_remove(path, fd);
		return HI_E_RIGHTS;
	}
	code = wrap(hi_take_ptr(&path), hi_take_fd(&fd), ret_folder, err);
	if (code == 0) {
		(*ret_folder)->shared = true;
		(*ret_folder)->group = group;
	}
	return code;
}

int hi_private_folder_new(struct hi_private_folder **ret_folder,
			  struct hi_err *err)
{
	const char *const parents[] = { getenv("TMPDIR"), "/tmp", "/var/tmp" };
	int HI_CLOSE fd = -1;
	char *HI_FREE path = make_in_runtime_folder(&fd);

	for (size_t i = 0; !path && i < sizeof(parents) / sizeof(*parents); i++)
		path = make_in(parents[i], &fd);
	if (!path) {
		hi_fail(err, HI_E_SYS,
			"no folder for the worker's copies: neither "
			"$XDG_RUNTIME_DIR, $TMPDIR, /tmp nor /var/tmp is "
			"writable and allows code");
		hi_err_hint(err, "set TMPDIR to a folder that is writable and "
				 "not mounted noexec");
		return HI_E_SYS;
	}
	return wrap(hi_take_ptr(&path), hi_take_fd(&fd), ret_folder, err);
}

bool hi_private_folder_is_shared(const struct hi_private_folder *folder)
{
	return folder->shared;
}

void hi_private_folder_share(const struct hi_private_folder *folder, int fd)
{
	if (folder->shared && fchown(fd, (uid_t)-1, folder->group) == 0)
		(void)!fchmod(fd, 0750);
}

void hi_private_folder_free(struct hi_private_folder *folder)
{
	int HI_CLOSE fd = -1;

	if (!folder)
		return;
	/* processes that were forked meanwhile still hold the lock */
	close(folder->fd);
	fd = hi_private_folder_lock(folder->path);
	if (fd < 0 && errno != EWOULDBLOCK)
		fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && !folder->kept &&
	    !(folder->kept_used &&
	      hi_private_folder_find_process(folder->path)))
		hi_private_folder_remove(folder->path, fd);
	free(folder->path);
	free(folder);
}

void hi_private_folder_keep(struct hi_private_folder *folder)
{
	folder->kept = true;
}

void hi_private_folder_keep_used(struct hi_private_folder *folder)
{
	folder->kept_used = true;
}

const char *hi_private_folder_get_path(const struct hi_private_folder *folder)
{
	return folder->path;
}
