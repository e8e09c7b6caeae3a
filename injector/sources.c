#include "injector/sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>
#include <xxhash.h>

#include "common/own.h"

#define MASK                                                        \
	(IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | \
	 IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK)
#define DEPTH_MAX 64
#define CHUNK     (64UL << 10)
#define RUNS_MAX  3 /* in so many on end only what a build makes changes */

struct folder {
	int wd; /* the key */
	char *path;
	UT_hash_handle hh;
};

struct file {
	char *path; /* the key */
	XXH64_hash_t content;
	unsigned int run,
		times; /* it changed so often in runs up to this one */
	UT_hash_handle hh;
};

struct hi_sources {
	int fd; /* inotify */
	struct folder *folders;
	struct file *files; /* that were seen to change */
	bool told;          /* that a new folder cannot be watched */
	bool changed;       /* to be told yet */
	unsigned int run;   /* of the build, that is under way, or 0 */
	char **roots;       /* the folders that were named */
	size_t n_roots;
};

bool hi_sources_is_source(const char *name)
{
	static const char *const ends[] = {
		/* C, C++, Objective-C, CUDA, assembler */
		".c", ".h", ".cc", ".hh", ".cpp", ".hpp", ".cxx", ".hxx",
		".c++", ".h++", ".inl", ".inc", ".ipp", ".tpp", ".cppm", ".ixx",
		".m", ".mm", ".cu", ".cuh", ".s", ".S", ".asm",
		/* other languages of which shared libraries are made */
		".rs", ".zig", ".nim", ".f", ".f90", ".pas", ".go", ".swift",
		".ld", ".map", ".def", ".y", ".l", ".proto", ".idl",
		/* what says how to build */
		".mk", ".cmake", ".build", ".toml", ".zon", ".bazel", ".pro"
	};
	static const char *const names[] = { "Makefile", "makefile",
					     "GNUmakefile", "CMakeLists.txt",
					     "meson.options" };
	const char *end = strrchr(name, '.');

	if (name[0] == '.')
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	for (size_t i = 0; end && i < sizeof(ends) / sizeof(*ends); i++)
		if (strcmp(end, ends[i]) == 0)
			return true;
	return false;
}

/* Not where builds keep what they make, nor what others have written. */
static bool is_looked_into(const char *name)
{
	static const char *const others[] = { "target", "node_modules",
					      "CMakeFiles", "zig-out",
					      "__pycache__" };

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (strcmp(name, others[i]) == 0)
			return false;
	return name[0] != '.';
}

/* --- what files hold ------------------------------------------------------------ */

static bool hash_file(const char *path, XXH64_hash_t *ret_content)
{
	int HI_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	XXH3_state_t *state = XXH3_createState();
	char *HI_FREE chunk = malloc(CHUNK);
	struct stat st;
	ssize_t len = -1;

	if (fd >= 0 && state && chunk && fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode) && XXH3_64bits_reset(state) == XXH_OK)
		while ((len = read(fd, chunk, CHUNK)) > 0)
			XXH3_64bits_update(state, chunk, (size_t)len);
	if (state)
		*ret_content = XXH3_64bits_digest(state);
	XXH3_freeState(state);
	return len == 0;
}

/* What is written while the build runs may be written by it. */
static bool is_made(const struct hi_sources *sources, struct file *file)
{
	if (!sources->run)
		file->times = 0;
	else if (file->run != sources->run)
		file->times = file->run + 1 == sources->run ? file->times + 1 :
							      1;
	file->run = sources->run;
	return file->times >= RUNS_MAX;
}

/* Whether the file is another than when it was looked at last; it may be gone again. */
static bool has_changed(struct hi_sources *sources, const char *path)
{
	struct file *file = NULL;
	XXH64_hash_t content;

	if (!hash_file(path, &content))
		return false;
	HASH_FIND_STR(sources->files, path, file);
	if (file) {
		if (file->content == content)
			return false;
		file->content = content;
		return !is_made(sources, file);
	}
	file = calloc(1, sizeof(*file));
	if (file)
		file->path = strdup(path);
	if (!file || !file->path) {
		free(file);
		return true;
	}
	file->content = content;
	(void)is_made(sources, file);
	HASH_ADD_KEYPTR(hh, sources->files, file->path, strlen(file->path),
			file);
	return true;
}

