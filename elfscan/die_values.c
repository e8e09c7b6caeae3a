/*
 * What the attributes of an entry say. Plain forms are read here, the rest by libdw.
 */
#include <dwarf.h>
#include <string.h>

#include "elfscan/die_parts.h"

#define ORIGINS_MAX 16 /* as dwarf_attr_integrate() follows */

bool hi_die_get(const struct hi_die *entry, enum hi_attribute attribute,
		Dwarf_Attribute *ret_attr)
{
	if (!hi_die_has(entry, attribute))
		return false;
	*ret_attr = (Dwarf_Attribute){
		.code = hi_attribute_get_name(attribute),
		.form = entry->values[attribute].form,
		.valp = (unsigned char *)entry->values[attribute].at,
		.cu = entry->unit->cu,
	};
	return true;
}

/* --- numbers --------------------------------------------------------------- */

static uint64_t get_word(const uint8_t *at, size_t len)
{
	uint64_t word = 0;

	memcpy(&word, at, len);
	return word;
}

/* How long the word is that FORM makes of the attribute; 0: it is none. */
static size_t get_word_len(enum hi_attribute attribute, unsigned int form)
{
	switch (form) {
	case DW_FORM_data1:
		return 1;
	case DW_FORM_data2:
		return 2;
	case DW_FORM_data4:
	case DW_FORM_data8:
		/* in old DWARF, places in lists of locations */
		if (attribute == HI_AT_DATA_MEMBER_LOCATION ||
		    attribute == HI_AT_LOCATION ||
		    attribute == HI_AT_VTABLE_ELEM_LOCATION ||
		    attribute == HI_AT_RANGES)
			return 0;
		return form == DW_FORM_data4 ? 4 : 8;
	default:
		return 0;
	}
}

/* What libdw reads as well, for what is met most often. */
static bool get_plain(const struct hi_die *entry, enum hi_attribute attribute,
		      int64_t *ret_number)
{
	const uint8_t *at = entry->values[attribute].at;
	unsigned int form = entry->values[attribute].form;
	size_t len = get_word_len(attribute, form);
	uint64_t number;

	if (len) {
		*ret_number = (int64_t)get_word(at, len);
		return true;
	}
	switch (form) {
	case DW_FORM_implicit_const:
		memcpy(ret_number, at, sizeof(*ret_number));
		return true;
	case DW_FORM_sdata:
		return hi_die_take_signed(&at, entry->unit->end, ret_number);
	case DW_FORM_udata:
		if (!hi_die_take_leb(&at, entry->unit->end, &number))
			return false;
		*ret_number = (int64_t)number;
		return true;
	default:
		return false;
	}
}

bool hi_die_get_number(const struct hi_die *entry, enum hi_attribute attribute,
		       uint64_t *ret_number)
{
	Dwarf_Attribute attr;
	int64_t number;

	if (!hi_die_has(entry, attribute))
		return false;
	if (get_plain(entry, attribute, &number)) {
		*ret_number = (uint64_t)number;
		return true;
	}
	return hi_die_get(entry, attribute, &attr) &&
	       dwarf_formudata(&attr, ret_number) == 0;
}

/* In data1, data2 and data4 gcc writes what is not negative, up to the last bit. */
bool hi_die_get_signed(const struct hi_die *entry, enum hi_attribute attribute,
		       int64_t *ret_number)
{
	Dwarf_Attribute attr;

	if (!hi_die_has(entry, attribute))
		return false;
	if (get_plain(entry, attribute, ret_number))
		return true;
	return hi_die_get(entry, attribute, &attr) &&
	       dwarf_formsdata(&attr, ret_number) == 0;
}

bool hi_die_get_address(const struct hi_die *entry, enum hi_attribute attribute,
			Dwarf_Addr *ret_addr)
{
	Dwarf_Attribute attr;

	if (!hi_die_has(entry, attribute))
		return false;
	if (entry->values[attribute].form != DW_FORM_addr ||
	    entry->unit->address_len != 8)
		return hi_die_get(entry, attribute, &attr) &&
		       dwarf_formaddr(&attr, ret_addr) == 0;
	*ret_addr = get_word(entry->values[attribute].at, 8);
	return true;
}

bool hi_die_ask(const struct hi_die *entry, unsigned int name,
		uint64_t *ret_value)
{
	Dwarf_Die die = entry->die;
	Dwarf_Attribute attr;
	bool flag;

	if (!dwarf_attr(&die, name, &attr))
		return false;
	if (dwarf_formudata(&attr, ret_value) == 0)
		return true;
	if (dwarf_formflag(&attr, &flag) != 0)
		return false;
	*ret_value = flag;
	return true;
}

/* --- texts and references -------------------------------------------------- */

