#include "injector/imprint.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/apply.h"

#define PAGE      4096UL
#define RUN_MAX   (256UL << 10)
#define BATCH_MAX 512

/* Whether the write is to text that the host shows from the file. */
static bool is_text(const struct hi_build *build, const struct hi_write *write)
{
	const struct hi_image_header *header =
		hi_image_get_header(build->image);
	uint64_t at = write->to_remote - build->base_remote;

	/* ld.so has written to text with DT_TEXTREL: no longer the file's */
	if (build->number == 1 || header->textrel)
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
}

/* Where in the file the host's ADDRESS_REMOTE is; false: in no segment. */
static bool find_offset(const struct hi_build *build, uint64_t address_remote,
			size_t len, uint64_t *ret_offset)
{
	size_t file_len;
	const uint8_t *file = hi_image_get_file(build->image, &file_len);
	const uint8_t *bytes = hi_image_find_bytes(
		build->image, address_remote - build->base_remote, len);

	if (bytes)
		*ret_offset = (uint64_t)(bytes - file);
	return bytes != NULL;
}

static uint64_t end_of(const struct hi_write *write)
{
	return write->to_remote + write->len;
}

/*
 * The writes from AT on that go into one pwrite(2): none has more than a page to the
 * next, and one segment holds them.
 */
static size_t find_run(const struct hi_build *build, const struct hi_plan *text,
		       size_t at, uint64_t *ret_offset, size_t *ret_len)
{
	const struct hi_write *writes = text->writes;
	uint64_t start = writes[at].to_remote;
	size_t n = 0;

	while (at + n < text->n_writes) {
		uint64_t end = end_of(&writes[at + n]);

		if (n > 0 && (writes[at + n].to_remote >
				      writes[at + n - 1].to_remote + PAGE ||
			      end - start > RUN_MAX))
			break;
		if (!find_offset(build, start, end - start, ret_offset))
			break;
		*ret_len = end - start;
		n++;
	}
	return n;
}

static int transfer(int fd, unsigned char *run, size_t len, uint64_t offset,
		    bool out)
{
	ssize_t n;

	do
		n = out ? pwrite(fd, run, len, (off_t)offset) :
			  pread(fd, run, len, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)len ? 0 : -1;
}

/* All of TEXT into the file, forwards or back. -1: it cannot be done. */
static int write_file(const struct hi_build *build, const struct hi_plan *text,
		      bool back)
{
	unsigned char *HI_FREE run = malloc(RUN_MAX);
	int HI_CLOSE fd = open(build->path, O_RDWR | O_CLOEXEC);
	size_t at = 0;

	if (!run || fd < 0)
		return -1;
	while (at < text->n_writes) {
		uint64_t offset = 0, start = text->writes[at].to_remote;
		size_t len = 0;
		size_t n = find_run(build, text, at, &offset, &len);

		if (n == 0 || transfer(fd, run, len, offset, false) < 0 ||
		    hi_image_keep(build->image, offset, len, NULL) < 0)
			return -1;
		for (size_t i = at; i < at + n; i++) {
			const struct hi_write *write = &text->writes[i];

			memcpy(run + (write->to_remote - start),
			       back ? write->before : write->bytes, write->len);
		}
		if (transfer(fd, run, len, offset, true) < 0)
			return -1;
		at += n;
	}
	return 0;
}

/* Whether the host shows these writes. */
static bool is_seen(const struct hi_host *host,
		    const struct hi_write *const *writes, size_t n)
{
	unsigned char now[BATCH_MAX * HI_WRITE_MAX];
	struct iovec there[BATCH_MAX], here = { now, 0 };
	const unsigned char *at = now;

	for (size_t i = 0; i < n; i++) {
		there[i].iov_base = (void *)writes[i]->to_remote;
		there[i].iov_len = writes[i]->len;
		here.iov_len += writes[i]->len;
	}
	if (n && process_vm_readv(host->pid, &here, 1, there, n, 0) !=
			 (ssize_t)here.iov_len)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (memcmp(at, writes[i]->bytes, writes[i]->len) != 0)
			return false;
		at += writes[i]->len;
	}
	return true;
}

/* A page is the file's or the host's own as a whole: one write of each. */
static bool shows_file(const struct hi_host *host, const struct hi_plan *text)
{
	const struct hi_write *probes[BATCH_MAX];
	uint64_t last = 0;
	size_t n = 0;

	for (size_t i = 0; i < text->n_writes; i++) {
		const struct hi_write *write = &text->writes[i];
		uint64_t page = (end_of(write) - 1) / PAGE;

		if (page == last)
			continue;
		last = page;
		probes[n++] = write;
		if (n < BATCH_MAX)
			continue;
		if (!is_seen(host, probes, n))
			return false;
		n = 0;
	}
	return is_seen(host, probes, n);
}

static int write_text(const struct hi_host *host, const struct hi_build *build,
		      const struct hi_plan *text, struct hi_err *err)
{
	int code;

	if (!text->failed && text->n_writes == 0)
		return 0;
	if (!text->failed && write_file(build, text, false) == 0 &&
	    shows_file(host, text))
		return 0;
	code = hi_apply(host, text, err);
	if (code < 0)
		(void)!write_file(build, text, true);
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
