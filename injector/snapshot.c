#include "injector/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/own.h"
#include "injector/private_folder.h"

/* Copies of one number and name: workers of one name from several folders. */
#define SAME_NAME_MAX 100

struct hi_snapshots {
	struct hi_private_folder *folder;
};

int hi_snapshots_new(struct hi_snapshots **ret_snapshots, struct hi_err *err)
{
	struct hi_snapshots *snapshots = calloc(1, sizeof(*snapshots));
	int code;

	if (!snapshots)
		return hi_fail(err, HI_E_NOMEM, "out of memory at the start");
	code = hi_private_folder_new(&snapshots->folder, err);
	if (code < 0) {
		free(snapshots);
		return code;
	}
	*ret_snapshots = snapshots;
	return 0;
}

void hi_snapshots_free(struct hi_snapshots *snapshots)
{
	if (!snapshots)
		return;
	hi_private_folder_free(snapshots->folder);
	free(snapshots);
}

const char *hi_snapshots_get_folder(const struct hi_snapshots *snapshots)
{
	return hi_private_folder_get_path(snapshots->folder);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Where ".so" begins in NAME, or its end: "libz.so.1.2" -> ".so.1.2" */
static const char *find_suffix(const char *name)
{
	const char *suffix = name;

	while ((suffix = strstr(suffix, ".so"))) {
		if (suffix != name && (suffix[3] == '\0' || suffix[3] == '.'))
			return suffix;
		suffix += 3;
	}
	return name + strlen(name);
}

/* A file of NAME's pattern that did not exist; its descriptor. */
static int create_copy(const struct hi_snapshots *snapshots, const char *name,
		       unsigned int number, char **ret_path, struct hi_err *err)
{
	const char *folder = hi_snapshots_get_folder(snapshots);
	const char *suffix = find_suffix(name);
	int stem_len = (int)(suffix - name);

	for (int i = 0; i < SAME_NAME_MAX; i++) {
		char *HI_FREE path = NULL;
		char also[16] = "";
		int fd;

		if (i > 0)
			snprintf(also, sizeof(also), "-%d", i);
		if (asprintf(&path, "%s/%.*s.%u%s%s", folder, stem_len, name,
			     number, also, suffix) < 0) {
			path = NULL;
			hi_fail(err, HI_E_NOMEM,
				"out of memory for the copy of %s", name);
			return HI_E_NOMEM;
		}
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
		if (fd >= 0) {
			*ret_path = hi_take_ptr(&path);
			return fd;
		}
		if (errno != EEXIST)
			break;
	}
	hi_fail_sys(err, "%s cannot be copied to %s", name, folder);
	return HI_E_SYS;
}

static int open_source(const char *path, struct stat *ret_stat,
		       struct hi_err *err)
{
	const char *name = base_name(path);
	/* Without O_NONBLOCK the open of a FIFO waits for a writer. */
	int HI_CLOSE fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		hi_fail_sys(err, "%s cannot be read", name);
		if (err && err->sys_errno == EACCES)
			hi_err_hint(err, "give yourself the right to read %s",
				    path);
		return HI_E_SYS;
	}
	if (fstat(fd, ret_stat) < 0) {
		hi_fail_sys(err, "%s cannot be examined", name);
		return HI_E_SYS;
	}
	if (!S_ISREG(ret_stat->st_mode)) {
		bool is_folder = S_ISDIR(ret_stat->st_mode);

		hi_fail(err, HI_E_SYS, "%s is %s", name,
			is_folder ? "a directory" : "not a regular file");
		if (err)
			err->sys_errno = is_folder ? EISDIR : EINVAL;
		return HI_E_SYS;
	}
	return hi_take_fd(&fd);
}

/* Read and write from where the descriptors stand. -1 and errno. */
static int copy_by_hand(int source, int target)
{
	char block[1 << 16];
	ssize_t n_read;

	while ((n_read = read(source, block, sizeof(block))) != 0) {
		ssize_t done = 0;

		if (n_read < 0 && errno == EINTR)
			continue;
		if (n_read < 0)
			return -1;
		while (done < n_read) {
			ssize_t n = write(target, block + done,
					  (size_t)(n_read - done));

			if (n < 0 && errno != EINTR)
				return -1;
			done += n < 0 ? 0 : n;
		}
	}
	return 0;
}

