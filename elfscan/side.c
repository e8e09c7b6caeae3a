#include "elfscan/side.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/own.h"
#include "elfscan/baseline.h"
#include "elfscan/debuginfod.h"
#include "elfscan/model_new.h"

/* The first bytes tell a baseline from a library. */
#define HEAD_LEN 64

/* A baseline is text; one of this size is something else. */
#define BASELINE_MAX (1UL << 30)

static int read_all(int fd, char *bytes, size_t len, const char *path,
		    struct hi_err *err)
{
	size_t at = 0;

	while (at < len) {
		ssize_t got = pread(fd, bytes + at, len - at, (off_t)at);

		if (got < 0)
			return hi_fail_sys(err, "cannot read %s", path);
		if (got == 0)
			return hi_fail(err, HI_E_CUT,
				       "%s became shorter while it was read",
				       path);
		at += (size_t)got;
	}
	return 0;
}

static int read_baseline(int fd, const char *path, struct hi_library_side *side,
			 struct hi_err *err)
{
	struct stat stat;
	char *HI_FREE bytes = NULL;
	int code;

	if (fstat(fd, &stat) < 0)
		return hi_fail_sys(err, "cannot read %s", path);
	if ((size_t)stat.st_size > BASELINE_MAX)
		return hi_fail(err, HI_E_BADELF, "%s is too long", path);
	bytes = malloc((size_t)stat.st_size + 1);
	if (!bytes)
		return hi_fail(err, HI_E_NOMEM, "no memory for %s", path);
	code = read_all(fd, bytes, (size_t)stat.st_size, path, err);
	return code < 0 ? code :
			  hi_baseline_read(bytes, (size_t)stat.st_size, path,
					   &side->model, err);
}

static int open_library(const char *path, struct hi_library_side *side,
			struct hi_err *err)
{
	int code = hi_image_open(path, &side->image, err);

	if (code == 0)
		code = hi_image_set_fetch(side->image, hi_debuginfod_fetch,
					  err);
	if (code == 0)
		code = hi_symtab_new_exported(side->image, &side->symtab, err);
	if (code == 0)
		code = hi_model_new_from(side->image, side->symtab, NULL,
					 &side->model, err);
	return code;
}

int hi_side_open(const char *path, struct hi_library_side *ret_side,
		 struct hi_err *err)
{
	int HI_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[HEAD_LEN];
	ssize_t len;
	int code;

	*ret_side = (struct hi_library_side){ .path = path };
	if (fd < 0)
		return hi_fail_sys(err, "cannot open %s", path);
	len = pread(fd, head, sizeof(head), 0);
	if (len > 0 && hi_baseline_is(head, (size_t)len))
		code = read_baseline(fd, path, ret_side, err);
	else
		code = open_library(path, ret_side, err);
	if (code < 0)
		hi_side_done(ret_side);
	return code;
}

void hi_side_done(struct hi_library_side *side)
{
	hi_model_free(side->model);
	hi_symtab_free(side->symtab);
	hi_image_free(side->image);
	*side = (struct hi_library_side){ 0 };
}
