#include "injector/hold.h"

#include <string.h>

#include "injector/freeze.h"
#include "injector/publish.h"

/* Code for SIZE bytes: the one that is there already, or the next. */
static int find_memory(const struct hi_host *host,
		       const struct hi_shim_place *place, size_t size,
		       uint64_t *ret_remote, struct hi_err *err)
{
	uint8_t code[HI_SHIM_HOLD_SIZES * HI_SHIM_HOLD_LEN];
	uint32_t wanted = (uint32_t)size, has;
	uint64_t start = place->shim.hold_memory_remote;
	int failed = hi_remote_read(host, start, code, sizeof(code), err);

	if (failed < 0)
		return failed;
	for (size_t i = 0; i < HI_SHIM_HOLD_SIZES; i++) {
		size_t at = i * HI_SHIM_HOLD_LEN;

		memcpy(&has, code + at + HI_SHIM_HOLD_SIZE_AT, sizeof(has));
		*ret_remote = start + at;
		if (has == wanted)
			return 0;
		if (has == 0)
			return hi_remote_poke(host,
					      start + at + HI_SHIM_HOLD_SIZE_AT,
					      &wanted, sizeof(wanted), err);
	}
	return hi_fail(err, HI_E_HOST, "too many functions are held");
}

static int find_code(const struct hi_host *host,
		     const struct hi_shim_place *place,
		     const struct hi_result *result, uint64_t *ret_remote,
		     struct hi_err *err)
{
	switch (result->kind) {
	case HI_RESULT_X87:
		*ret_remote = place->shim.hold_x87_remote;
		return 0;
	case HI_RESULT_X87_PAIR:
		*ret_remote = place->shim.hold_x87_pair_remote;
		return 0;
	case HI_RESULT_MEMORY:
		return find_memory(host, place, result->size, ret_remote, err);
	default:
		*ret_remote = place->shim.hold_registers_remote;
		return 0;
	}
}

int hi_hold(struct hi_function *function, const struct hi_host *host,
	    const struct hi_shim_place *place, const struct hi_result *result,
	    struct hi_err *err)
{
	uint64_t to = 0;
	int code = find_code(host, place, result, &to, err);

	if (code == 0)
		code = hi_remote_write(host, function->slot.slot_remote, &to,
				       sizeof(to), err);
	if (code == 0)
		function->held_remote = to;
	return code;
}

bool hi_hold_needs_home(const struct hi_function *function)
{
	return !function->patched && function->patchable;
}

int hi_hold_home(struct hi_worker *worker, struct hi_function *function,
		 struct hi_host *host, const struct hi_looker *looker,
		 struct hi_err *err)
{
	struct hi_publish publish;
	struct hi_freeze freeze;
	int code = hi_publish_prepare_home(function, host, &publish, err);

	if (code < 0)
		return code;
	code = hi_freeze(host, looker, &freeze, err);
	if (code == 0) {
		code = hi_publish_commit(&publish, worker, host, NULL, &freeze,
					 false, err);
		hi_thaw(host, &freeze);
		hi_freeze_done(&freeze);
	}
	hi_publish_done(&publish);
	return code;
}

/* Only while the home is what runs: otherwise a newer build needs it. False: it still
   leads to its slot. */
static bool restore_home(struct hi_function *function,
			 const struct hi_host *host)
{
	struct hi_build *home = function->home;
	struct hi_entry *entry;

	if (!function->patched || function->current != home)
		return true;
	if (!home->entries)
		return false;
	entry = &home->entries[hi_build_function_index(home, function->symbol)];
	if (hi_remote_poke(host, function->home_remote + function->jump_at,
			   entry->before, HI_JUMP_LEN, NULL) < 0)
		return false;
	entry->redirected = false;
	function->patched = false;
	return true;
}

void hi_hold_lift(struct hi_worker *worker, const struct hi_host *host,
		  bool restore)
{
	for (size_t i = 0; i < worker->n_functions; i++) {
		struct hi_function *function = worker->functions[i];

		if (!function->held_remote && !restore)
			continue;
		/* the slot last: an entry that leads to it must not be led to */
		if (restore_home(function, host) && function->held_remote &&
		    hi_remote_write(host, function->slot.slot_remote,
				    &function->current_remote, 8, NULL) == 0)
			function->held_remote = 0;
	}
}
