#include "elfscan/unit_scan.h"

#include <string.h>

#define DEPTH_MAX 512

struct scan {
	const struct hi_die_unit *unit;
	const uint8_t *at;
	/* 1 for the unit's own children; below "wanted" none is looked at */
	int depth, wanted;
	hi_unit_visit *visit;
	void *context;
};

static bool has_place(const struct hi_die_abbrev *abbrev)
{
	return abbrev->has &
	       (1U << HI_AT_LOW_PC | 1U << HI_AT_RANGES | 1U << HI_AT_LOCATION);
}

static bool is_linked(const struct hi_die_abbrev *abbrev)
{
	return abbrev->has & (1U << HI_AT_EXTERNAL | 1U << HI_AT_SPECIFICATION |
			      1U << HI_AT_ABSTRACT_ORIGIN);
}

/* Whether the children of the entry at AT are to be looked at. */
static bool visit(const struct scan *scan, const uint8_t *at,
		  const struct hi_die_abbrev *abbrev)
{
	Dwarf_Die die = { .addr = (void *)at, .cu = scan->unit->cu };
	struct hi_shape shape = {
		.tag = abbrev->tag,
		.has_children = abbrev->has_children,
		.has_place = has_place(abbrev),
		.is_declaration = abbrev->has >> HI_AT_DECLARATION & 1,
		.is_linked = is_linked(abbrev),
		.depth = scan->depth,
	};

	return scan->visit(scan->context, &shape, &die);
}

/* Step over one entry, or into it; false at damage. */
static bool step(struct scan *scan)
{
	const struct hi_die_abbrev *abbrev;
	const uint8_t *at = scan->at, *sibling;
	bool enter = false;

	if (!hi_die_step_in(scan->unit, &scan->at, &abbrev))
		return false;
	if (!abbrev) {
		scan->depth--;
		if (scan->wanted > scan->depth)
			scan->wanted = scan->depth;
		return true;
	}
	scan->at = hi_die_step_over(scan->unit, abbrev, scan->at, &sibling);
	if (!scan->at)
		return false;
	if (scan->depth == scan->wanted)
		enter = visit(scan, at, abbrev);
	if (!abbrev->has_children)
		return true;
	if (!enter && sibling) {
		scan->at = sibling;
		return true;
	}
	if (++scan->depth > DEPTH_MAX)
		return false;
	if (enter)
		scan->wanted = scan->depth;
	return true;
}

bool hi_unit_scan(struct hi_die_units *entries, const Dwarf_Die *top,
		  hi_unit_visit *visit, void *context)
{
	struct scan scan = {
		.unit = hi_die_find_unit(entries, top->cu),
		.depth = 1,
		.wanted = 1,
		.visit = visit,
		.context = context,
	};
	const struct hi_die_abbrev *abbrev;
	const uint8_t *sibling;

	if (!scan.unit)
		return false;
	scan.at = top->addr;
	if (!hi_die_step_in(scan.unit, &scan.at, &abbrev) || !abbrev)
		return false;
	scan.at = hi_die_step_over(scan.unit, abbrev, scan.at, &sibling);
	if (!scan.at)
		return false;
	if (!abbrev->has_children)
		return true;
	/* the last end marks are optional */
	while (scan.depth && scan.at < scan.unit->end)
		if (!step(&scan))
			return false;
	return true;
}
