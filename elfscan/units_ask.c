/*
 * What is asked of the units of a build, and of those of two builds.
 */
#include <string.h>

#include "elfscan/units_parts.h"

bool hi_units_need(const struct hi_units *units, const struct hi_image *image)
{
	size_t len;
	const uint8_t *file = hi_image_get_file(image, &len);

	for (size_t i = 0; units && i < units->n; i++) {
		const uint8_t *at = units->units[i].digest->unit.at;

		if (at >= file && at < file + len)
			return true;
	}
	return false;
}

size_t hi_units_count_shared(const struct hi_units *units, size_t *ret_n)
{
	*ret_n = units->n;
	return units->n_shared;
}

bool hi_units_all_same(const struct hi_units *units,
		       const struct hi_units *other)
{
	if (units->n != other->n)
		return false;
	for (size_t i = 0; i < units->n; i++)
		if (units->units[i].digest != other->units[i].digest)
			return false;
	return true;
}

static const struct hi_unit_found *get_found(const struct hi_units *units,
					     const struct hi_symbol *symbol)
{
	bool function = symbol->type == HI_SYM_FUNC ||
			symbol->type == HI_SYM_IFUNC;

	return function ? &units->found[symbol - units->functions] :
			  &units->found[units->n_functions +
					(symbol - units->variables)];
}

bool hi_units_find(struct hi_units *units, const struct hi_symbol *symbol,
		   Dwarf_Die *ret_die)
{
	const struct hi_unit_found *found = get_found(units, symbol);
	const struct hi_unit *unit = &units->units[found->unit - 1];

	return found->unit &&
	       hi_units_get_die(units, found->unit - 1,
				unit->digest->entries[found->entry].at,
				ret_die);
}

bool hi_units_same(const struct hi_units *units, const struct hi_symbol *symbol,
		   const struct hi_units *other,
		   const struct hi_symbol *other_symbol)
{
	const struct hi_unit_found *one = get_found(units, symbol);
	const struct hi_unit_found *two = get_found(other, other_symbol);

	return one->unit && two->unit && one->entry == two->entry &&
	       units->units[one->unit - 1].digest ==
		       other->units[two->unit - 1].digest;
}

size_t hi_units_find_unit(const struct hi_units *units,
			  const struct hi_symbol *symbol)
{
	return (size_t)get_found(units, symbol)->unit - 1;
}

size_t hi_units_list_changed(const struct hi_units *units,
			     const struct hi_units *other, size_t *list,
			     size_t max)
{
	size_t n = 0, changed = 0, whole = 0;

	if (units->n != other->n)
		return SIZE_MAX;
	for (size_t i = 0; i < units->n; i++) {
		const struct hi_unit_digest *digest = units->units[i].digest;

		whole += digest->unit.len;
		if (digest == other->units[i].digest)
			continue;
		changed += digest->unit.len;
		if (n == max)
			return SIZE_MAX;
		list[n++] = i;
	}
	return changed > whole / 2 ? SIZE_MAX : n;
}

bool hi_units_get_top(struct hi_units *units, size_t at, Dwarf_Die *ret_die)
{
	const uint8_t *unit = units->sections.info.at + units->units[at].start;
	uint16_t version;

	/* as hi_unit_digest_new() wants them */
	memcpy(&version, unit + 4, sizeof(version));
	return hi_units_get_die(units, at, version == 5 ? 12 : 11, ret_die);
}
