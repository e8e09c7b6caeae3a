#include "elfscan/image.h"

#include <stdint.h>
#include <sys/mman.h>

#include "elfscan/image_parts.h"

/*
 * A page of a private mapping is the mapping's own once it has been written.
 * Kernels before 5.14 do not know MADV_POPULATE_WRITE.
 */
static void make_own(uint8_t *pages, size_t len)
{
	if (madvise(pages, len, MADV_POPULATE_WRITE) == 0)
		return;
	for (size_t at = 0; at < len; at += HI_PAGE_LEN) {
		volatile uint8_t *byte = pages + at;
		uint8_t kept = *byte;

		*byte = kept;
	}
}

/* The pages of LEN bytes at FILE_OFFSET; how long they are together. */
static uint8_t *find_pages(const struct hi_image *image, uint64_t file_offset,
			   size_t *len)
{
	uint64_t before = file_offset % HI_PAGE_LEN;

	*len += before;
	return (uint8_t *)image->file + file_offset - before;
}

static int protect(const struct hi_image *image, uint8_t *pages, size_t len,
		   int rights, struct hi_err *err)
{
	if (mprotect(pages, len, rights) < 0)
		return hi_fail_sys(err, "%s cannot be kept in memory",
				   image->name);
	return 0;
}

int hi_image_keep(struct hi_image *image, uint64_t file_offset, size_t len,
		  struct hi_err *err)
{
	uint8_t *pages;
	int code;

	if (!hi_inside(file_offset, len, image->file_len))
		return hi_fail(err, HI_E_INTERNAL, "%s has no such bytes",
			       image->name);
	pages = find_pages(image, file_offset, &len);
	code = protect(image, pages, len, PROT_READ | PROT_WRITE, err);
	if (code < 0)
		return code;
	make_own(pages, len);
	return protect(image, pages, len, PROT_READ, err);
}

int hi_image_keep_ranges(struct hi_image *image, const struct hi_range *ranges,
			 size_t n, struct hi_err *err)
{
	uint64_t start = ranges[0].start;
	size_t len = ranges[n - 1].end - start;
	const uint8_t *bytes = hi_image_find_bytes(image, start, len);
	uint8_t *all;
	int code;

	if (!bytes)
		return hi_fail(err, HI_E_INTERNAL, "%s has no such bytes",
			       image->name);
	/* one change of rights: each could split the mapping for good */
	all = find_pages(image, (uint64_t)(bytes - image->file), &len);
	code = protect(image, all, len, PROT_READ | PROT_WRITE, err);
	if (code < 0)
		return code;
	for (size_t i = 0; i < n; i++) {
		size_t part = ranges[i].end - ranges[i].start;
		uint64_t at = (uint64_t)(bytes - image->file) +
			      (ranges[i].start - start);
		uint8_t *pages = find_pages(image, at, &part);

		make_own(pages, part);
	}
	return protect(image, all, len, PROT_READ, err);
}

void hi_image_rest(struct hi_image *image)
{
	/* what cannot be given back merely stays */
	(void)madvise((void *)image->file, image->file_len, MADV_DONTNEED);
}

void hi_image_rest_part(const struct hi_image *image, const uint8_t *from,
			const uint8_t *end)
{
	const uint8_t *file = image->file;
	size_t first, last;

	if (!image->is_mapped || from < file || end < from ||
	    end > file + image->file_len)
		return;
	first = ((size_t)(from - file) + HI_PAGE_LEN - 1) / HI_PAGE_LEN;
	last = (size_t)(end - file) / HI_PAGE_LEN;
	if (first < last)
		(void)madvise((void *)(file + first * HI_PAGE_LEN),
			      (last - first) * HI_PAGE_LEN, MADV_DONTNEED);
}
