/*
 * guard_parts - for the files of the guard; no one else includes it.
 */
#ifndef HI_INJECTOR_GUARD_PARTS_H
#define HI_INJECTOR_GUARD_PARTS_H

#include "injector/guard.h"

/* Before THREAD goes on; what cannot be done is left. */
void hi_guard_free_locks(const struct hi_guard *guard, struct hi_thread *thread,
			 struct hi_crash *crash);

#endif
