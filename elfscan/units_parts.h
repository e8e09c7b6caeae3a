/*
 * units_parts - what the files of the units module share; nobody else includes
 * it.
 */
#ifndef HI_ELFSCAN_UNITS_PARTS_H
#define HI_ELFSCAN_UNITS_PARTS_H

#include <stdint.h>

#include "common/grow.h"
#include "elfscan/units.h"

struct hi_bytes {
	const uint8_t *at;
	size_t len;
};

/* The sections that entries are made of. */
struct hi_unit_sections {
	struct hi_bytes info;
	struct hi_bytes abbrev;
	struct hi_bytes str; /* ends with a NUL, as does the next */
	struct hi_bytes line_str;
};

/* A function or variable that may be somebody's. */
struct hi_unit_entry {
	uint32_t at;    /* in the unit */
	uint32_t place; /* where its 8 bytes of address stand in the unit; 0 */
	bool function;  /* or a variable */
	bool tls;       /* the place holds an offset, of ... */
	uint8_t place_len; /* ... 4 or 8 bytes */
	bool ranges;       /* the addresses are in another section */
	bool nowhere;      /* an external function without an address */
	const char *name;  /* NULL: none */
	const char *linkage;
};

/* A field that holds an offset of a string. */
struct hi_unit_string {
	uint32_t at : 31;
	uint32_t line : 1; /* in .debug_line_str */
};

/* Units that are alike have one. */
struct hi_unit_digest {
	size_t n_users;
	/* of the first unit */
	struct hi_bytes unit;
	struct hi_bytes abbrevs;
	struct hi_unit_sections sections;
	uint8_t *mask; /* a bit that may differ is 0 */
	struct hi_unit_string *strings;
	size_t n_strings;
	size_t cap_strings;
	struct hi_unit_entry *entries;
	size_t n_entries;
	size_t cap_entries;
};

struct hi_unit {
	uint32_t start; /* in .debug_info */
	struct hi_unit_digest *digest;
};

/* The entry of a symbol. */
struct hi_unit_found {
	uint32_t unit; /* 1 more; 0: nothing was found */
	uint32_t entry;
	uint8_t fit;
};

struct hi_units {
	const struct hi_image *image;
	const struct hi_symbol *functions, *variables;
	size_t n_functions, n_variables;
	struct hi_unit_sections sections;
	struct hi_unit *units;
	size_t n;
	size_t n_shared;
	struct hi_unit_found *found; /* of functions, then of variables */
	struct hi_dies *opened;      /* for those who want to see an entry */
};

/* The entry AT bytes from the start of a unit. */
bool hi_units_get_die(struct hi_units *units, size_t unit, uint32_t at,
		      Dwarf_Die *ret_die);

/* Where the table of abbreviations of the unit at UNIT begins. */
uint32_t hi_unit_abbrevs_at(const uint8_t *unit);

/* Digest the unit of LEN bytes at UNIT; NULL when that cannot be done. */
struct hi_unit_digest *hi_unit_digest_new(
	const struct hi_unit_sections *sections, const uint8_t *unit,
	size_t len);
void hi_unit_digest_drop(struct hi_unit_digest *digest);

/* What is known of two tables of strings; starts empty, ends with free(found). */
struct hi_unit_strings {
	const uint8_t *old; /* the table of the digest that was asked last */
	bool same;
	uint32_t *found; /* by old offset: the new one and 1, or 0 */
};

/* Whether the unit at UNIT, of the digest's length, is alike. */
bool hi_unit_digest_fits(const struct hi_unit_digest *digest,
			 const struct hi_unit_sections *sections,
			 struct hi_unit_strings *strings, const uint8_t *unit);

/* --- making a digest ----------------------------------------------------- */

struct hi_unit_attribute {
	uint16_t name;
	uint16_t form;
	int64_t value; /* of DW_FORM_implicit_const */
};

struct hi_unit_abbrev {
	uint16_t tag;
	bool known, has_children;
	uint32_t first, n; /* attributes */
};

struct hi_unit_maker {
	struct hi_unit_digest *digest;
	const uint8_t *at;
	const uint8_t *end;
	struct hi_unit_abbrev *abbrevs; /* by code */
	size_t n_abbrevs;
	struct hi_unit_attribute *attributes;
	size_t n_attributes;
	size_t cap_attributes;
	bool peek;   /* an entry is looked at again: nothing is noted */
	bool failed; /* a form that leaves the unit, or damage */
	bool skipped;
};

/* What of an entry matters here. */
struct hi_unit_facts {
	int tag;
	bool has_children;
	bool has_place, is_declaration, is_external, is_ranged;
	const char *name, *linkage;
	uint32_t origin; /* abstract origin, else the specification; 0 */
	uint32_t specification;
	uint32_t place;
	uint8_t place_len;
	bool tls;
};

static inline uint32_t hi_unit_offset(const struct hi_unit_maker *maker,
				      const uint8_t *at)
{
	return (uint32_t)(at - maker->digest->unit.at);
}

/* Step over LEN bytes, or a number; NULL or 0, and failed, at the end. */
const uint8_t *hi_unit_take(struct hi_unit_maker *maker, uint64_t len);
uint64_t hi_unit_take_word(struct hi_unit_maker *maker, size_t len);
uint64_t hi_unit_take_leb(struct hi_unit_maker *maker);

void hi_unit_read_abbrevs(struct hi_unit_maker *maker);
/* Read one entry and note what of it may differ; false for the end of a list. */
bool hi_unit_read_entry(struct hi_unit_maker *maker,
			struct hi_unit_facts *facts);

#endif
