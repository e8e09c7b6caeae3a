/*
 * die - one entry of the debug information with all its attributes.
 *
 * libdw looks for one attribute at a time, and walks over the others and their
 * abbreviation each time. Here the abbreviations of a unit are read once, and one
 * pass over an entry finds what it has. What is of a form that is not plain (in
 * another section, another unit, another file) is asked of libdw.
 *
 *     abbreviation     name strp, size data1, file data1, line data1, sibling ref4
 *     steps            name 4   | size 1    | skip 2 (both)         | sibling 4
 *
 * Units:     places are bytes, references count from the start of the unit.
 * Ownership: hi_die_units_init() fills a value that hi_die_units_done() ends; an entry
 *            lives as long as it. The Dwarf belongs to the caller and lives longer.
 * Errors:    an entry that is damaged or of a form that is not known is not there:
 *            false. Without memory nothing is there.
 * Threads:   one at a time per value; two must not share a Dwarf.
 * Source:    DWARF 5 ch. 2.2, 7.5.
 */
#ifndef HI_ELFSCAN_DIE_H
#define HI_ELFSCAN_DIE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The attributes that are looked at. */
enum hi_attribute {
	HI_AT_ABSTRACT_ORIGIN,
	HI_AT_ALIGNMENT,
	HI_AT_ARTIFICIAL,
	HI_AT_BIT_OFFSET,
	HI_AT_BIT_SIZE,
	HI_AT_BYTE_SIZE,
	HI_AT_CALLING_CONVENTION,
	HI_AT_CONST_VALUE,
	HI_AT_CONTAINING_TYPE,
	HI_AT_COUNT,
	HI_AT_DATA_BIT_OFFSET,
	HI_AT_DATA_MEMBER_LOCATION,
	HI_AT_DECLARATION,
	HI_AT_DECL_COLUMN,
	HI_AT_DECL_LINE,
	HI_AT_DISCR_VALUE,
	HI_AT_ENCODING,
	HI_AT_EXTERNAL,
	HI_AT_LANGUAGE,
	HI_AT_LINKAGE_NAME,
	HI_AT_LOCATION,
	HI_AT_LOW_PC,
	HI_AT_MIPS_LINKAGE_NAME,
	HI_AT_NAME,
	HI_AT_RANGES,
	HI_AT_SIBLING,
	HI_AT_SIGNATURE,
	HI_AT_SPECIFICATION,
	HI_AT_TYPE,
	HI_AT_UPPER_BOUND,
	HI_AT_VIRTUALITY,
	HI_AT_VTABLE_ELEM_LOCATION,
	HI_AT_N, /* how many; at most 32 */
};

/* How to step over values. */
struct hi_die_step {
	uint8_t kind;
	uint8_t attribute; /* HI_AT_N: none that is looked at */
	uint16_t len;
	uint16_t form;
	uint16_t constant; /* of DW_FORM_implicit_const: which */
};

struct hi_die_abbrev {
	uint32_t has; /* a bit for each attribute that is looked at */
	uint32_t first_step;
	uint16_t n_steps;
	uint16_t tag;
	uint16_t len;        /* of those steps, if it is_fixed */
	uint16_t sibling_at; /* 1 more; 0: it has none, or not DW_FORM_ref4 */
	bool is_known, has_children, is_fixed;
	bool is_part; /* of what its parent describes */
};

/* .debug_info and .debug_types, plain and split. */
#define HI_ENTRY_SECTIONS 4

struct hi_die_section {
	const uint8_t *at;
	size_t len;
};

struct hi_die_unit {
	Dwarf_CU *cu;
	const uint8_t *start; /* of its header */
	const uint8_t *first; /* of its entries */
	const uint8_t *end;
	uint8_t address_len;
	uint8_t offset_len;
	Dwarf_Half version;
	int language;                  /* DW_LANG_..., or less than 0 */
	struct hi_die_section texts;   /* .debug_str; or empty: ask libdw */
	struct hi_die_abbrev *abbrevs; /* by code */
	size_t n_abbrevs;
	struct hi_die_step *steps;
	size_t n_steps, cap_steps;
	int64_t *constants; /* of DW_FORM_implicit_const */
	size_t n_constants, cap_constants;
};

struct hi_die_units {
	struct hi_die_unit **units; /* a hash table by cu */
	size_t n_units, cap_units;
	struct hi_die_unit *last; /* that was asked for; or NULL */
	Dwarf *dwarf;             /* whose sections these are, or NULL */
	struct hi_die_section abbrevs, texts;
	struct hi_die_section entries[HI_ENTRY_SECTIONS]; /* or empty */
};

