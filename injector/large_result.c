#include "injector/large_result.h"

#include <stdlib.h>

#include "common/own.h"
#include "elfscan/callsite.h"
#include "injector/remote.h"

/* Of a caller: what is longer is not looked at from its entry on. */
#define CALLER_MAX (64UL << 10)
/* Of one whose entry is not known: before and behind the return address. */
#define AROUND     64
#define RESULT_MAX (1UL << 20)

static uint64_t get_register(const struct user_regs_struct *regs, uint8_t base)
{
	switch (base) {
	case 3:
		return regs->rbx;
	case 4:
		return regs->rsp;
	case 5:
		return regs->rbp;
	case 12:
		return regs->r12;
	case 13:
		return regs->r13;
	case 14:
		return regs->r14;
	default:
		return regs->r15;
	}
}

/* The caller's code, whole if its symbol tells where that is. */
static int read_caller(const struct hi_host *host, struct hi_unwinder *unwinder,
		       uint64_t returns_remote, struct hi_callsite_code *code,
		       uint8_t **ret_bytes)
{
	uint64_t start = 0, len = 0;

	code->from_entry = hi_unwinder_get_extent(unwinder, returns_remote - 1,
						  &start, &len) &&
			   len <= CALLER_MAX;
	if (!code->from_entry) {
		start = returns_remote - AROUND;
		len = AROUND;
	}
	code->len = len;
	code->returns = returns_remote - start;
	*ret_bytes = malloc(len);
	code->bytes = *ret_bytes;
	if (!*ret_bytes || code->returns > len)
		return HI_E_HOST;
	return hi_remote_read(host, start, *ret_bytes, len, NULL);
}

static int clear(const struct hi_host *host, uint64_t at, size_t size)
{
	uint8_t *HI_FREE zeros = calloc(size, 1);

	return zeros ? hi_remote_write(host, at, zeros, size, NULL) :
		       HI_E_NOMEM;
}

uint64_t hi_large_result_clear(const struct hi_host *host,
			       struct hi_unwinder *unwinder,
			       const struct user_regs_struct *regs, size_t size)
{
	struct hi_callsite_code code = { .bytes = NULL };
	struct hi_decoder *decoder = NULL;
	struct hi_callsite site;
	uint8_t *HI_FREE bytes = NULL;
	uint64_t at = 0;

	if (size == 0 || size > RESULT_MAX ||
	    read_caller(host, unwinder, regs->rip, &code, &bytes) < 0 ||
	    hi_decoder_new(&decoder, NULL) < 0)
		return 0;
	if (hi_callsite_find(decoder, &code, &site)) {
		at = get_register(regs, site.base) +
		     (uint64_t)site.displacement;
		if (site.is_load && hi_remote_read(host, at, &at, 8, NULL) < 0)
			at = 0;
	}
	hi_decoder_free(decoder);
	/* memory may have been changed since */
	if (at && code.from_entry && !site.is_load && clear(host, at, size) < 0)
		at = 0;
	return at;
}
