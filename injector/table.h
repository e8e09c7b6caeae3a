/*
 * table - slots and trampolines in the host, near the worker.
 *
 *     start_remote                                     + code_len
 *     | trampoline 0 | trampoline 1 | ...      r-x     | slot 0 | slot 1 | ... rw-
 *       endbr64
 *       jmp *slot(%rip)                        slot: address of the function's
 *                                                     current implementation
 *
 * The trampoline has no frame: arguments, return address and unwinding are
 * those of the caller (x86-64 psABI). Every byte lies within 2 GiB of the whole
 * worker, so that a patch point reaches it with jmp rel32. A second area follows
 * when the first is full.
 *
 * Ownership: hi_table_new() gives a table that hi_table_free() ends; the memory in the
 *            host stays.
 * Errors:    HI_E_HOST when no room is near enough; those of remote.
 */
#ifndef HI_INJECTOR_TABLE_H
#define HI_INJECTOR_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "injector/remote.h"

#define HI_TRAMPOLINE_LEN 16

struct hi_table;

struct hi_table_area {
	uint64_t start_remote;
	size_t code_len;
	size_t n_slots;
	size_t n_taken;
};

struct hi_slot {
	uint64_t trampoline_remote;
	uint64_t slot_remote;
};

struct hi_table *hi_table_new(void);
void hi_table_free(struct hi_table *table);

/*
 * Make sure that N more slots can be taken; maps memory through the held THREAD when
 * they cannot. NEAR is the worker's memory.
 */
int hi_table_reserve(struct hi_table *table, struct hi_host *host,
		     struct hi_thread *thread,
		     const struct hi_shim_place *place, uint64_t near_start,
		     uint64_t near_end, size_t n,
		     struct hi_err *err) HI_MUST_USE;
/* How often memory has been mapped. */
size_t hi_table_count_areas(const struct hi_table *table);
/* How many can be taken without mapping memory. */
size_t hi_table_get_room(const struct hi_table *table);
/* Take the next slot; its value in the host is 0 until it is published. */
struct hi_slot hi_table_take(struct hi_table *table);

/* One area, 0 being the first; false: there is none. */
bool hi_table_get_area(const struct hi_table *table, size_t at,
		       struct hi_table_area *ret_area);
/* Its memory in the host: code and slots. */
size_t hi_table_get_area_len(const struct hi_table_area *area);

/* A table that the host has: false when it cannot be one. */
bool hi_table_restore(struct hi_table *table, const struct hi_table_area *areas,
		      size_t n);
/* The slot of a trampoline that was taken; false: it is none. */
bool hi_table_find_slot(const struct hi_table *table,
			uint64_t trampoline_remote, struct hi_slot *ret_slot);

/* Whether an address is inside a trampoline. */
int hi_table_covers(const struct hi_table *table, uint64_t address_remote);

#endif
