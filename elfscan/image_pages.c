#include "elfscan/image.h"

#include <stdint.h>
#include <sys/mman.h>

#include "elfscan/image_parts.h"

/* A page of a private mapping is the mapping's own once it has been written. */
static void touch(uint8_t *page)
{
	volatile uint8_t *byte = page;

	*byte = *byte;
}

int hi_image_keep(struct hi_image *image, uint64_t file_offset, size_t len,
		  struct hi_err *err)
{
	uint8_t *file = (uint8_t *)image->file;
	uint64_t first = file_offset & -(uint64_t)HI_PAGE_LEN;

	if (!hi_inside(file_offset, len, image->file_len))
		return hi_fail(err, HI_E_INTERNAL, "%s has no such bytes",
			       image->name);
	/* all of it: parts with other rights would each be a mapping */
	if (mprotect(file, image->file_len, PROT_READ | PROT_WRITE) < 0)
		return hi_fail_sys(err, "%s cannot be kept in memory",
				   image->name);
	for (uint64_t at = first; at < file_offset + len; at += HI_PAGE_LEN)
		touch(file + at);
	if (mprotect(file, image->file_len, PROT_READ) < 0)
		return hi_fail_sys(err, "%s cannot be protected", image->name);
	return 0;
}

void hi_image_rest(struct hi_image *image)
{
	/* what cannot be given back merely stays */
	(void)madvise((void *)image->file, image->file_len, MADV_DONTNEED);
}
