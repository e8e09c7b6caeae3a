#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/units_parts.h"

#define CODES_MAX (1 << 16) /* compilers count abbreviations from 1 */

/* --- bytes --------------------------------------------------------------- */

const uint8_t *hi_unit_take(struct hi_unit_maker *maker, uint64_t len)
{
	const uint8_t *at = maker->at;

	if (len > (uint64_t)(maker->end - at)) {
		maker->failed = true;
		maker->at = maker->end;
		return NULL;
	}
	maker->at += len;
	return at;
}

uint64_t hi_unit_take_word(struct hi_unit_maker *maker, size_t len)
{
	const uint8_t *at = hi_unit_take(maker, len);
	uint64_t word = 0;

	if (at)
		memcpy(&word, at, len);
	return word;
}

uint64_t hi_unit_take_leb(struct hi_unit_maker *maker)
{
	uint64_t value = 0;

	for (int shift = 0; maker->at < maker->end; shift += 7) {
		uint8_t byte = *maker->at++;

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	maker->failed = true;
	return 0;
}

/* --- abbreviations ------------------------------------------------------- */

static struct hi_unit_abbrev *add_abbrev(struct hi_unit_maker *maker,
					 uint64_t code)
{
	size_t n = maker->n_abbrevs ? maker->n_abbrevs : 128;
	struct hi_unit_abbrev *grown;

	if (code >= CODES_MAX)
		return NULL;
	while (n <= code)
		n *= 2;
	if (n > maker->n_abbrevs) {
		grown = reallocarray(maker->abbrevs, n, sizeof(*grown));
		if (!grown)
			return NULL;
		memset(grown + maker->n_abbrevs, 0,
		       (n - maker->n_abbrevs) * sizeof(*grown));
		maker->abbrevs = grown;
		maker->n_abbrevs = n;
	}
	return &maker->abbrevs[code];
}

static bool add_attribute(struct hi_unit_maker *maker, uint64_t name,
			  uint64_t form)
{
	struct hi_unit_attribute *attribute;

	if (name > UINT16_MAX || form > UINT16_MAX ||
	    !hi_grow(&maker->attributes, maker->n_attributes,
		     &maker->cap_attributes, sizeof(*attribute)))
		return false;
	attribute = &maker->attributes[maker->n_attributes++];
	*attribute = (struct hi_unit_attribute){ .name = name, .form = form };
	if (form == DW_FORM_implicit_const)
		attribute->value = (int64_t)hi_unit_take_leb(maker);
	return true;
}

/* One abbreviation; false at the end of the table. */
static bool read_abbrev(struct hi_unit_maker *maker)
{
	uint64_t code = hi_unit_take_leb(maker), name, form;
	struct hi_unit_abbrev *abbrev = code ? add_abbrev(maker, code) : NULL;

	if (!abbrev || abbrev->known) {
		maker->failed |= code != 0;
		return false;
	}
	abbrev->known = true;
	abbrev->tag = (uint16_t)hi_unit_take_leb(maker);
	abbrev->has_children = hi_unit_take_word(maker, 1);
	abbrev->first = maker->n_attributes;
	for (;;) {
		name = hi_unit_take_leb(maker);
		form = hi_unit_take_leb(maker);
		if (maker->failed || (!name && !form))
			break;
		if (!add_attribute(maker, name, form))
			maker->failed = true;
	}
	abbrev->n = maker->n_attributes - abbrev->first;
	return !maker->failed;
}

uint32_t hi_unit_abbrevs_at(const uint8_t *unit)
{
	uint16_t version;
	uint32_t at;

	memcpy(&version, unit + 4, sizeof(version));
	memcpy(&at, unit + (version < 5 ? 6 : 8), sizeof(at));
	return at;
}

void hi_unit_read_abbrevs(struct hi_unit_maker *maker)
{
	struct hi_unit_digest *digest = maker->digest;
	const struct hi_bytes *all = &digest->sections.abbrev;
	uint32_t at = hi_unit_abbrevs_at(digest->unit.at);

	if (at >= all->len) {
		maker->failed = true;
		return;
	}
	maker->at = all->at + at;
	maker->end = all->at + all->len;
	while (read_abbrev(maker))
		;
	digest->abbrevs.at = all->at + at;
	digest->abbrevs.len = maker->at - digest->abbrevs.at;
}
