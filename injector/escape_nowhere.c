/*
 * The last instruction of a function may be a jump: to a function of a library, or to
 * where nothing is. No frame of it is left then; what its caller has called tells who it
 * was.
 */
#include <string.h>

#include "injector/escape_parts.h"
#include "injector/remote.h"

#define CALL_LEN 5 /* call rel32 */
#define SLOT_LEN 6 /* call *slot(%rip), jmp *slot(%rip) */

static int32_t get32(const uint8_t *at)
{
	int32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* What the word at [rip + DISTANCE] holds, or 0. */
static uint64_t read_slot(const struct hi_host *host, uint64_t next,
			  int32_t distance)
{
	uint64_t value = 0;

	(void)!hi_remote_read(host, next + (uint64_t)(int64_t)distance, &value,
			      sizeof(value), NULL);
	return value;
}

/* Through a stub of the procedure linkage table, if there is one. */
static uint64_t follow_stub(const struct hi_host *host, uint64_t at)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	uint8_t code[sizeof(endbr64) + 1 + SLOT_LEN];
	size_t skip = 0;

	if (hi_remote_read(host, at, code, sizeof(code), NULL) < 0)
		return 0;
	if (memcmp(code, endbr64, sizeof(endbr64)) == 0)
		skip = sizeof(endbr64);
	skip += code[skip] == 0xf2; /* bnd */
	if (code[skip] != 0xff || code[skip + 1] != 0x25)
		return at;
	return read_slot(host, at + skip + SLOT_LEN, get32(code + skip + 2));
}

/* What the call before the return address BACK has called, or 0. */
static uint64_t find_called(const struct hi_host *host, uint64_t back)
{
	uint8_t code[SLOT_LEN];

	if (hi_remote_read(host, back - SLOT_LEN, code, sizeof(code), NULL) < 0)
		return 0;
	if (code[0] == 0xff && code[1] == 0x15)
		return read_slot(host, back, get32(code + 2));
	if (code[SLOT_LEN - CALL_LEN] != 0xe8)
		return 0;
	return follow_stub(host, back + (uint64_t)(int64_t)get32(code + 2));
}

static const struct hi_function *find_function(const struct hi_worker *worker,
					       uint64_t called)
{
	for (size_t i = 0; i < worker->n_functions; i++) {
		const struct hi_function *function = worker->functions[i];

		if (function->current &&
		    (function->slot.trampoline_remote == called ||
		     function->home_remote == called))
			return function;
	}
	return NULL;
}

bool hi_escape_add_jumped(const struct hi_host *host,
			  struct hi_worker *const *workers, size_t n_workers,
			  uint64_t back, struct hi_escape *escape)
{
	uint64_t called = find_called(host, back);

	for (size_t i = 0; called && i < n_workers; i++) {
		const struct hi_function *function =
			find_function(workers[i], called);

		if (!function)
			continue;
		escape->worker = workers[i];
		escape->build = function->current;
		escape->entered_pc = function->current_remote;
		escape->innermost =
			(struct hi_escape_frame){ function->current_remote,
						  function->current };
		if (escape->n_frames < HI_ESCAPE_FRAMES)
			escape->frames[escape->n_frames] = escape->innermost;
		escape->n_frames++;
		escape->has_jumped = true;
		return true;
	}
	return false;
}

bool hi_escape_from_nowhere(const struct hi_host *host,
			    struct hi_worker *const *workers, size_t n_workers,
			    const struct user_regs_struct *regs,
			    struct hi_escape *ret_escape)
{
	struct hi_escape escape = { .regs = *regs };

	if (hi_remote_read(host, regs->rsp, &escape.regs.rip, 8, NULL) < 0)
		return false;
	escape.regs.rsp += 8;
	if (!hi_escape_add_jumped(host, workers, n_workers, escape.regs.rip,
				  &escape))
		return false;
	*ret_escape = escape;
	return true;
}
