#include "injector/record_was.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/own.h"
#include "injector/record_parts.h"

#define PIECE 64UL /* the unit that is compared */
#define CHUNK (64UL << 10)

static char *make_name(const char *path)
{
	char *name;

	return asprintf(&name, "%s.was", path) < 0 ? NULL : name;
}

/* Add to WAS what of BYTES, which are at AT of the file, NOW differs from. */
static void compare(struct hi_buf *was, const uint8_t *bytes,
		    const uint8_t *now, uint64_t at, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint64_t head[2] = { at + i, 0 };

		while (i < len) {
			size_t n = len - i < PIECE ? len - i : PIECE;

			if (memcmp(bytes + i, now + i, n) == 0)
				break;
			head[1] += n;
			i += n;
		}
		if (head[1]) {
			hi_buf_add(was, head, sizeof(head));
			hi_buf_add(was, bytes + (head[0] - at), head[1]);
		} else {
			i += PIECE;
		}
	}
}

/* Only the part that ld.so maps is ever written to. */
static int find_differences(const struct hi_build *build, struct hi_buf *was,
			    struct hi_err *err)
{
	size_t file_len, len = build->content.mapped_len;
	const uint8_t *bytes = hi_image_get_file(build->image, &file_len);
	uint8_t *HI_FREE now = malloc(CHUNK);
	int HI_CLOSE fd = open(build->path, O_RDONLY | O_CLOEXEC);

	if (!now)
		return hi_fail(err, HI_E_NOMEM, "no memory for the record");
	len = len && len < file_len ? len : file_len;
	for (size_t at = 0; at < len; at += CHUNK) {
		size_t n = len - at < CHUNK ? len - at : CHUNK;

		if (fd < 0 || pread(fd, now, n, (off_t)at) != (ssize_t)n)
			return hi_fail_sys(err, "reading %s", build->path);
		compare(was, bytes + at, now, at, n);
	}
	return was->failed ?
		       hi_fail(err, HI_E_NOMEM, "no memory for the record") :
		       0;
}

int hi_record_keep_was(const struct hi_build *build, struct hi_err *err)
{
	struct hi_buf was = HI_BUF_INIT;
	char *HI_FREE name = make_name(build->path);
	int HI_CLOSE fd = name ? open(name,
				      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				      0600) :
				 -1;
	int code;

	/* of a build that was taken up, from an earlier time */
	if (name && fd < 0 && errno == EEXIST)
		return 0;
	code = fd < 0 ? hi_fail_sys(err, "making the record") :
			find_differences(build, &was, err);
	errno = ENOSPC; /* a part may be written without a word */
	if (code == 0 && write(fd, was.data, was.len) != (ssize_t)was.len)
		code = hi_fail_sys(err, "writing the record");
	hi_buf_done(&was);
	return code;
}

/* --- reading ------------------------------------------------------------------ */

static int put_back(uint8_t *bytes, size_t len, const char *path,
		    struct hi_err *err)
{
	char *HI_FREE name = make_name(path);
	int HI_CLOSE fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	uint64_t head[2];
	ssize_t n;

	if (fd < 0)
		return hi_fail_sys(err, "%s.was cannot be read", path);
	while ((n = read(fd, head, sizeof(head))) == sizeof(head))
		if (head[0] > len || head[1] > len - head[0] ||
		    read(fd, bytes + head[0], head[1]) != (ssize_t)head[1])
			return hi_fail(err, HI_E_HOST, "%s.was is damaged",
				       path);
	return n == 0 ? 0 : hi_fail(err, HI_E_HOST, "%s.was is damaged", path);
}

int hi_record_open_build(const char *path, const char *original,
			 unsigned int number, bool was_written,
			 struct hi_build **ret_build, struct hi_err *err)
{
	int HI_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *bytes;
	int code = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return hi_fail_sys(err, "%s cannot be read", path);
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return hi_fail_sys(err, "%s cannot be read", path);
	if (was_written)
		code = put_back(bytes, (size_t)st.st_size, path, err);
	if (code == 0 && mprotect(bytes, (size_t)st.st_size, PROT_READ) < 0)
		code = hi_fail_sys(err, "%s cannot be read", path);
	if (code < 0) {
		munmap(bytes, (size_t)st.st_size);
		return code;
	}
	return hi_build_open_bytes(path, bytes, (size_t)st.st_size, original,
				   number, ret_build, err);
}

/* As many bytes as there are, from one file to another. */
static bool copy_file(int from, int to, off_t len)
{
	off_t at = 0;

	while (at < len && sendfile(to, from, &at, (size_t)(len - at)) > 0)
		;
	return at == len;
}

static int put_back_in(int fd, const struct hi_build *build, size_t len,
		       struct hi_err *err)
{
	void *bytes =
		mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int code;

	if (bytes == MAP_FAILED)
		return hi_fail_sys(err, "%s cannot be read", build->path);
	code = put_back(bytes, len, build->path, err);
	munmap(bytes, len);
	return code;
}

int hi_record_open_was(const struct hi_build *build, struct hi_err *err)
{
	int HI_CLOSE from = open(build->path, O_RDONLY | O_CLOEXEC);
	int HI_CLOSE to = memfd_create("hotinject", MFD_CLOEXEC);
	struct stat st;
	int code = 0;

	if (from < 0 || to < 0 || fstat(from, &st) < 0 ||
	    !copy_file(from, to, st.st_size))
		return hi_fail_sys(err, "%s cannot be read", build->path);
	if (!hi_build_is_first(build))
		code = put_back_in(to, build, (size_t)st.st_size, err);
	return code < 0 ? code : hi_take_fd(&to);
}
