/*
 * libFuzzer: whatever bytes stand in a library's place, elfscan ends with a sentence
 * or an interface.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "elfscan/baseline.h"
#include "elfscan/cleanup.h"
#include "elfscan/drift.h"
#include "elfscan/model_new.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* The middle of each function is where it may be left. */
static void leave(const struct hi_image *image, const struct hi_symtab *symtab)
{
	size_t n;
	const struct hi_symbol *all = hi_symtab_get_functions(symtab, &n);

	for (size_t i = 0; i < n; i++)
		(void)hi_cleanup_at(image, all[i].addr_link + all[i].size / 2);
}

/* Compare it with itself: nothing may be found. */
static void use(struct hi_image *image)
{
	struct hi_symtab *symtab = NULL;
	struct hi_model *model = NULL;
	struct hi_buf text = HI_BUF_INIT;
	struct hi_drift drift;

	if (hi_symtab_new(image, &symtab, NULL) == 0)
		leave(image, symtab);
	if (symtab &&
	    hi_model_new_from(image, symtab, NULL, &model, NULL) == 0) {
		hi_baseline_write(model, &text);
		if (hi_drift_find(model, model, NULL, &drift, NULL) == 0) {
			if (drift.n_findings)
				__builtin_trap();
			hi_drift_done(&drift);
		}
	}
	hi_buf_done(&text);
	hi_model_free(model);
	hi_symtab_free(symtab);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct hi_image *image = NULL;
	void *pages;

	if (!len)
		return 0;
	pages = mmap(NULL, len, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return 0;
	memcpy(pages, bytes, len);
	/* the pages are the image's, also on failure */
	if (hi_image_open_bytes(pages, len, "library.so", &image, NULL) == 0)
		use(image);
	hi_image_free(image);
	return 0;
}
