#include "elfscan/regions.h"

#include <stdlib.h>

#include "elfscan/unwind_table.h"

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

/* [START, END) has no symbol: the unwind table's functions, gaps between. */
static void push_nameless(struct region_list *list,
			  const struct hi_unwind_table *table, uint64_t start,
			  uint64_t end)
{
	for (size_t i = hi_unwind_table_find(table, start);
	     i < table->n && start < end; i++) {
		uint64_t from = hi_unwind_table_get_start(table, i);
		uint64_t to = hi_unwind_table_get_end(table, i);

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
		       const struct hi_unwind_table *table,
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
	struct hi_unwind_table table = { .image = image };
	struct region_list list = { 0 };
	size_t n_functions, n_ranges, at = 0;

	functions = hi_symtab_get_functions(symtab, &n_functions);
	ranges = hi_image_get_text_ranges(image, &n_ranges);
	if (!hi_symtab_has_locals(symtab))
		hi_unwind_table_init(&table, image);
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
