#include <elf.h>
#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "injector/snapshot_parts.h"

#define CHUNK (128UL << 10) /* what is read stays in the cache */

struct hi_snapshot {
	char *name; /* of the source, for sentences */
	char *path;
	pid_t maker; /* the process whose copy it is */
	const char *folder;
	int source, target;
	struct stat before;
	uint8_t *bytes;
	bool bytes_taken;
	size_t len;
	size_t mapped_len;           /* whole pages, or all: from the copy */
	struct hi_file_range unread; /* of the rest */
	bool cloned;                 /* all of it is in the copy */
	XXH3_state_t *state;         /* of the mapped part */
	struct hi_content content;
};

int hi_snapshot_new(const char *name, const char *path, int source,
		    const struct stat *before, int target,
		    struct hi_snapshot **ret_snapshot, struct hi_err *err)
{
	struct hi_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot) {
		close(source);
		close(target);
		return hi_fail(err, HI_E_NOMEM,
			       "out of memory for the copy of %s", name);
	}
	snapshot->source = source;
	snapshot->target = target;
	snapshot->maker = getpid();
	snapshot->before = *before;
	snapshot->len = (size_t)before->st_size;
	snapshot->name = strdup(name);
	snapshot->path = strdup(path);
	snapshot->state = XXH3_createState();
	if (!snapshot->name || !snapshot->path || !snapshot->state) {
		hi_snapshot_cancel(snapshot);
		return hi_fail(err, HI_E_NOMEM,
			       "out of memory for the copy of %s", name);
	}
	*ret_snapshot = snapshot;
	return 0;
}

static void release(struct hi_snapshot *snapshot)
{
	if (snapshot->bytes && !snapshot->bytes_taken)
		munmap(snapshot->bytes, snapshot->len);
	XXH3_freeState(snapshot->state);
	close(snapshot->source);
	close(snapshot->target);
	free(snapshot->name);
	free(snapshot->path);
	free(snapshot);
}

void hi_snapshot_cancel(struct hi_snapshot *snapshot)
{
	if (!snapshot)
		return;
	/* who took over a forked host has only come to know of it */
	if (snapshot->path && snapshot->maker == getpid())
		unlink(snapshot->path);
	release(snapshot);
}

const char *hi_snapshot_get_path(const struct hi_snapshot *snapshot)
{
	return snapshot->path;
}

uint8_t *hi_snapshot_take_bytes(struct hi_snapshot *snapshot, size_t *ret_len)
{
	snapshot->bytes_taken = true;
	*ret_len = snapshot->len;
	return snapshot->bytes;
}

static int changed(const struct hi_snapshot *snapshot, struct hi_err *err)
{
	return hi_fail(err, HI_E_CUT, "%s changed while it was copied",
		       snapshot->name);
}

/* Whether what was read so far is of one file. */
static int check_unchanged(const struct hi_snapshot *snapshot,
			   struct hi_err *err)
{
	const struct stat *before = &snapshot->before;
	struct stat after;

	if (fstat(snapshot->source, &after) < 0)
		return hi_fail_sys(err, "%s cannot be examined",
				   snapshot->name);
	if (before->st_size != after.st_size ||
	    before->st_mtim.tv_sec != after.st_mtim.tv_sec ||
	    before->st_mtim.tv_nsec != after.st_mtim.tv_nsec)
		return changed(snapshot, err);
	return 0;
}

static int refuse_copy(const struct hi_snapshot *snapshot, struct hi_err *err)
{
	bool room = errno == ENOSPC || errno == EDQUOT;
	bool limit = errno == EFBIG;

	if (!room && !limit)
		return hi_fail_sys(err, "%s cannot be copied to %s",
				   snapshot->name, snapshot->folder);
	hi_fail_sys(err,
		    "%s cannot be copied to %s, where %zu bytes are needed",
		    snapshot->name, snapshot->folder, snapshot->len);
	hi_err_hint(err, room ? "make room there, then build again" :
				"raise the limit on the size of files "
				"(ulimit -f)");
	return HI_E_SYS;
}

/* --- bytes --------------------------------------------------------------- */

/* The source's bytes from START to END; they end early when it was cut. */
static int read_range(const struct hi_snapshot *snapshot, uint8_t *to,
		      uint64_t start, uint64_t end, struct hi_err *err)
{
	while (start < end) {
		ssize_t n =
			pread(snapshot->source, to, end - start, (off_t)start);

		if (n == 0)
			return changed(snapshot, err);
		if (n < 0 && errno != EINTR)
			return hi_fail_sys(err, "%s cannot be read",
					   snapshot->name);
		start += n < 0 ? 0 : (uint64_t)n;
		to += n < 0 ? 0 : n;
	}
	return 0;
}

