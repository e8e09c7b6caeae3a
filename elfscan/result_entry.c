/*
 * The entry of the function whose code is at an address.
 */
#include <dwarf.h>

#include "elfscan/result_parts.h"

struct search {
	struct hi_dies *dies;
	uint64_t addr;
	uint64_t text_start; /* of the section; what was thrown away is below */
	bool deep;           /* functions inside functions and classes */
	bool found;
	Dwarf_Die die;
};

static bool covers(const struct search *search, const Dwarf_Die *die)
{
	Dwarf_Die of = *die;
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(&of, at, &base, &start, &end)) > 0)
		if (start >= search->text_start && start <= search->addr &&
		    search->addr < end)
			return true;
	return false;
}

static bool visit(void *context, const struct hi_shape *shape, Dwarf_Die *die)
{
	struct search *search = context;

	if (search->found)
		return false;
	switch (shape->tag) {
	case DW_TAG_subprogram:
		if (shape->has_place && covers(search, die)) {
			search->found = true;
			search->die = *die;
			return false;
		}
		return search->deep;
	case DW_TAG_lexical_block:
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		return search->deep;
	case DW_TAG_namespace:
	case DW_TAG_module:
		return true;
	default:
		return false;
	}
}

static bool search_unit(struct search *search, const Dwarf_Die *top)
{
	for (int deep = 0; deep < 2 && !search->found; deep++) {
		search->deep = deep;
		hi_unit_scan(&search->dies->entries, top, visit, search);
	}
	return search->found;
}

/* The unit that the table of addresses names; clang writes none. */
static bool search_listed(struct search *search)
{
	Dwarf_Die top, split;
	uint8_t type;

	if (!dwarf_addrdie(search->dies->dwarf, search->addr, &top) ||
	    dwarf_cu_info(top.cu, NULL, &type, NULL, &split, NULL, NULL, NULL))
		return false;
	if (type == DW_UT_skeleton)
		top = split;
	return top.addr && top.cu && search_unit(search, &top);
}

/* Units that say where their code is, or, if they are not WITH_PLACE, those that do
   not. */
static bool search_units(struct search *search, bool with_place)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die top, split;
	uint8_t type;

	while (!search->found &&
	       !dwarf_get_units(search->dies->dwarf, unit, &unit, NULL, &type,
				&top, &split)) {
		bool has_place = dwarf_hasattr(&top, DW_AT_ranges) ||
				 dwarf_hasattr(&top, DW_AT_high_pc);
		Dwarf_Die *die = type == DW_UT_skeleton ? &split : &top;

		if (type == DW_UT_type || type == DW_UT_split_type ||
		    !die->addr || !die->cu || has_place != with_place)
			continue;
		if (!with_place || covers(search, &top))
			search_unit(search, die);
	}
	return search->found;
}

static uint64_t find_text_start(const struct hi_dies *dies, uint64_t addr)
{
	size_t n;
	const struct hi_range *text = hi_image_get_text_ranges(dies->image, &n);

	for (size_t i = 0; i < n; i++)
		if (text[i].start <= addr && addr < text[i].end)
			return text[i].start;
	return UINT64_MAX;
}

bool hi_result_find_function(struct hi_dies *dies, uint64_t addr_link,
			     Dwarf_Die *ret_die)
{
	struct search search = {
		.dies = dies,
		.addr = addr_link,
		.text_start = find_text_start(dies, addr_link),
	};

	if (!dies->dwarf || search.text_start == UINT64_MAX ||
	    (!search_listed(&search) && !search_units(&search, true) &&
	     !search_units(&search, false)))
		return false;
	*ret_die = search.die;
	return true;
}
