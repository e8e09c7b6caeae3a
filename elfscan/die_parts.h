/*
 * die_parts - what the files that read entries share; no one else includes it.
 */
#ifndef HI_ELFSCAN_DIE_PARTS_H
#define HI_ELFSCAN_DIE_PARTS_H

#include "elfscan/die.h"

enum hi_step_kind {
	HI_STEP_FIXED,
	HI_STEP_LEB,
	HI_STEP_STRING,
	HI_STEP_BLOCK1, /* the length before it has 1, 2, 4 bytes, ... */
	HI_STEP_BLOCK2,
	HI_STEP_BLOCK4,
	HI_STEP_BLOCK, /* ... or is a LEB128 number */
	HI_STEP_NOT_KNOWN,
};

/* Whether all of UNIT is in its section: a damaged one may say that it is longer. */
bool hi_die_is_inside(struct hi_die_units *units,
		      const struct hi_die_unit *unit);
/* Read the abbreviations of UNIT, whose first entry is TOP. */
bool hi_die_read_abbrevs(struct hi_die_units *entries, struct hi_die_unit *unit,
			 Dwarf_Die *top, uint64_t abbrevs_at);

/* A new abbreviation of UNIT, without attributes and not known yet; NULL when it cannot
   be. */
struct hi_die_abbrev *hi_die_add_abbrev(struct hi_die_unit *unit, uint64_t code,
					uint64_t tag, bool has_children);
/* False when the form is not known: nor is the abbreviation then. */
bool hi_die_add_attribute(struct hi_die_unit *unit,
			  struct hi_die_abbrev *abbrev, uint64_t name,
			  uint64_t form, int64_t constant);

/* DW_AT_... */
unsigned int hi_attribute_get_name(enum hi_attribute attribute);

/* A LEB128 number at *AT, which is moved behind it; false at the end. */
static inline bool hi_die_take_leb(const uint8_t **at, const uint8_t *end,
				   uint64_t *ret_value)
{
	uint64_t value = 0;

	if (*at < end && !(**at & 0x80)) { /* most are short */
		*ret_value = *(*at)++;
		return true;
	}
	for (int shift = 0; *at < end; shift += 7) {
		uint8_t byte = *(*at)++;

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

static inline bool hi_die_take_signed(const uint8_t **at, const uint8_t *end,
				      int64_t *ret_value)
{
	uint64_t value = 0;

	for (int shift = 0; *at < end;) {
		uint8_t byte = *(*at)++;

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
		if (byte & 0x80)
			continue;
		if (byte & 0x40 && shift < 64)
			value |= UINT64_MAX << shift;
		*ret_value = (int64_t)value;
		return true;
	}
	return false;
}

#endif