static int write_range(const struct hi_snapshot *snapshot, const uint8_t *from,
		       uint64_t start, uint64_t end, struct hi_err *err)
{
	while (start < end) {
		ssize_t n = pwrite(snapshot->target, from, end - start,
				   (off_t)start);

		if (n < 0 && errno != EINTR)
			return refuse_copy(snapshot, err);
		start += n < 0 ? 0 : (uint64_t)n;
		from += n < 0 ? 0 : n;
	}
	return 0;
}

static int copy_mapped(struct hi_snapshot *snapshot, struct hi_err *err)
{
	uint8_t *chunk = malloc(CHUNK);
	int code = 0;

	if (!chunk)
		return hi_fail(err, HI_E_NOMEM,
			       "out of memory for the copy of %s",
			       snapshot->name);
	XXH3_128bits_reset(snapshot->state);
	for (uint64_t at = 0; at < snapshot->mapped_len && code == 0;) {
		uint64_t end = at + CHUNK < snapshot->mapped_len ?
				       at + CHUNK :
				       snapshot->mapped_len;

		code = read_range(snapshot, chunk, at, end, err);
		if (code == 0)
			code = write_range(snapshot, chunk, at, end, err);
		if (code == 0)
			XXH3_128bits_update(snapshot->state, chunk, end - at);
		at = end;
	}
	free(chunk);
	return code;
}

/* --- steps --------------------------------------------------------------- */

/* Map the copy from START on over the memory. */
static bool map_copy(const struct hi_snapshot *snapshot, size_t start,
		     size_t end)
{
	void *at;

	if (start == end)
		return true;
	at = mmap(snapshot->bytes + start, end - start, PROT_READ,
		  MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, snapshot->target,
		  (off_t)start);
	return at != MAP_FAILED;
}

static int map_memory(struct hi_snapshot *snapshot, struct hi_err *err)
{
	void *bytes;

	if (!snapshot->len)
		return 0;
	bytes = mmap(NULL, snapshot->len, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bytes == MAP_FAILED)
		return hi_fail_sys(err, "%s cannot be mapped", snapshot->name);
	snapshot->bytes = bytes;
	/* one fault for all pages rather than one for each */
	(void)madvise(bytes, snapshot->len, MADV_HUGEPAGE);
	if (!map_copy(snapshot, 0, snapshot->mapped_len))
		return hi_fail_sys(err, "%s cannot be mapped", snapshot->name);
	return 0;
}

/* All that is to be read at once is known: do so. */
static int copy_parts(struct hi_snapshot *snapshot, const Elf64_Ehdr *ehdr,
		      struct hi_err *err)
{
	struct hi_file_range *late = &snapshot->unread;
	int code;

	if (snapshot->mapped_len < snapshot->len) {
		*late = hi_layout_find_late(snapshot->source, snapshot->len,
					    snapshot->mapped_len, ehdr);
		if (late->start == late->end)
			late->start = late->end = snapshot->len;
	}
	code = copy_mapped(snapshot, err);
	if (code == 0 && ftruncate(snapshot->target, (off_t)snapshot->len) < 0)
		code = refuse_copy(snapshot, err);
	if (code == 0)
		code = map_memory(snapshot, err);
	if (code < 0 || snapshot->mapped_len == snapshot->len)
		return code;
	code = read_range(snapshot, snapshot->bytes + snapshot->mapped_len,
			  snapshot->mapped_len, late->start, err);
	if (code == 0)
		code = read_range(snapshot, snapshot->bytes + late->end,
				  late->end, snapshot->len, err);
	return code;
}

/* The copy shares the file's blocks, all of them. */
static int map_clone(struct hi_snapshot *snapshot, struct hi_err *err)
{
	int code = map_memory(snapshot, err);

	if (code == 0 && !map_copy(snapshot, 0, snapshot->len))
		code = hi_fail_sys(err, "%s cannot be mapped", snapshot->name);
	if (code < 0)
		return code;
	XXH3_128bits_reset(snapshot->state);
	XXH3_128bits_update(snapshot->state, snapshot->bytes,
			    snapshot->mapped_len);
	return 0;
}