struct hi_die {
	Dwarf_Die die;
	const struct hi_die_unit *unit;
	const struct hi_die_abbrev *abbrev;
	const uint8_t *end; /* where its children begin, or the next entry */
	int tag;
	struct {
		const uint8_t *at; /* of DW_FORM_implicit_const an int64_t */
		uint16_t form;
	} values[HI_AT_N]; /* only of those that it has */
};

/* Where an entry is, for those who keep many. */
struct hi_die_place {
	const void *at;
	Dwarf_CU *cu;
};

static inline struct hi_die_place hi_die_get_place(const Dwarf_Die *die)
{
	return (struct hi_die_place){ die->addr, die->cu };
}

static inline Dwarf_Die hi_die_at(const struct hi_die_place *place)
{
	return (Dwarf_Die){ .addr = (void *)place->at, .cu = place->cu };
}

void hi_die_units_init(struct hi_die_units *units);
void hi_die_units_done(struct hi_die_units *units);

/* The unit of an entry, or NULL. */
const struct hi_die_unit *hi_die_find_unit(struct hi_die_units *units,
					   Dwarf_CU *cu);
/* C has no scopes. */
bool hi_die_unit_is_c(const struct hi_die_unit *unit);

bool hi_die_read(struct hi_die_units *units, const Dwarf_Die *die,
		 struct hi_die *ret_entry);
/* The first child of PARENT that is a part of what it describes: a member, a base, a
   method, a parameter (of a template, too), an enumerator, a range. Others are
   stepped over. */
bool hi_die_read_part(const struct hi_die *parent, struct hi_die *ret_entry);
/* Go on to the next one of the same parent; false after the last. */
bool hi_die_next_part(struct hi_die *entry);

static inline bool hi_die_has(const struct hi_die *entry,
			      enum hi_attribute attribute)
{
	return entry->abbrev->has >> attribute & 1;
}

bool hi_die_get_number(const struct hi_die *entry, enum hi_attribute attribute,
		       uint64_t *ret_number);
bool hi_die_get_signed(const struct hi_die *entry, enum hi_attribute attribute,
		       int64_t *ret_number);
bool hi_die_get_address(const struct hi_die *entry, enum hi_attribute attribute,
			Dwarf_Addr *ret_addr);
/* NULL when it has none. */
const char *hi_die_get_text(const struct hi_die *entry,
			    enum hi_attribute attribute);
/* A number or flag that is looked at nowhere above, DW_AT_...: libdw is asked. */
bool hi_die_ask(const struct hi_die *entry, unsigned int name,
		uint64_t *ret_value);
/* The attribute as libdw takes it; false when it has none. */
bool hi_die_get(const struct hi_die *entry, enum hi_attribute attribute,
		Dwarf_Attribute *ret_attr);
/* As dwarf_formref_die(), which in 0.188 takes references of DWARF 5 into another
   file for such into the same unit. */
bool hi_die_follow(Dwarf_Attribute *attr, Dwarf_Die *ret_die);
/* What the attribute refers to; its entry must still be read. */
bool hi_die_get_reference(const struct hi_die *entry,
			  enum hi_attribute attribute, Dwarf_Die *ret_die);

/* ENTRY when it has the attribute, or the first that it is made from (of an inlined
   function, of a declaration) and that does, in *ROOM; or NULL. */
const struct hi_die *hi_die_find(struct hi_die_units *units,
				 const struct hi_die *entry,
				 enum hi_attribute attribute,
				 struct hi_die *room);

/* The values, or NULL and ABSENT, of the entry or one that it is made from. */
const char *hi_die_find_text(struct hi_die_units *units,
			     const struct hi_die *entry,
			     enum hi_attribute attribute);
uint64_t hi_die_find_number(struct hi_die_units *units,
			    const struct hi_die *entry,
			    enum hi_attribute attribute, uint64_t absent);
bool hi_die_find_reference(struct hi_die_units *units,
			   const struct hi_die *entry,
			   enum hi_attribute attribute, Dwarf_Die *ret_die);

/* --- for those who make and step over them --------------------------------- */

/* The abbreviation of the entry at AT, which is moved behind its code; NULL for the
   end of a list. False at damage. */
bool hi_die_step_in(const struct hi_die_unit *unit, const uint8_t **at,
		    const struct hi_die_abbrev **ret_abbrev);
/* Where the entry ends whose values begin at AT; *RET_SIBLING is where the next child
   of its parent begins, or NULL. NULL at damage. */
const uint8_t *hi_die_step_over(const struct hi_die_unit *unit,
				const struct hi_die_abbrev *abbrev,
				const uint8_t *at, const uint8_t **ret_sibling);

#endif
