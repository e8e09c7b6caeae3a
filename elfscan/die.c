#include "elfscan/die.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/die_parts.h"

/* --- units ----------------------------------------------------------------- */

static void free_unit(struct hi_die_unit *unit)
{
	free(unit->abbrevs);
	free(unit->steps);
	free(unit->constants);
	free(unit);
}

/* DWARF 4 has type units in a section of their own, which is asked for by wanting
   their signatures. */
static bool is_apart(Dwarf_CU *cu)
{
	Dwarf_Half version;
	uint8_t type;

	return !dwarf_cu_info(cu, &version, &type, NULL, NULL, NULL, NULL,
			      NULL) &&
	       version == 4 && (type == DW_UT_type || type == DW_UT_split_type);
}

static bool read_at(const struct hi_die_unit *unit, const uint8_t *at,
		    struct hi_die *entry);

static int get_language(const struct hi_die_unit *unit, Dwarf_Die *top)
{
	struct hi_die entry;
	uint64_t language;

	return read_at(unit, unit->first, &entry) &&
			       hi_die_get_number(&entry, HI_AT_LANGUAGE,
						 &language) ?
		       (int)language :
		       dwarf_srclang(top);
}

static bool open_unit(struct hi_die_units *units, struct hi_die_unit *unit)
{
	Dwarf_Off place, start, next, abbrevs_at;
	uint64_t signature;
	Dwarf_Die top;

	if (!dwarf_cu_die(unit->cu, &top, NULL, NULL, NULL, NULL, NULL, NULL))
		return false;
	place = dwarf_dieoffset(&top);
	start = place - dwarf_cuoffset(&top);
	if (dwarf_next_unit(dwarf_cu_getdwarf(unit->cu), start, &next, NULL,
			    &unit->version, &abbrevs_at, &unit->address_len,
			    &unit->offset_len,
			    is_apart(unit->cu) ? &signature : NULL, NULL) ||
	    next <= place)
		return false;
	unit->first = top.addr;
	unit->start = unit->first - (place - start);
	unit->end = unit->first + (next - place);
	if (!hi_die_is_inside(units, unit) ||
	    !hi_die_read_abbrevs(units, unit, &top, abbrevs_at))
		return false;
	unit->language = get_language(unit, &top);
	return true;
}

static size_t find_slot(const struct hi_die_units *units, const Dwarf_CU *cu)
{
	size_t mask = units->cap_units - 1;
	size_t at = ((uintptr_t)cu * 0x9e3779b97f4a7c15 >> 32) & mask;

	while (units->units[at] && units->units[at]->cu != cu)
		at = (at + 1) & mask;
	return at;
}

static bool grow(struct hi_die_units *units)
{
	struct hi_die_units grown = *units;

	if (units->n_units * 2 < units->cap_units)
		return true;
	grown.cap_units = units->cap_units ? units->cap_units * 2 : 64;
	grown.units = calloc(grown.cap_units, sizeof(struct hi_die_unit *));
	if (!grown.units)
		return false;
	for (size_t i = 0; i < units->cap_units; i++)
		if (units->units[i])
			grown.units[find_slot(&grown, units->units[i]->cu)] =
				units->units[i];
	free(units->units);
	*units = grown;
	return true;
}

const struct hi_die_unit *hi_die_find_unit(struct hi_die_units *units,
					   Dwarf_CU *cu)
{
	struct hi_die_unit *unit;
	size_t slot;

	if (units->last && units->last->cu == cu)
		return units->last;
	if (!cu || !grow(units))
		return NULL;
	slot = find_slot(units, cu);
	if (!units->units[slot]) {
		unit = calloc(1, sizeof(*unit));
		if (!unit)
			return NULL;
		unit->cu = cu;
		/* what cannot be opened has no entries */
		if (!open_unit(units, unit))
			unit->end = unit->first = unit->start;
		units->units[slot] = unit;
		units->n_units++;
	}
	units->last = units->units[slot];
	return units->last;
}

