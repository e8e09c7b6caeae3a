/*
 * libFuzzer: whatever text stands in a baseline's place is read or refused; what was
 * read is written so that it reads the same again.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "elfscan/baseline.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct hi_model *model = NULL, *again = NULL;
	struct hi_buf text = HI_BUF_INIT, twice = HI_BUF_INIT;

	if (hi_baseline_read((const char *)bytes, len, "baseline", &model,
			     NULL) < 0)
		return 0;
	hi_baseline_write(model, &text);
	if (hi_baseline_read(hi_buf_str(&text), text.len, "baseline", &again,
			     NULL) < 0)
		__builtin_trap();
	hi_baseline_write(again, &twice);
	if (strcmp(hi_buf_str(&text), hi_buf_str(&twice)) != 0)
		__builtin_trap();
	hi_buf_done(&text);
	hi_buf_done(&twice);
	hi_model_free(model);
	hi_model_free(again);
	return 0;
}
