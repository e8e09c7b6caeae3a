#include "elfscan/regions.h"

#include <stdlib.h>
#include <string.h>

struct region_list {
	struct hi_region *items;
	size_t n;
	size_t cap;
	bool failed;
};

static void push(struct region_list *list, uint64_t start, uint64_t end,
		 const struct hi_symbol *function, bool gap)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 1024;
		struct hi_region *items =
			reallocarray(list->items, cap, sizeof(*items));

		if (!items) {
			list->failed = true;
			return;
		}
		list->items = items;
		list->cap = cap;
	}
	list->items[list->n++] = (struct hi_region){
		.start_link = start,
		.end_link = end,
		.function = function,
		.gap = gap,
	};
}

/* The unwind table as the linker sorted it: one entry a function. */
struct unwind_table {
	const struct hi_image *image;
	uint64_t base_link; /* of .eh_frame_hdr, which its entries count from */
	const uint8_t *entries; /* pairs of int32: function, FDE */
	size_t n;
};

static int32_t read_i32(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Only the encodings that every linker writes: count udata4, table
   datarel|sdata4; another one counts as no table. */
static void find_unwind_table(const struct hi_image *image,
			      struct unwind_table *table)
{
	const struct hi_image_header *header = hi_image_get_header(image);
	const uint8_t *bytes;
	size_t i;

	memset(table, 0, sizeof(*table));
	table->image = image;
	for (i = 0; i < header->n_phdrs; i++)
		if (header->phdrs[i].p_type == PT_GNU_EH_FRAME)
			break;
	if (i == header->n_phdrs)
		return;
	table->base_link = header->phdrs[i].p_vaddr;
	bytes = hi_image_find_bytes(image, table->base_link, 12);
	if (!bytes || bytes[0] != 1 || bytes[2] != 0x03 || bytes[3] != 0x3b)
		return;
	table->n = (uint32_t)read_i32(bytes + 8);
	table->entries =
		hi_image_find_bytes(image, table->base_link + 12, table->n * 8);
	if (!table->entries)
		table->n = 0;
}

static uint64_t unwind_start(const struct unwind_table *table, size_t i)
{
	return table->base_link + (int64_t)read_i32(table->entries + 8 * i);
}

/* The end of entry I; its start when the FDE is not of the usual encoding
   (pcrel|sdata4), which shows by another start in it. */
static uint64_t unwind_end(const struct unwind_table *table, size_t i)
{
	uint64_t start = unwind_start(table, i);
	uint64_t fde = table->base_link +
		       (int64_t)read_i32(table->entries + 8 * i + 4);
	const uint8_t *bytes = hi_image_find_bytes(table->image, fde, 16);

	/*  length | CIE pointer | function's start | its length */
	if (!bytes || fde + 8 + (int64_t)read_i32(bytes + 8) != start)
		return start;
	return start + (uint32_t)read_i32(bytes + 12);
}

static size_t unwind_lower_bound(const struct unwind_table *table,
				 uint64_t addr)
{
	size_t low = 0, high = table->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (unwind_start(table, middle) < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* [START, END) has no symbol: the unwind table's functions, gaps between. */
static void push_nameless(struct region_list *list,
			  const struct unwind_table *table, uint64_t start,
			  uint64_t end)
{
	for (size_t i = unwind_lower_bound(table, start);
	     i < table->n && start < end; i++) {
		uint64_t from = unwind_start(table, i);
		uint64_t to = unwind_end(table, i);

		if (from >= end)
			break;
		if (to > end)
			to = end;
		if (from < start || to <= from)
			continue;
		if (start < from)
			push(list, start, from, NULL, true);
		push(list, from, to, NULL, false);
		start = to;
	}
	if (start < end)
		push(list, start, end, NULL, true);
}

/* Cut one text range; *AT walks the functions, which are sorted. */
static void push_range(struct region_list *list,
		       const struct unwind_table *table,
		       const struct hi_range *range,
		       const struct hi_symbol *functions, size_t n, size_t *at)
{
	uint64_t cursor = range->start;

	while (*at < n && functions[*at].addr_link < range->start)
		(*at)++;
	while (*at < n && functions[*at].addr_link < range->end) {
		const struct hi_symbol *first = &functions[*at];
		uint64_t start = first->addr_link, end = start;

		for (; *at < n && functions[*at].addr_link == start; (*at)++)
			if (functions[*at].size > end - start)
				end = start + functions[*at].size;
		if (end == start)
			end = *at < n ? functions[*at].addr_link : range->end;
		if (end > range->end || end < start)
			end = range->end;
		if (start >= cursor) {
			if (start > cursor)
				push_nameless(list, table, cursor, start);
			push(list, start, end, first, false);
			cursor = end;
		} else if (end > cursor && list->n) {
			/* it begins inside its neighbour and ends outside */
			list->items[list->n - 1].end_link = end;
			cursor = end;
		}
	}
	if (cursor < range->end)
		push_nameless(list, table, cursor, range->end);
}

int hi_regions_new(struct hi_image *image, const struct hi_symtab *symtab,
		   struct hi_region **ret_regions, size_t *ret_n,
		   struct hi_err *err)
{
	const struct hi_symbol *functions;
	const struct hi_range *ranges;
	struct unwind_table table = { 0 };
	struct region_list list = { 0 };
	size_t n_functions, n_ranges, at = 0;

	functions = hi_symtab_get_functions(symtab, &n_functions);
	ranges = hi_image_get_text_ranges(image, &n_ranges);
	if (!hi_symtab_has_locals(symtab))
		find_unwind_table(image, &table);
	for (size_t i = 0; i < n_ranges; i++)
		push_range(&list, &table, &ranges[i], functions, n_functions,
			   &at);
	if (list.failed) {
		free(list.items);
		return hi_fail(err, HI_E_NOMEM,
			       "out of memory for the map of "
			       "the text");
	}
	*ret_regions = list.items;
	*ret_n = list.n;
	return 0;
}

const struct hi_region *hi_regions_find(const struct hi_region *regions,
					size_t n, uint64_t addr_link)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (regions[middle].end_link <= addr_link)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && regions[low].start_link <= addr_link ? &regions[low] :
								 NULL;
}
