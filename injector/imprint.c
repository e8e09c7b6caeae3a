#include "injector/imprint.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/apply.h"
#include "injector/remote.h"

#define PAGE    4096UL
#define RUN_MAX (256UL << 10)

/* Whether the write is to text that the host shows from the file. */
static bool is_text(const struct hi_build *build, const struct hi_write *write)
{
	const struct hi_image_header *header =
		hi_image_get_header(build->image);
	uint64_t at = write->to_remote - build->base_remote;

	/* ld.so has written to text with DT_TEXTREL: no longer the file's */
	if (hi_build_is_first(build) || header->textrel)
		return false;
	for (size_t i = 0; i < header->n_phdrs; i++) {
		const GElf_Phdr *phdr = &header->phdrs[i];

		if (phdr->p_type == PT_LOAD && !(phdr->p_flags & PF_W) &&
		    at >= phdr->p_vaddr &&
		    at + write->len <= phdr->p_vaddr + phdr->p_filesz)
			return true;
	}
	return false;
}

static void split(const struct hi_build *build, const struct hi_plan *plan,
		  struct hi_plan *text, struct hi_plan *rest)
{
	for (size_t i = 0; i < plan->n_writes; i++) {
		const struct hi_write *write = &plan->writes[i];

		hi_plan_add(is_text(build, write) ? text : rest,
			    write->to_remote, write->bytes, write->before,
			    write->len, write->code);
	}
	hi_plan_sort(text);
	hi_plan_sort(rest);
}

/*
 * Which writes go together: none has more than a page to the next. The places
 * in the file, link-time; as many as are returned.
 */
static size_t find_runs(const struct hi_build *build,
			const struct hi_plan *text, struct hi_range *runs)
{
	size_t n = 0;

	for (size_t i = 0; i < text->n_writes; i++) {
		const struct hi_write *write = &text->writes[i];
		uint64_t start = write->to_remote - build->base_remote;
		uint64_t end = start + write->len;

		if (n > 0 && start <= runs[n - 1].end + PAGE &&
		    end - runs[n - 1].start <= RUN_MAX) {
			runs[n - 1].end = end;
			continue;
		}
		runs[n].start = start;
		runs[n++].end = end;
	}
	return n;
}

static int transfer(int fd, unsigned char *bytes, size_t len, uint64_t offset,
		    bool out)
{
	ssize_t n;

	do
		n = out ? pwrite(fd, bytes, len, (off_t)offset) :
			  pread(fd, bytes, len, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)len ? 0 : -1;
}

/* Whether the host shows the N WRITES, which are in RUN; NOW has room for it. */
static bool is_seen(const struct hi_host *host, const struct hi_build *build,
		    const struct hi_range *run, const struct hi_write *writes,
		    size_t n, unsigned char *now)
{
	uint64_t start = build->base_remote + run->start;

	if (hi_remote_read(host, start, now, run->end - run->start, NULL) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (memcmp(now + (writes[i].to_remote - start), writes[i].bytes,
			   writes[i].len) != 0)
			return false;
	return true;
}

/*
 * The writes from *AT on that are in RUN, forwards, when HOST is to show them, or
 * back; *AT ends behind them.
 */
static int write_run(const struct hi_host *host, const struct hi_build *build,
		     const struct hi_plan *text, const struct hi_range *run,
		     int fd, size_t *at)
{
	size_t file_len, first = *at, len = run->end - run->start;
	const uint8_t *file = hi_image_get_file(build->image, &file_len);
	const uint8_t *place =
		hi_image_find_bytes(build->image, run->start, len);
	unsigned char *HI_FREE bytes = malloc(len);

	if (!bytes || !place ||
	    transfer(fd, bytes, len, (uint64_t)(place - file), false) < 0)
		return -1;
	for (; *at < text->n_writes; ++*at) {
		const struct hi_write *write = &text->writes[*at];
		uint64_t link = write->to_remote - build->base_remote;

		if (link >= run->end)
			break;
		memcpy(bytes + (link - run->start),
		       host ? write->bytes : write->before, write->len);
	}
	if (transfer(fd, bytes, len, (uint64_t)(place - file), true) < 0)
		return -1;
	return !host || is_seen(host, build, run, &text->writes[first],
				*at - first, bytes) ?
		       0 :
		       -1;
}

/* All of TEXT into the file, and to be seen by HOST; NULL: back. -1: it cannot be
   done. */
static int write_file(const struct hi_host *host, const struct hi_build *build,
		      const struct hi_plan *text)
{
	struct hi_range *HI_FREE runs = calloc(text->n_writes, sizeof(*runs));
	int HI_CLOSE fd = open(build->path, O_RDWR | O_CLOEXEC);
	size_t n, at = 0;

	if (!runs || fd < 0)
		return -1;
	n = find_runs(build, text, runs);
	if (hi_image_keep_ranges(build->image, runs, n, NULL) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (write_run(host, build, text, &runs[i], fd, &at) < 0)
			return -1;
	return 0;
}

static int write_text(const struct hi_host *host, const struct hi_build *build,
		      const struct hi_plan *text, struct hi_err *err)
{
	int code;

	if (!text->failed && text->n_writes == 0)
		return 0;
	if (!text->failed && write_file(host, build, text) == 0)
		return 0;
	code = hi_apply(host, text, err);
	if (code < 0)
		(void)!write_file(NULL, build, text);
	return code;
}

int hi_imprint(const struct hi_host *host, const struct hi_build *build,
	       const struct hi_plan *plan, struct hi_err *err)
{
	struct hi_plan text = HI_PLAN_INIT, rest = HI_PLAN_INIT;
	int code;

	if (plan->failed)
		return hi_apply(host, plan, err);
	split(build, plan, &text, &rest);
	code = hi_apply(host, &rest, err);
	if (code == 0) {
		code = write_text(host, build, &text, err);
		if (code < 0 && hi_apply_undo(host, &rest, NULL) < 0)
			hi_err_prefix(err, "not taken back: ");
	}
	hi_plan_done(&text);
	hi_plan_done(&rest);
	return code;
}