int hi_snapshot_copy_mapped(struct hi_snapshot *snapshot, const char *folder,
			    struct hi_err *err)
{
	Elf64_Ehdr ehdr = { 0 };
	int code = 0;

	snapshot->folder = folder;
	if (pread(snapshot->source, &ehdr, sizeof(ehdr), 0) == sizeof(ehdr))
		snapshot->mapped_len = hi_layout_find_mapped(
			snapshot->source, snapshot->len, &ehdr);
	if (!snapshot->mapped_len || snapshot->mapped_len > snapshot->len)
		snapshot->mapped_len = snapshot->len;
	snapshot->cloned = ioctl(snapshot->target, FICLONE, snapshot->source) ==
			   0;
	code = snapshot->cloned ? map_clone(snapshot, err) :
				  copy_parts(snapshot, &ehdr, err);
	if (code == 0)
		code = check_unchanged(snapshot, err);
	snapshot->content.len = snapshot->len;
	snapshot->content.mapped_len = snapshot->mapped_len;
	snapshot->content.mapped_hash =
		XXH3_128bits_digest(snapshot->state).low64;
	return code;
}

int hi_snapshot_read_rest(struct hi_snapshot *snapshot, struct hi_err *err)
{
	struct hi_file_range *late = &snapshot->unread;
	uint8_t *rest = snapshot->bytes + snapshot->mapped_len;
	size_t len = snapshot->len - snapshot->mapped_len;
	int code;

	if (late->start == late->end)
		return 0;
	/* hi_image_keep() may have protected it */
	if (mprotect(rest, len, PROT_READ | PROT_WRITE) < 0)
		return hi_fail_sys(err, "%s cannot be read", snapshot->name);
	code = read_range(snapshot, snapshot->bytes + late->start, late->start,
			  late->end, err);
	if (code == 0)
		code = check_unchanged(snapshot, err);
	late->start = late->end;
	return code;
}

/* The rest goes on where the hash of the mapped part ended. */
static void finish_hash(struct hi_snapshot *snapshot)
{
	XXH128_hash_t hash;

	XXH3_128bits_update(snapshot->state,
			    snapshot->bytes + snapshot->mapped_len,
			    snapshot->len - snapshot->mapped_len);
	hash = XXH3_128bits_digest(snapshot->state);
	snapshot->content.hash_high = hash.high64;
	snapshot->content.hash_low = hash.low64;
	XXH3_freeState(snapshot->state);
	snapshot->state = NULL;
}

/*
 * The copy does not have what is in memory from START on, so that the memory must
 * stay: hi_image_rest() would empty what is private.
 */
static void retain(const struct hi_snapshot *snapshot, size_t start)
{
	size_t len = snapshot->len - start;
	void *shared = mmap(NULL, len, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		return;
	memcpy(shared, snapshot->bytes + start, len);
	if (mremap(shared, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
		   snapshot->bytes + start) == MAP_FAILED)
		munmap(shared, len);
}

int hi_snapshot_end(struct hi_snapshot *snapshot,
		    struct hi_content *ret_content, struct hi_err *err)
{
	size_t start = snapshot->cloned ? snapshot->len : snapshot->mapped_len;
	int code = write_range(snapshot, snapshot->bytes + start, start,
			       snapshot->len, err);

	if (snapshot->state)
		finish_hash(snapshot);
	*ret_content = snapshot->content;
	if (code < 0 || !map_copy(snapshot, start, snapshot->len))
		retain(snapshot, start);
	release(snapshot);
	return code;
}

int hi_snapshot_get_content(struct hi_snapshot *snapshot,
			    struct hi_content *ret_content, struct hi_err *err)
{
	int code = hi_snapshot_read_rest(snapshot, err);

	if (code < 0)
		return code;
	if (snapshot->state)
		finish_hash(snapshot);
	*ret_content = snapshot->content;
	return 0;
}

int hi_snapshot_is_known(struct hi_snapshot *snapshot,
			 const struct hi_content *known, bool *ret_known,
			 struct hi_err *err)
{
	const struct hi_content *content = &snapshot->content;
	struct hi_content whole;
	int code;

	*ret_known = false;
	if (content->len != known->len ||
	    content->mapped_len != known->mapped_len ||
	    content->mapped_hash != known->mapped_hash)
		return 0;
	code = hi_snapshot_get_content(snapshot, &whole, err);
	if (code == 0)
		*ret_known = hi_content_equal(&whole, known);
	return code;
}
