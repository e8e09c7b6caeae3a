#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/types_parts.h"

static bool get_number(Dwarf_Die *die, unsigned int name, int64_t *ret_number)
{
	Dwarf_Attribute attr;
	Dwarf_Word number;

	if (dwarf_formudata(dwarf_attr(die, name, &attr), &number))
		return false;
	*ret_number = (int64_t)number;
	return true;
}

/*
 * DWARF 5 counts a bit-field's first bit from the start of the struct; DWARF 2 to
 * 4 from the most significant end of a storage unit.
 */
static int64_t get_bit(Dwarf_Die *die, int64_t n_bits)
{
	int64_t place = 0, unit, from_top;
	bool known;

	if (get_number(die, DW_AT_data_bit_offset, &place))
		return place;
	known = !dwarf_hasattr(die, DW_AT_data_member_location) ||
		get_number(die, DW_AT_data_member_location, &place);
	if (!known)
		return -1;
	place *= 8;
	if (n_bits && get_number(die, DW_AT_bit_offset, &from_top)) {
		if (!get_number(die, DW_AT_byte_size, &unit))
			return -1;
		place += unit * 8 - from_top - n_bits;
	}
	return place;
}

static bool read_member(Dwarf_Die *die, struct hi_member *ret_member)
{
	struct hi_member member = { .name = dwarf_diename(die) };

	if (!hi_type_of(die, &member.type))
		return false;
	if (dwarf_tag(die) == DW_TAG_inheritance)
		member.name = dwarf_diename(&member.type);
	if (!member.name)
		member.name = "";
	get_number(die, DW_AT_bit_size, &member.n_bits);
	member.bit = get_bit(die, member.n_bits);
	*ret_member = member;
	return true;
}

static bool is_member(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	/* a static one of C++ before DWARF 5 is a member that is declared */
	return tag == DW_TAG_inheritance ||
	       (tag == DW_TAG_member &&
		!dwarf_hasattr(die, DW_AT_declaration) &&
		!dwarf_hasattr(die, DW_AT_external));
}

static bool add(struct hi_members *members, const struct hi_member *member)
{
	/* the room doubles at each power of two */
	if (!(members->n & (members->n - 1))) {
		size_t cap = members->n ? 2 * members->n : 1;
		void *grown =
			realloc(members->list, cap * sizeof(*members->list));

		if (!grown)
			return false;
		members->list = grown;
	}
	members->list[members->n++] = *member;
	return true;
}

static int compare_places(const void *left, const void *right)
{
	const struct hi_member *a = left, *b = right;

	if (a->bit != b->bit)
		return a->bit < b->bit ? -1 : 1;
	return strcmp(a->name, b->name);
}

void hi_members_read(Dwarf_Die *aggregate, struct hi_members *ret_members)
{
	Dwarf_Die die;

	*ret_members = (struct hi_members){ 0 };
	if (dwarf_child(aggregate, &die))
		return;
	do {
		struct hi_member member;

		if (dwarf_tag(&die) == DW_TAG_variant_part)
			ret_members->unknown = true;
		if (!is_member(&die))
			continue;
		if (!read_member(&die, &member) || !add(ret_members, &member))
			ret_members->unknown = true;
	} while (!dwarf_siblingof(&die, &die));
	/* Rust lists members in the order of the source, not of the layout */
	if (ret_members->n)
		qsort(ret_members->list, ret_members->n,
		      sizeof(*ret_members->list), compare_places);
}

void hi_members_done(struct hi_members *members)
{
	free(members->list);
	*members = (struct hi_members){ 0 };
}
