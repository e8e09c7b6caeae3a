#include "injector/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "common/own.h"
#include "injector/maps.h"

#define PAGE      4096UL
#define REACH     0x70000000ULL /* 1.75 GiB: rel32 with room to spare */
#define AREAS_MAX 64

struct hi_table {
	struct hi_table_area areas[AREAS_MAX];
	size_t n_areas;
};

struct hi_table *hi_table_new(void)
{
	return calloc(1, sizeof(struct hi_table));
}

void hi_table_free(struct hi_table *table)
{
	free(table);
}

size_t hi_table_count_areas(const struct hi_table *table)
{
	return table->n_areas;
}

size_t hi_table_get_room(const struct hi_table *table)
{
	const struct hi_table_area *last;

	if (table->n_areas == 0)
		return 0;
	last = &table->areas[table->n_areas - 1];
	return last->n_slots - last->n_taken;
}

size_t hi_table_get_area_len(const struct hi_table_area *area)
{
	return area->code_len + ((area->n_slots * 8 + PAGE - 1) & ~(PAGE - 1));
}

static uint64_t slot_at(const struct hi_table_area *area, size_t i)
{
	return area->start_remote + area->code_len + i * 8;
}

/* endbr64; jmp *rel32(%rip); int3 up to 16 bytes */
static void write_code(unsigned char *code, const struct hi_table_area *area)
{
	static const unsigned char head[] = {
		0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25
	};

	memset(code, 0xcc, area->code_len);
	for (size_t i = 0; i < area->n_slots; i++) {
		unsigned char *at = code + i * HI_TRAMPOLINE_LEN;
		uint64_t next = area->start_remote + i * HI_TRAMPOLINE_LEN +
				sizeof(head) + 4;
		int32_t distance = (int32_t)(slot_at(area, i) - next);

		memcpy(at, head, sizeof(head));
		memcpy(at + sizeof(head), &distance, sizeof(distance));
	}
}

static int protect(struct hi_host *host, struct hi_thread *thread,
		   const struct hi_shim_place *place, uint64_t at, size_t len,
		   int prot, struct hi_err *err)
{
	uint64_t arguments[6] = { at, len, (uint64_t)prot, 0, 0, 0 };
	int64_t value = 0;
	int code = hi_remote_syscall(host, thread, place, SYS_mprotect,
				     arguments, &value, err);

	if (code == 0 && value != 0) {
		errno = (int)-value;
		return hi_fail_sys(err, "making the trampolines executable");
	}
	return code;
}

static int make_area(struct hi_host *host, struct hi_thread *thread,
		     const struct hi_shim_place *place, uint64_t at,
		     struct hi_table_area *area, struct hi_err *err)
{
	unsigned char *HI_FREE code_bytes = malloc(area->code_len);
	int code;

	if (!code_bytes)
		return hi_fail(err, HI_E_NOMEM, "no memory for trampolines");
	code = hi_remote_map(host, thread, place, at,
			     hi_table_get_area_len(area),
			     PROT_READ | PROT_WRITE, &area->start_remote, err);
	if (code < 0)
		return code;
	write_code(code_bytes, area);
	code = hi_remote_write(host, area->start_remote, code_bytes,
			       area->code_len, err);
	if (code == 0)
		code = protect(host, thread, place, area->start_remote,
			       area->code_len, PROT_READ | PROT_EXEC, err);
	return code;
}

int hi_table_reserve(struct hi_table *table, struct hi_host *host,
		     struct hi_thread *thread,
		     const struct hi_shim_place *place, uint64_t near_start,
		     uint64_t near_end, size_t n, struct hi_err *err)
{
	struct hi_maps maps;
	struct hi_table_area area = { 0, 0, n + n / 4 + 128, 0 };
	size_t len;
	uint64_t at;
	int code;

	if (hi_table_get_room(table) >= n)
		return 0;
	if (table->n_areas == AREAS_MAX)
		return hi_fail(err, HI_E_INTERNAL, "too many table areas");
	area.code_len = (area.n_slots * HI_TRAMPOLINE_LEN + PAGE - 1) &
			~(PAGE - 1);
	len = hi_table_get_area_len(&area);
	code = hi_maps_read(host->pid, &maps, err);
	if (code < 0)
		return code;
	at = hi_maps_find_gap(&maps, near_start, near_end, len, REACH);
	hi_maps_done(&maps);
	if (!at)
		return hi_fail(err, HI_E_HOST,
			       "the host has no free memory within 2 GiB of "
			       "the worker for the trampoline table");
	code = make_area(host, thread, place, at, &area, err);
	if (code == 0)
		table->areas[table->n_areas++] = area;
	return code;
}

struct hi_slot hi_table_take(struct hi_table *table)
{
	struct hi_table_area *area = &table->areas[table->n_areas - 1];
	size_t i = area->n_taken++;
	struct hi_slot slot = { area->start_remote + i * HI_TRAMPOLINE_LEN,
				slot_at(area, i) };

	return slot;
}

bool hi_table_get_area(const struct hi_table *table, size_t at,
		       struct hi_table_area *ret_area)
{
	if (at < table->n_areas)
		*ret_area = table->areas[at];
	return at < table->n_areas;
}

bool hi_table_restore(struct hi_table *table, const struct hi_table_area *areas,
		      size_t n)
{
	if (n > AREAS_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (areas[i].n_taken > areas[i].n_slots ||
		    areas[i].n_slots > areas[i].code_len / HI_TRAMPOLINE_LEN)
			return false;
	memcpy(table->areas, areas, n * sizeof(*areas));
	table->n_areas = n;
	return true;
}

bool hi_table_find_slot(const struct hi_table *table,
			uint64_t trampoline_remote, struct hi_slot *ret_slot)
{
	for (size_t i = 0; i < table->n_areas; i++) {
		const struct hi_table_area *area = &table->areas[i];
		uint64_t at = trampoline_remote - area->start_remote;

		if (at / HI_TRAMPOLINE_LEN >= area->n_taken ||
		    at % HI_TRAMPOLINE_LEN)
			continue;
		ret_slot->trampoline_remote = trampoline_remote;
		ret_slot->slot_remote = slot_at(area, at / HI_TRAMPOLINE_LEN);
		return true;
	}
	return false;
}

int hi_table_covers(const struct hi_table *table, uint64_t address_remote)
{
	for (size_t i = 0; i < table->n_areas; i++)
		if (address_remote >= table->areas[i].start_remote &&
		    address_remote < table->areas[i].start_remote +
					     table->areas[i].code_len)
			return 1;
	return 0;
}