bool hi_die_unit_is_c(const struct hi_die_unit *unit)
{
	switch (unit->language) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
		return true;
	default:
		return false;
	}
}

void hi_die_units_init(struct hi_die_units *units)
{
	*units = (struct hi_die_units){ 0 };
}

void hi_die_units_done(struct hi_die_units *units)
{
	for (size_t i = 0; i < units->cap_units; i++)
		if (units->units[i])
			free_unit(units->units[i]);
	free(units->units);
	*units = (struct hi_die_units){ 0 };
}

/* --- steps ----------------------------------------------------------------- */

static const uint8_t *advance(const struct hi_die_unit *unit, const uint8_t *at,
			      uint64_t len)
{
	return len > (uint64_t)(unit->end - at) ? NULL : at + len;
}

/* A block with a length of WIDTH bytes before it. */
static const uint8_t *take_block(const struct hi_die_unit *unit,
				 const uint8_t *at, size_t width)
{
	uint32_t len = 0;

	if ((size_t)(unit->end - at) < width)
		return NULL;
	memcpy(&len, at, width);
	return advance(unit, at, width + (uint64_t)len);
}

static const uint8_t *take_other(const struct hi_die_unit *unit,
				 const struct hi_die_step *step,
				 const uint8_t *at)
{
	const uint8_t *nul;
	uint64_t value;

	switch (step->kind) {
	case HI_STEP_LEB:
		return hi_die_take_leb(&at, unit->end, &value) ? at : NULL;
	case HI_STEP_STRING:
		nul = memchr(at, 0, (size_t)(unit->end - at));
		return nul ? nul + 1 : NULL;
	case HI_STEP_BLOCK1:
		return take_block(unit, at, 1);
	case HI_STEP_BLOCK2:
		return take_block(unit, at, 2);
	case HI_STEP_BLOCK4:
		return take_block(unit, at, 4);
	default:
		return hi_die_take_leb(&at, unit->end, &value) ?
			       advance(unit, at, value) :
			       NULL;
	}
}

static inline const uint8_t *take_step(const struct hi_die_unit *unit,
				       const struct hi_die_step *step,
				       const uint8_t *at)
{
	return step->kind == HI_STEP_FIXED ? advance(unit, at, step->len) :
					     take_other(unit, step, at);
}

bool hi_die_step_in(const struct hi_die_unit *unit, const uint8_t **at,
		    const struct hi_die_abbrev **ret_abbrev)
{
	uint64_t code;

	*ret_abbrev = NULL;
	if (!hi_die_take_leb(at, unit->end, &code))
		return false;
	if (!code)
		return true;
	if (code >= unit->n_abbrevs || !unit->abbrevs[code].is_known)
		return false;
	*ret_abbrev = &unit->abbrevs[code];
	return true;
}

/* The place behind AT, the end of an entry, that VALUE refers to; or NULL. */
static const uint8_t *get_sibling(const struct hi_die_unit *unit,
				  const uint8_t *value, const uint8_t *at)
{
	uint32_t sibling;

	memcpy(&sibling, value, sizeof(sibling));
	/* only forwards: circles would have no end */
	return sibling < (size_t)(unit->end - unit->start) &&
			       unit->start + sibling >= at ?
		       unit->start + sibling :
		       NULL;
}

const uint8_t *hi_die_step_over(const struct hi_die_unit *unit,
				const struct hi_die_abbrev *abbrev,
				const uint8_t *at, const uint8_t **ret_sibling)
{
	const struct hi_die_step *step = &unit->steps[abbrev->first_step];
	const uint8_t *sibling = NULL, *start = at;

	*ret_sibling = NULL;
	if (abbrev->is_fixed) {
		at = advance(unit, at, abbrev->len);
		if (at && abbrev->sibling_at)
			sibling = start + abbrev->sibling_at - 1;
	} else {
		for (size_t n = abbrev->n_steps; n > 0 && at; n--, step++) {
			if (step->attribute == HI_AT_SIBLING &&
			    abbrev->sibling_at)
				sibling = at;
			at = take_step(unit, step, at);
		}
	}
	if (at && sibling)
		*ret_sibling = get_sibling(unit, sibling, at);
	return at;
}

