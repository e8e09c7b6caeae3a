#include "injector/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/private_folder.h"
#include "injector/snapshot_parts.h"

/* Copies of one number and name: workers of one name from several folders, and builds
   that the user went back to. */
#define SAME_NAME_MAX 10000

struct hi_snapshots {
	struct hi_private_folder *folder;
};

int hi_snapshots_new_for(pid_t pid, struct hi_snapshots **ret_snapshots,
			 struct hi_err *err)
{
	struct hi_snapshots *snapshots = calloc(1, sizeof(*snapshots));
	int code;

	if (!snapshots)
		return hi_fail(err, HI_E_NOMEM, "out of memory at the start");
	code = pid ? hi_private_folder_new_for(pid, &snapshots->folder, err) :
		     hi_private_folder_new(&snapshots->folder, err);
	if (code < 0) {
		free(snapshots);
		return code;
	}
	*ret_snapshots = snapshots;
	return 0;
}

int hi_snapshots_new(struct hi_snapshots **ret_snapshots, struct hi_err *err)
{
	return hi_snapshots_new_for(0, ret_snapshots, err);
}

void hi_snapshots_free(struct hi_snapshots *snapshots)
{
	if (!snapshots)
		return;
	hi_private_folder_free(snapshots->folder);
	free(snapshots);
}

bool hi_snapshots_are_shared(const struct hi_snapshots *snapshots)
{
	return hi_private_folder_is_shared(snapshots->folder);
}

void hi_snapshots_keep(struct hi_snapshots *snapshots)
{
	hi_private_folder_keep(snapshots->folder);
}

void hi_snapshots_keep_used(struct hi_snapshots *snapshots)
{
	hi_private_folder_keep_used(snapshots->folder);
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
			hi_private_folder_share(snapshots->folder, fd);
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

char *hi_snapshots_add_file(struct hi_snapshots *snapshots, const char *path,
			    struct hi_err *err)
{
	const char *folder = hi_snapshots_get_folder(snapshots);
	char *HI_FREE copy = NULL;
	struct stat st;
	int HI_CLOSE from = open_source(path, &st, err);
	int HI_CLOSE to = -1;
	off_t at = 0;

	if (from < 0)
		return NULL;
	if (asprintf(&copy, "%s/%s", folder, base_name(path)) < 0)
		copy = NULL;
	if (copy)
		to = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	while (to >= 0 && at < st.st_size &&
	       sendfile(to, from, &at, (size_t)(st.st_size - at)) > 0)
		;
	if (to < 0 || at < st.st_size) {
		hi_fail_sys(err, "%s cannot be copied to %s", base_name(path),
			    folder);
		return NULL;
	}
	hi_private_folder_share(snapshots->folder, to);
	return hi_take_ptr(&copy);
}

/* FROM is taken; BEFORE is what fstat(2) says of it. */
static int begin(struct hi_snapshots *snapshots, int from,
		 const struct stat *before, const char *name,
		 unsigned int number, struct hi_snapshot **ret_snapshot,
		 struct hi_err *err)
{
	struct hi_snapshot *snapshot = NULL;
	char *HI_FREE copy_path = NULL;
	int HI_CLOSE source = from;
	int HI_CLOSE target = -1;
	int code;

	target = create_copy(snapshots, name, number, &copy_path, err);
	if (target < 0)
		return target;
	code = hi_snapshot_new(name, copy_path, hi_take_fd(&source), before,
			       hi_take_fd(&target), &snapshot, err);
	if (code == 0)
		code = hi_snapshot_copy_mapped(
			snapshot, hi_snapshots_get_folder(snapshots), err);
	if (code < 0) {
		hi_snapshot_cancel(snapshot);
		hi_snapshot_drop(snapshots, copy_path);
		return code;
	}
	*ret_snapshot = snapshot;
	return 0;
}

int hi_snapshot_begin(struct hi_snapshots *snapshots, const char *path,
		      unsigned int number, struct hi_snapshot **ret_snapshot,
		      struct hi_err *err)
{
	struct stat before;
	int source = open_source(path, &before, err);

	return source < 0 ? source :
			    begin(snapshots, source, &before, base_name(path),
				  number, ret_snapshot, err);
}

int hi_snapshot_begin_fd(struct hi_snapshots *snapshots, int fd,
			 const char *name, unsigned int number,
			 struct hi_snapshot **ret_snapshot, struct hi_err *err)
{
	struct stat before;

	if (fstat(fd, &before) < 0) {
		hi_fail_sys(err, "%s cannot be examined", name);
		close(fd);
		return HI_E_SYS;
	}
	return begin(snapshots, fd, &before, name, number, ret_snapshot, err);
}

int hi_snapshot_take(struct hi_snapshots *snapshots, const char *path,
		     unsigned int number, char **ret_path,
		     struct hi_content *ret_content, struct hi_err *err)
{
	struct hi_snapshot *snapshot;
	char *HI_FREE copy_path = NULL;
	int code = hi_snapshot_begin(snapshots, path, number, &snapshot, err);

	if (code < 0)
		return code;
	copy_path = strdup(hi_snapshot_get_path(snapshot));
	if (!copy_path)
		code = hi_fail(err, HI_E_NOMEM,
			       "out of memory for the copy of %s", path);
	if (code == 0)
		code = hi_snapshot_read_rest(snapshot, err);
	if (code < 0) {
		hi_snapshot_cancel(snapshot);
		return code;
	}
	code = hi_snapshot_end(snapshot, ret_content, err);
	if (code < 0 && copy_path)
		hi_snapshot_drop(snapshots, copy_path);
	else
		*ret_path = hi_take_ptr(&copy_path);
	return code;
}

void hi_snapshot_drop(struct hi_snapshots *snapshots, const char *path)
{
	(void)snapshots;
	unlink(path);
}

int hi_snapshot_is_same(struct hi_snapshot *snapshot, struct hi_snapshot *other,
			bool *ret_same, struct hi_err *err)
{
	struct hi_content content;
	int code = hi_snapshot_get_content(other, &content, err);

	return code < 0 ?
		       code :
		       hi_snapshot_is_known(snapshot, &content, ret_same, err);
}

bool hi_content_equal(const struct hi_content *a, const struct hi_content *b)
{
	return a->len == b->len && a->hash_high == b->hash_high &&
	       a->hash_low == b->hash_low;
}
