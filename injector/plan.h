/*
 * plan - ordered writes to the host's memory, each with its undo. Pure: it touches
 * nothing (apply does).
 *
 * Units:     ..._remote are host addresses, lengths bytes.
 * Ownership: hi_plan_done() releases.
 * Errors:    HI_E_NOMEM is kept in "failed" and reported by hi_apply().
 */
#ifndef HI_INJECTOR_PLAN_H
#define HI_INJECTOR_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define HI_WRITE_MAX 16

struct hi_write {
	uint64_t to_remote;
	uint8_t len;
	bool code; /* memory that is not writable: through /proc/PID/mem */
	uint8_t bytes[HI_WRITE_MAX];
	uint8_t before[HI_WRITE_MAX];
};

struct hi_plan {
	struct hi_write *writes;
	size_t n_writes;
	size_t cap;
	bool failed;
};

#define HI_PLAN_INIT              \
	{                         \
		NULL, 0, 0, false \
	}

/* BEFORE is what the memory holds now. */
void hi_plan_add(struct hi_plan *plan, uint64_t to_remote, const void *bytes,
		 const void *before, size_t len, bool code);
void hi_plan_add_word(struct hi_plan *plan, uint64_t to_remote, uint64_t value,
		      uint64_t before, bool code);
/* By address: neighbours can then be written together. Only for plans whose
   order does not matter. */
void hi_plan_sort(struct hi_plan *plan);
void hi_plan_done(struct hi_plan *plan);

#endif