const char *hi_die_get_text(const struct hi_die *entry,
			    enum hi_attribute attribute)
{
	const struct hi_die_unit *unit = entry->unit;
	const uint8_t *at;
	unsigned int form;
	Dwarf_Attribute attr;
	uint64_t place;

	if (!hi_die_has(entry, attribute))
		return NULL;
	at = entry->values[attribute].at;
	form = entry->values[attribute].form;
	if (form == DW_FORM_string)
		return (const char *)at;
	if (form == DW_FORM_strp && unit->texts.len) {
		place = get_word(at, unit->offset_len);
		return place < unit->texts.len ?
			       (const char *)unit->texts.at + place :
			       NULL;
	}
	attr = (Dwarf_Attribute){
		.code = DW_AT_name,
		.form = form,
		.valp = (unsigned char *)at,
		.cu = unit->cu,
	};
	return dwarf_formstring(&attr);
}

/* A place in the same unit. */
static bool get_place(const struct hi_die *entry, enum hi_attribute attribute,
		      uint64_t *ret_place)
{
	const uint8_t *at = entry->values[attribute].at;

	switch (entry->values[attribute].form) {
	case DW_FORM_ref1:
		*ret_place = get_word(at, 1);
		return true;
	case DW_FORM_ref2:
		*ret_place = get_word(at, 2);
		return true;
	case DW_FORM_ref4:
		*ret_place = get_word(at, 4);
		return true;
	case DW_FORM_ref8:
		*ret_place = get_word(at, 8);
		return true;
	case DW_FORM_ref_udata:
		return hi_die_take_leb(&at, entry->unit->end, ret_place);
	default:
		return false;
	}
}

bool hi_die_follow(Dwarf_Attribute *attr, Dwarf_Die *ret_die)
{
	Dwarf_Attribute number;
	Dwarf *alternate;
	Dwarf_Word place;

	if (!attr)
		return false;
	if (attr->form != DW_FORM_ref_sup4 && attr->form != DW_FORM_ref_sup8)
		return dwarf_formref_die(attr, ret_die);
	number = *attr;
	number.form = attr->form == DW_FORM_ref_sup4 ? DW_FORM_data4 :
						       DW_FORM_data8;
	alternate = dwarf_getalt(dwarf_cu_getdwarf(attr->cu));
	return alternate && dwarf_formudata(&number, &place) == 0 &&
	       dwarf_offdie(alternate, place, ret_die);
}

bool hi_die_get_reference(const struct hi_die *entry,
			  enum hi_attribute attribute, Dwarf_Die *ret_die)
{
	const struct hi_die_unit *unit = entry->unit;
	Dwarf_Attribute attr;
	uint64_t place;

	if (!hi_die_has(entry, attribute))
		return false;
	if (!get_place(entry, attribute, &place))
		return hi_die_get(entry, attribute, &attr) &&
		       hi_die_follow(&attr, ret_die);
	if (place < (size_t)(unit->first - unit->start) ||
	    place >= (size_t)(unit->end - unit->start))
		return false;
	*ret_die = (Dwarf_Die){ .addr = (void *)(unit->start + place),
				.cu = unit->cu };
	return true;
}

/* --- what an entry is made from -------------------------------------------- */

const struct hi_die *hi_die_find(struct hi_die_units *units,
				 const struct hi_die *entry,
				 enum hi_attribute attribute,
				 struct hi_die *room)
{
	Dwarf_Die origin;

	for (int i = 0; i <= ORIGINS_MAX; i++) {
		if (hi_die_has(entry, attribute))
			return entry;
		if (!hi_die_get_reference(entry,
					  hi_die_has(entry,
						     HI_AT_ABSTRACT_ORIGIN) ?
						  HI_AT_ABSTRACT_ORIGIN :
						  HI_AT_SPECIFICATION,
					  &origin) ||
		    !hi_die_read(units, &origin, room))
			return NULL;
		entry = room;
	}
	return NULL;
}

const char *hi_die_find_text(struct hi_die_units *units,
			     const struct hi_die *entry,
			     enum hi_attribute attribute)
{
	struct hi_die room;
	const struct hi_die *of = hi_die_find(units, entry, attribute, &room);

	return of ? hi_die_get_text(of, attribute) : NULL;
}

uint64_t hi_die_find_number(struct hi_die_units *units,
			    const struct hi_die *entry,
			    enum hi_attribute attribute, uint64_t absent)
{
	struct hi_die room;
	const struct hi_die *of = hi_die_find(units, entry, attribute, &room);
	uint64_t number;

	return of && hi_die_get_number(of, attribute, &number) ? number :
								 absent;
}

bool hi_die_find_reference(struct hi_die_units *units,
			   const struct hi_die *entry,
			   enum hi_attribute attribute, Dwarf_Die *ret_die)
{
	struct hi_die room;
	const struct hi_die *of = hi_die_find(units, entry, attribute, &room);

	return of && hi_die_get_reference(of, attribute, ret_die);
}