/*
 * copy_file_range(2) is not for every pair of file systems and kernels, and
 * copies nothing from files that are made on reading; all that it leaves is
 * copied by hand. Real trouble (EIO, ENOSPC) shows there again.
 */
static int copy_bytes(int source, int target)
{
	ssize_t n;

	if (ioctl(target, FICLONE, source) == 0)
		return 0;
	do
		n = copy_file_range(source, NULL, target, NULL, 1U << 30, 0);
	while (n > 0 || (n < 0 && errno == EINTR));
	return copy_by_hand(source, target);
}

static bool is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The copy is private, so a mapping of it cannot lose its end meanwhile. */
static int hash_copy(int fd, struct hi_content *ret_content)
{
	struct stat stat;
	XXH128_hash_t hash;
	void *bytes = NULL;

	if (fstat(fd, &stat) < 0)
		return -1;
	if (stat.st_size > 0)
		bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ,
			     MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (bytes == MAP_FAILED)
		return -1;
	hash = XXH3_128bits(bytes, (size_t)stat.st_size);
	if (bytes)
		munmap(bytes, (size_t)stat.st_size);
	ret_content->len = (uint64_t)stat.st_size;
	ret_content->hash_high = hash.high64;
	ret_content->hash_low = hash.low64;
	return 0;
}

/* Fill TARGET from SOURCE, whose state was BEFORE; both belong to the caller. */
static int fill_copy(const struct hi_snapshots *snapshots, const char *name,
		     int source, const struct stat *before, int target,
		     struct hi_content *ret_content, struct hi_err *err)
{
	struct stat after;

	if (copy_bytes(source, target) < 0) {
		bool room = errno == ENOSPC || errno == EDQUOT;
		bool limit = errno == EFBIG;

		if (room || limit) {
			hi_fail_sys(err,
				    "%s cannot be copied to %s, where %lld "
				    "bytes are needed",
				    name, hi_snapshots_get_folder(snapshots),
				    (long long)before->st_size);
			hi_err_hint(err,
				    room ? "make room there, then build again" :
					   "raise the limit on the size of "
					   "files (ulimit -f)");
			return HI_E_SYS;
		}
		return hi_fail_sys(err, "%s cannot be copied to %s", name,
				   hi_snapshots_get_folder(snapshots));
	}
	if (fstat(source, &after) < 0)
		return hi_fail_sys(err, "%s cannot be examined", name);
	if (hash_copy(target, ret_content) < 0)
		return hi_fail_sys(err, "the copy of %s cannot be read", name);
	if (!is_unchanged(before, &after) ||
	    ret_content->len != (uint64_t)before->st_size)
		return hi_fail(err, HI_E_CUT, "%s changed while it was copied",
			       name);
	return 0;
}

int hi_snapshot_take(struct hi_snapshots *snapshots, const char *path,
		     unsigned int number, char **ret_path,
		     struct hi_content *ret_content, struct hi_err *err)
{
	const char *name = base_name(path);
	struct stat before;
	struct hi_content content;
	char *HI_FREE copy_path = NULL;
	int HI_CLOSE source = open_source(path, &before, err);
	int HI_CLOSE target = -1;
	int code;

	if (source < 0)
		return source;
	target = create_copy(snapshots, name, number, &copy_path, err);
	if (target < 0)
		return target;
	code = fill_copy(snapshots, name, source, &before, target, &content,
			 err);
	if (code < 0) {
		hi_snapshot_drop(snapshots, copy_path);
		return code;
	}
	*ret_path = hi_take_ptr(&copy_path);
	*ret_content = content;
	return 0;
}

void hi_snapshot_drop(struct hi_snapshots *snapshots, const char *path)
{
	(void)snapshots;
	unlink(path);
}

bool hi_content_equal(const struct hi_content *a, const struct hi_content *b)
{
	return a->len == b->len && a->hash_high == b->hash_high &&
	       a->hash_low == b->hash_low;
}
