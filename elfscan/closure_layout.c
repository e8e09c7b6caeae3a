/*
 * What the objects of closures are made of, from the debug information.
 */
#include <dwarf.h>
#include <string.h>

#include "elfscan/closure.h"
#include "elfscan/hash.h"

#define DEPTH_MAX 64 /* of types inside each other, by value */

static uint64_t mix(uint64_t seed, const void *bytes, size_t len)
{
	return hi_hash(bytes, len, seed);
}

static uint64_t mix_number(uint64_t seed, uint64_t number)
{
	return mix(seed, &number, sizeof(number));
}

static uint64_t mix_text(uint64_t seed, const char *text)
{
	return text ? mix(seed, text, strlen(text)) : mix_number(seed, 0);
}

static bool get_type(Dwarf_Die *die, Dwarf_Die *ret_type)
{
	Dwarf_Attribute attr;

	return dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attr),
				 ret_type) &&
	       dwarf_peel_type(ret_type, ret_type) == 0;
}

static uint64_t get_number(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;
	Dwarf_Word number = 0;

	(void)dwarf_formudata(dwarf_attr_integrate(die, name, &attr), &number);
	return number;
}

/* How to look: with the names of members or without, and how deep it is already. */
struct look {
	bool named;
	int depth;
};

static uint64_t mix_type(uint64_t seed, Dwarf_Die *type, struct look look);

/* Members, bases, the variants of an enum of Rust and what tells them apart. */
static uint64_t mix_parts(uint64_t seed, Dwarf_Die *type, struct look look)
{
	Dwarf_Die child, of;

	if (dwarf_child(type, &child) != 0)
		return seed;
	do {
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_variant_part || tag == DW_TAG_variant) {
			seed = mix_number(seed, (uint64_t)tag);
			seed = mix_number(seed, get_number(&child,
							   DW_AT_discr_value));
			seed = mix_parts(seed, &child, look);
		}
		if ((tag != DW_TAG_member && tag != DW_TAG_inheritance &&
		     tag != DW_TAG_subrange_type) ||
		    dwarf_hasattr(&child, DW_AT_declaration))
			continue;
		if (look.named)
			seed = mix_text(seed, dwarf_diename(&child));
		seed = mix_number(seed, get_number(&child,
						   DW_AT_data_member_location));
		seed = mix_number(seed, get_number(&child, DW_AT_upper_bound));
		seed = mix_number(seed, get_number(&child, DW_AT_count));
		if (tag != DW_TAG_subrange_type && get_type(&child, &of))
			seed = mix_type(seed, &of, look);
	} while (dwarf_siblingof(&child, &child) == 0);
	return seed;
}

/* Pointers are all alike: what they lead to is not inside the object. */
static uint64_t mix_type(uint64_t seed, Dwarf_Die *type, struct look look)
{
	Dwarf_Die of;
	int tag = dwarf_tag(type);

	seed = mix_number(seed, (uint64_t)tag);
	seed = mix_number(seed, get_number(type, DW_AT_byte_size));
	if (look.depth++ == DEPTH_MAX)
		return seed;
	switch (tag) {
	case DW_TAG_base_type:
		return mix_number(seed, get_number(type, DW_AT_encoding));
	case DW_TAG_array_type:
		if (get_type(type, &of))
			seed = mix_type(seed, &of, look);
		return mix_parts(seed, type, look);
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		return mix_parts(seed, type, look);
	default:
		return seed;
	}
}

static bool is_pointer(Dwarf_Die *type)
{
	int tag = dwarf_tag(type);

	return tag == DW_TAG_pointer_type || tag == DW_TAG_reference_type ||
	       tag == DW_TAG_rvalue_reference_type;
}

/* The name that C gives to a type without one, which POINTER leads to; or NULL. */
static const char *find_typedef(const Dwarf_Die *pointer)
{
	Dwarf_Attribute attr;
	Dwarf_Die at = *pointer;

	while (dwarf_formref_die(dwarf_attr(&at, DW_AT_type, &attr), &at)) {
		int tag = dwarf_tag(&at);

		if (tag == DW_TAG_typedef)
			return dwarf_diename(&at);
		if (tag != DW_TAG_const_type && tag != DW_TAG_volatile_type)
			break;
	}
	return NULL;
}

/* What a pointer leads to, or Pin<&mut T>: a struct with nothing but one. */
static bool follow(Dwarf_Die *type, Dwarf_Die *ret_pointer)
{
	Dwarf_Die child, of = *type;

	if (dwarf_tag(type) == DW_TAG_structure_type &&
	    dwarf_child(type, &child) == 0)
		do {
			if (dwarf_tag(&child) == DW_TAG_member &&
			    !get_type(&child, &of))
				return false;
		} while (dwarf_siblingof(&child, &child) == 0);
	*ret_pointer = of;
	return is_pointer(&of) && get_type(&of, type);
}

/* The entry with the parameters: of what was compiled as a copy, the original. */
static bool find_first_parameter(Dwarf_Die *function, Dwarf_Die *ret_type)
{
	Dwarf_Die child;

	if (dwarf_child(function, &child) != 0)
		return false;
	do {
		if (dwarf_tag(&child) == DW_TAG_formal_parameter)
			return get_type(&child, ret_type);
	} while (dwarf_siblingof(&child, &child) == 0);
	return false;
}

static uint64_t mix_arguments(uint64_t seed, Dwarf_Die *class)
{
	Dwarf_Die child, type;

	if (dwarf_child(class, &child) != 0)
		return seed;
	do {
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_GNU_template_parameter_pack)
			seed = mix_arguments(seed, &child);
		if (tag == DW_TAG_template_type_parameter &&
		    get_type(&child, &type))
			seed = mix_type(seed, &type,
					(struct look){ .named = true });
	} while (dwarf_siblingof(&child, &child) == 0);
	return seed;
}

uint64_t hi_closure_layout(struct hi_scopes *scopes, Dwarf_Die *function)
{
	Dwarf_Die type, class, no_matter;
	uint64_t layout = 1;

	if (find_first_parameter(function, &type)) {
		(void)follow(&type, &no_matter);
		layout =
			mix_type(layout, &type, (struct look){ .named = true });
	}
	if (hi_scopes_find_class(scopes, function, &class))
		layout = mix_arguments(layout, &class);
	return layout;
}

bool hi_receiver_find(Dwarf_Die *function, struct hi_receiver *ret_receiver)
{
	Dwarf_Die type, pointer;
	const char *name;
	int tag;

	if (!find_first_parameter(function, &type) || !follow(&type, &pointer))
		return false;
	tag = dwarf_tag(&type);
	name = dwarf_diename(&type);
	if (!name)
		name = find_typedef(&pointer);
	if (!name ||
	    (tag != DW_TAG_structure_type && tag != DW_TAG_class_type &&
	     tag != DW_TAG_union_type) ||
	    dwarf_hasattr(&type, DW_AT_declaration))
		return false;
	*ret_receiver = (struct hi_receiver){
		.type = type,
		.size = get_number(&type, DW_AT_byte_size),
		.keyword = tag == DW_TAG_class_type ? "class" : "struct",
		.name = name,
	};
	return true;
}

uint64_t hi_receiver_layout(struct hi_receiver *receiver)
{
	return mix_type(1, &receiver->type, (struct look){ .named = false });
}