/* --- entries --------------------------------------------------------------- */

static bool read_at(const struct hi_die_unit *unit, const uint8_t *at,
		    struct hi_die *entry)
{
	const struct hi_die_step *step;
	const struct hi_die_abbrev *abbrev;

	entry->die = (Dwarf_Die){ .addr = (void *)at, .cu = unit->cu };
	entry->unit = unit;
	if (!hi_die_step_in(unit, &at, &abbrev) || !abbrev)
		return false;
	entry->abbrev = abbrev;
	entry->tag = abbrev->tag;
	step = &unit->steps[abbrev->first_step];
	for (size_t n = abbrev->n_steps; n > 0; n--, step++) {
		if (step->attribute != HI_AT_N) {
			bool is_constant = step->form == DW_FORM_implicit_const;

			entry->values[step->attribute].form = step->form;
			entry->values[step->attribute].at =
				is_constant ?
					(const uint8_t *)&unit
						->constants[step->constant] :
					at;
		}
		at = take_step(unit, step, at);
		if (!at)
			return false;
	}
	entry->end = at;
	return true;
}

bool hi_die_read(struct hi_die_units *units, const Dwarf_Die *die,
		 struct hi_die *ret_entry)
{
	const struct hi_die_unit *unit = hi_die_find_unit(units, die->cu);
	const uint8_t *at = die->addr;

	return unit && at >= unit->first && at < unit->end &&
	       read_at(unit, at, ret_entry);
}

/* Behind the children that begin at AT; NULL at damage, or the end. */
static const uint8_t *step_over_children(const struct hi_die_unit *unit,
					 const uint8_t *at)
{
	const struct hi_die_abbrev *abbrev;
	const uint8_t *sibling;
	size_t depth = 1;

	while (depth) {
		if (at == unit->end || !hi_die_step_in(unit, &at, &abbrev))
			return NULL;
		if (!abbrev) {
			depth--;
			continue;
		}
		at = hi_die_step_over(unit, abbrev, at, &sibling);
		if (!at)
			return NULL;
		if (abbrev->has_children && sibling)
			at = sibling;
		else if (abbrev->has_children)
			depth++;
	}
	return at;
}

/* The first part from AT on. */
static bool find_part(const struct hi_die_unit *unit, const uint8_t *at,
		      struct hi_die *entry)
{
	const struct hi_die_abbrev *abbrev;
	const uint8_t *sibling;

	while (at && at < unit->end) {
		const uint8_t *start = at;

		if (!hi_die_step_in(unit, &at, &abbrev) || !abbrev)
			return false;
		if (abbrev->is_part)
			return read_at(unit, start, entry);
		at = hi_die_step_over(unit, abbrev, at, &sibling);
		if (at && abbrev->has_children)
			at = sibling ? sibling : step_over_children(unit, at);
	}
	return false;
}

bool hi_die_read_part(const struct hi_die *parent, struct hi_die *ret_entry)
{
	return parent->abbrev->has_children &&
	       find_part(parent->unit, parent->end, ret_entry);
}

bool hi_die_next_part(struct hi_die *entry)
{
	const struct hi_die_unit *unit = entry->unit;
	const uint8_t *at = entry->end;
	Dwarf_Die sibling;

	if (entry->abbrev->has_children) {
		if (hi_die_get_reference(entry, HI_AT_SIBLING, &sibling) &&
		    sibling.cu == unit->cu && (uint8_t *)sibling.addr >= at)
			at = sibling.addr;
		else
			at = step_over_children(unit, at);
	}
	return find_part(unit, at, entry);
}
