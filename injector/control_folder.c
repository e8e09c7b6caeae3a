#include "injector/control_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/own.h"

#define SUFFIX ".socket"

/* --- the folder --------------------------------------------------------------- */

static bool is_own_folder(int fd, mode_t forbidden)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	       (st.st_mode & forbidden) == 0;
}

static int open_folder(int parent_fd, const char *name)
{
	return openat(parent_fd, name,
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* *RET_PATH is for sentences, where the folder cannot be had. */
static int open_place(bool make, char path[PATH_MAX])
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int HI_CLOSE parent = -1;
	char name[40];

	if (runtime && runtime[0] == '/')
		parent = open(runtime, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* the same for who asks and who is asked */
	if (is_own_folder(parent, 0) &&
	    faccessat(parent, ".", W_OK | X_OK, AT_EACCESS) == 0) {
		snprintf(name, sizeof(name), "hotinject");
		snprintf(path, PATH_MAX, "%s/%s", runtime, name);
	} else {
		if (parent >= 0)
			close(parent);
		parent = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		snprintf(name, sizeof(name), "hotinject-%u", geteuid());
		snprintf(path, PATH_MAX, "/tmp/%s", name);
	}
	if (make && mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -1;
	return open_folder(parent, name);
}

int hi_control_folder_open(bool make, int *ret_fd, struct hi_err *err)
{
	char path[PATH_MAX] = "";
	int HI_CLOSE fd = open_place(make, path);

	if (fd < 0 && errno == ENOENT && !make)
		return hi_fail(err, HI_E_GONE, "%s is not there", path);
	if (fd < 0)
		return hi_fail_sys(err, "opening the folder %s", path);
	if (!is_own_folder(fd, 0077)) {
		hi_fail(err, HI_E_RIGHTS,
			"%s is another user's, or open to others", path);
		hi_err_hint(err, "remove it, or set XDG_RUNTIME_DIR to a "
				 "folder of your own");
		return HI_E_RIGHTS;
	}
	*ret_fd = hi_take_fd(&fd);
	return 0;
}

void hi_control_folder_name(pid_t pid, char name[HI_CONTROL_NAME_MAX])
{
	snprintf(name, HI_CONTROL_NAME_MAX, "%d" SUFFIX, (int)pid);
}

void hi_control_folder_address(int folder_fd, const char *name,
			       struct sockaddr_un *ret_address)
{
	memset(ret_address, 0, sizeof(*ret_address));
	ret_address->sun_family = AF_UNIX;
	snprintf(ret_address->sun_path, sizeof(ret_address->sun_path),
		 "/proc/self/fd/%d/%s", folder_fd, name);
}

/* --- who is there ------------------------------------------------------------- */

bool hi_control_is_own(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       len == sizeof(peer) && peer.uid == geteuid();
}

static bool get_inode(int folder_fd, const char *name, ino_t *ret_inode)
{
	struct stat st;

	if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISSOCK(st.st_mode))
		return false;
	*ret_inode = st.st_ino;
	return true;
}

/* Nobody listens any more. Another session may have taken the name just now. */
static void sweep(int folder_fd, const char *name, ino_t inode)
{
	ino_t now;

	if (get_inode(folder_fd, name, &now) && now == inode)
		unlinkat(folder_fd, name, 0);
}

int hi_control_connect(int folder_fd, pid_t pid, int *ret_fd,
		       struct hi_err *err)
{
	int HI_CLOSE fd = socket(
		AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char name[HI_CONTROL_NAME_MAX];
	struct sockaddr_un address;
	ino_t inode = 0;

	hi_control_folder_name(pid, name);
	hi_control_folder_address(folder_fd, name, &address);
	if (fd < 0)
		return hi_fail_sys(err, "making a socket");
	if (!get_inode(folder_fd, name, &inode))
		return hi_fail(err, HI_E_GONE,
			       "no hotinject looks after process %d", pid);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == ECONNREFUSED)
			sweep(folder_fd, name, inode);
		if (errno == ECONNREFUSED || errno == ENOENT)
			return hi_fail(err, HI_E_GONE,
				       "no hotinject looks after process %d "
				       "any more",
				       pid);
		return hi_fail_sys(err,
				   "asking the hotinject that looks after "
				   "process %d",
				   pid);
	}
	if (!hi_control_is_own(fd))
		return hi_fail(err, HI_E_RIGHTS,
			       "the hotinject that looks after process %d is "
			       "another user's",
			       pid);
	*ret_fd = hi_take_fd(&fd);
	return 0;
}

/* The number in "4242.socket", or 0. */
static pid_t read_name(const char *name)
{
	char again[HI_CONTROL_NAME_MAX];
	long pid = strtol(name, NULL, 10);

	if (pid <= 0 || pid > INT_MAX)
		return 0;
	hi_control_folder_name((pid_t)pid, again);
	return strcmp(again, name) == 0 ? (pid_t)pid : 0;
}

static int compare(const void *a, const void *b)
{
	pid_t one = *(const pid_t *)a, other = *(const pid_t *)b;

	return (one > other) - (one < other);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

size_t hi_control_list(int folder_fd, pid_t **ret_pids)
{
	int again = open_folder(folder_fd, ".");
	DIR *HI_CLEANUP(close_dir) dir = again >= 0 ? fdopendir(again) : NULL;
	const struct dirent *entry;
	pid_t *pids = NULL;
	size_t n = 0;

	if (!dir && again >= 0)
		close(again);
	while (dir && (entry = readdir(dir))) {
		pid_t pid = read_name(entry->d_name);
		pid_t *more;
		int HI_CLOSE fd = -1;

		if (!pid ||
		    hi_control_connect(folder_fd, pid, &fd, NULL) == HI_E_GONE)
			continue;
		more = realloc(pids, (n + 1) * sizeof(*pids));
		if (!more)
			break;
		pids = more;
		pids[n++] = pid;
	}
	if (n > 1)
		qsort(pids, n, sizeof(*pids), compare);
	*ret_pids = pids;
	return n;
}