/* --- folders -------------------------------------------------------------------- */

static int fail_watch(const char *path, struct hi_err *err)
{
	int code = hi_fail_sys(err, "folder %s cannot be watched for --build",
			       path);

	if (err && err->sys_errno == ENOSPC)
		hi_err_hint(err, "raise fs.inotify.max_user_watches with "
				 "sysctl, or name fewer folders with --watch");
	return code;
}

/* Takes PATH. */
static int add_folder(struct hi_sources *sources, char *path,
		      struct hi_err *err)
{
	struct folder *folder = NULL;
	int wd = inotify_add_watch(sources->fd, path, MASK);

	if (wd < 0) {
		int saved = errno;
		int code = fail_watch(path, err);

		free(path);
		errno = saved;
		return code;
	}
	HASH_FIND_INT(sources->folders, &wd, folder);
	if (folder) {
		free(folder->path);
		folder->path = path;
		return 0;
	}
	folder = calloc(1, sizeof(*folder));
	if (!folder) {
		free(path);
		return hi_fail(err, HI_E_NOMEM, "no memory for folders");
	}
	folder->wd = wd;
	folder->path = path;
	HASH_ADD_INT(sources->folders, wd, folder);
	return 0;
}

static char *join(const char *folder, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

static bool is_folder(const char *path, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int add_tree(struct hi_sources *sources, const char *path,
		    unsigned int depth, bool *ret_changed, struct hi_err *err);

static int add_entry(struct hi_sources *sources, const char *folder,
		     const struct dirent *entry, unsigned int depth,
		     bool *ret_changed, struct hi_err *err)
{
	char *HI_FREE path = join(folder, entry->d_name);

	if (!path)
		return 0;
	if (is_folder(path, entry))
		return is_looked_into(entry->d_name) ?
			       add_tree(sources, path, depth + 1, ret_changed,
					err) :
			       0;
	/* of a folder that is new, everything is */
	if (ret_changed && hi_sources_is_source(entry->d_name))
		*ret_changed |= has_changed(sources, path);
	return 0;
}

/* RET_CHANGED is NULL for what is there at the start. */
static int add_tree(struct hi_sources *sources, const char *path,
		    unsigned int depth, bool *ret_changed, struct hi_err *err)
{
	char *copy = strdup(path);
	int code = copy ? add_folder(sources, copy, err) :
			  hi_fail(err, HI_E_NOMEM, "no memory for folders");
	struct dirent *entry;
	DIR *dir;

	if (code < 0)
		/* only want of room ends it; others may not be ours to read */
		return depth > 0 && errno != ENOSPC ? 0 : code;
	dir = depth < DEPTH_MAX ? opendir(path) : NULL;
	if (!dir)
		return 0;
	while (code == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			code = add_entry(sources, path, entry, depth,
					 ret_changed, err);
	closedir(dir);
	return code;
}

static void drop_folder(struct hi_sources *sources, struct folder *folder)
{
	HASH_DEL(sources->folders, folder);
	free(folder->path);
	free(folder);
}

/* It has gone elsewhere: what changes in it is not told of any more. */
static void drop_tree(struct hi_sources *sources, const char *path)
{
	struct folder *folder, *next;
	size_t len = strlen(path);

	HASH_ITER(hh, sources->folders, folder, next)
		if (strncmp(folder->path, path, len) == 0 &&
		    (folder->path[len] == '/' || !folder->path[len])) {
			inotify_rm_watch(sources->fd, folder->wd);
			drop_folder(sources, folder);
		}
}

/* --- news ------------------------------------------------------------------------ */

static int take_folder(struct hi_sources *sources, const char *path,
		       uint32_t mask, bool *ret_changed, struct hi_err *err)
{
	if (mask & IN_MOVED_FROM)
		drop_tree(sources, path);
	else if (mask & (IN_CREATE | IN_MOVED_TO))
		return add_tree(sources, path, 1, ret_changed, err);
	return 0;
}

static int take_event(struct hi_sources *sources,
		      const struct inotify_event *event, struct hi_err *err)
{
	struct folder *folder = NULL;
	char *HI_FREE path = NULL;

	HASH_FIND_INT(sources->folders, &event->wd, folder);
	if (folder && event->len)
		path = join(folder->path, event->name);
	if (folder && (event->mask & IN_IGNORED))
		drop_folder(sources, folder);
	if (!path)
		return 0;
	if (event->mask & IN_ISDIR)
		return is_looked_into(event->name) ?
			       take_folder(sources, path, event->mask,
					   &sources->changed, err) :
			       0;
	if ((event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) &&
	    hi_sources_is_source(event->name))
		sources->changed |= has_changed(sources, path);
	return 0;
}

/* The kernel has lost news: of any source, of any new folder. */
static int look_again(struct hi_sources *sources, struct hi_err *err)
{
	int code = 0;

	sources->changed = true;
	for (size_t i = 0; i < sources->n_roots && code == 0; i++)
		code = add_tree(sources, sources->roots[i], 1,
				&sources->changed, err);
	return code;
}

int hi_sources_read(struct hi_sources *sources, unsigned int run,
		    struct hi_err *err)
{
	_Alignas(struct inotify_event) char bytes[16384];
	bool failed = false, changed;
	ssize_t len;

	sources->run = run;
	while ((len = read(sources->fd, bytes, sizeof(bytes))) > 0)
		for (char *at = bytes; at < bytes + len;) {
			const struct inotify_event *event = (void *)at;
			struct hi_err *first = failed ? NULL : err;

			if ((event->mask & IN_Q_OVERFLOW ?
				     look_again(sources, first) :
				     take_event(sources, event, first)) < 0)
				failed = true;
			at += sizeof(*event) + event->len;
		}
	if (failed && !sources->told) {
		sources->told = true;
		return err->code;
	}
	changed = sources->changed;
	sources->changed = false;
	return changed;
}

/* --- start and end ---------------------------------------------------------------- */

int hi_sources_new(const char *const *folders, size_t n_folders,
		   struct hi_sources **ret_sources, struct hi_err *err)
{
	struct hi_sources *sources = calloc(1, sizeof(*sources));
	int code = 0;

	if (!sources)
		return hi_fail(err, HI_E_NOMEM, "no memory for folders");
	sources->roots = calloc(n_folders + 1, sizeof(*sources->roots));
	if (!sources->roots) {
		free(sources);
		return hi_fail(err, HI_E_NOMEM, "no memory for folders");
	}
	sources->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (sources->fd < 0)
		code = fail_watch(n_folders ? folders[0] : ".", err);
	for (size_t i = 0; i < n_folders && code == 0; i++) {
		/* the name may be that of a link, and the user may go elsewhere */
		char *HI_FREE path = realpath(folders[i], NULL);

		code = path ? add_tree(sources, path, 0, NULL, err) :
			      fail_watch(folders[i], err);
		if (code == 0)
			sources->roots[sources->n_roots++] = hi_take_ptr(&path);
	}
	if (code < 0) {
		hi_sources_free(sources);
		return code;
	}
	*ret_sources = sources;
	return 0;
}

void hi_sources_free(struct hi_sources *sources)
{
	struct folder *folder, *next_folder;
	struct file *file, *next_file;

	if (!sources)
		return;
	HASH_ITER(hh, sources->folders, folder, next_folder)
		drop_folder(sources, folder);
	HASH_ITER(hh, sources->files, file, next_file) {
		HASH_DEL(sources->files, file);
		free(file->path);
		free(file);
	}
	for (size_t i = 0; i < sources->n_roots; i++)
		free(sources->roots[i]);
	free(sources->roots);
	if (sources->fd >= 0)
		close(sources->fd);
	free(sources);
}

int hi_sources_get_fd(const struct hi_sources *sources)
{
	return sources->fd;
}
