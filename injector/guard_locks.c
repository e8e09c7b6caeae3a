/*
 * The locks of a call that is abandoned: those without which the host soon hangs are
 * released, the others noted.
 */
#include <stdlib.h>

#include "common/own.h"
#include "injector/guard_parts.h"

static void settle(const struct hi_guard *guard,
		   const struct hi_abandoned *call, struct hi_crash *crash)
{
	struct hi_held_locks others = { .n = 0 };

	hi_held_locks_find(call, &crash->locks);
	if (hi_held_locks_release(call, guard->place, &crash->locks, NULL) < 0)
		return;
	hi_held_locks_look(call, 0, &others);
	for (size_t i = 0; i < others.n && crash->locks.n < HI_HELD_LOCKS_MAX;
	     i++)
		crash->locks.list[crash->locks.n++] = others.list[i];
	crash->locks.more |= others.more;
}

void hi_guard_free_locks(const struct hi_guard *guard, struct hi_thread *thread,
			 struct hi_crash *crash)
{
	struct hi_start_regs start = { true, crash->fault.regs };
	struct hi_frames *HI_FREE frames = malloc(sizeof(*frames));
	struct hi_maps maps;
	struct hi_abandoned call = {
		.host = guard->host,
		.thread = thread,
		.maps = &maps,
		.worker = crash->escape.worker,
		.regs = &crash->fault.regs,
		.frames = frames,
		.host_sp = crash->escape.regs.rsp,
	};

	if (!frames || hi_maps_read(guard->host->pid, &maps, NULL) < 0)
		return;
	hi_unwind(guard->unwinder, thread->tid, &start, frames);
	call.n = crash->escape.n_frames - crash->escape.has_jumped;
	if (call.n > frames->n)
		call.n = frames->n;
	settle(guard, &call, crash);
	(void)!hi_held_locks_forget_handlers(&call, NULL);
	hi_maps_done(&maps);
}
