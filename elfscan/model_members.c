/*
 * What types consist of: members and bases, enumerators.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/model_parts.h"

static bool get_number(const struct hi_die *entry, enum hi_attribute attribute,
		       int64_t *ret_number)
{
	uint64_t number;

	if (!hi_die_get_number(entry, attribute, &number))
		return false;
	*ret_number = (int64_t)number;
	return true;
}

/* --- structs, classes, unions --------------------------------------------- */

/* The operand of a one-operation expression: DW_OP_plus_uconst, DW_OP_constu. */
static bool get_operand(const struct hi_die *entry, enum hi_attribute attribute,
			int64_t *ret_number)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	if (!hi_die_get(entry, attribute, &attr) ||
	    dwarf_getlocation(&attr, &ops, &n) || n != 1)
		return false;
	*ret_number = (int64_t)ops[0].number;
	return true;
}

/*
 * DWARF 5 counts a bit-field's first bit from the start of the struct; DWARF 2 to
 * 4 from the most significant end of a storage unit.
 */
static bool get_place(const struct hi_die *entry, int64_t n_bits,
		      int64_t *ret_bits)
{
	int64_t place = 0, unit, from_top;

	if (get_number(entry, HI_AT_DATA_BIT_OFFSET, ret_bits))
		return true;
	if (hi_die_has(entry, HI_AT_DATA_MEMBER_LOCATION) &&
	    !get_number(entry, HI_AT_DATA_MEMBER_LOCATION, &place) &&
	    !get_operand(entry, HI_AT_DATA_MEMBER_LOCATION, &place))
		return false;
	/* damaged numbers may be of any size */
	place = (int64_t)((uint64_t)place * 8);
	if (n_bits && get_number(entry, HI_AT_BIT_OFFSET, &from_top)) {
		if (!get_number(entry, HI_AT_BYTE_SIZE, &unit))
			return false;
		place = (int64_t)((uint64_t)place + (uint64_t)unit * 8 -
				  (uint64_t)from_top - (uint64_t)n_bits);
	}
	*ret_bits = place;
	return true;
}

static void add_member(struct hi_model_reader *reader,
		       struct hi_part_list *parts, const struct hi_die *entry,
		       enum hi_model_part_kind kind)
{
	struct hi_model_part part = { .kind = kind };
	int64_t n_bits = 0, virtuality = 0, align = 0;
	bool is_table;

	get_number(entry, HI_AT_BIT_SIZE, &n_bits);
	part.name = hi_model_copy_name(reader, entry);
	/* the pointer to the table is "_vptr.A", or "_vptr$A" by clang */
	get_number(entry, HI_AT_ALIGNMENT, &align);
	if (align > parts->align)
		parts->align = align;
	is_table = !strncmp(part.name, "_vptr", 5);
	if (is_table)
		part.name = "_vptr";
	part.bits = (uint32_t)n_bits;
	part.type = is_table ? HI_TYPE_NUMBER_VOID :
			       hi_model_read_type_of(reader, entry);
	/* clang names a base as the source does, gcc the class */
	if (kind == HI_PART_BASE)
		part.type = hi_model_peel(reader->model, part.type);
	if (!get_place(entry, n_bits, &part.value)) {
		/* a virtual base is found through the table at run time */
		part.value = 0;
		if (kind == HI_PART_MEMBER)
			part.type = HI_TYPE_NUMBER_UNKNOWN;
	}
	if (kind == HI_PART_BASE &&
	    get_number(entry, HI_AT_VIRTUALITY, &virtuality) &&
	    virtuality == DW_VIRTUALITY_virtual) {
		part.is_virtual = true;
		part.value = 0;
	}
	hi_part_list_add(parts, &part);
}

static void add_virtual(struct hi_model_reader *reader,
			struct hi_part_list *parts, const struct hi_die *entry)
{
	struct hi_model_part part = { .kind = HI_PART_VIRTUAL,
				      .is_virtual = true };
	const char *linkage;

	if (!get_operand(entry, HI_AT_VTABLE_ELEM_LOCATION, &part.value))
		return;
	linkage = hi_die_get_text(entry, HI_AT_LINKAGE_NAME);
	if (!linkage)
		linkage = hi_die_get_text(entry, HI_AT_MIPS_LINKAGE_NAME);
	part.name = hi_model_copy_name(reader, entry);
	/* gcc does not say in which slots a destructor is, clang only one */
	if (*part.name == '~')
		return;
	if (linkage)
		part.name = hi_model_copy(reader->model, linkage);
	part.type = hi_model_read_function(reader, &entry->die);
	hi_part_list_add(parts, &part);
}

/* The number by which one of several members is known to be there. */
static void add_variant(struct hi_model_reader *reader,
			struct hi_part_list *parts, const struct hi_die *entry)
{
	struct hi_model_part part = { .kind = HI_PART_VARIANT };
	struct hi_die member;

	if (!get_number(entry, HI_AT_DISCR_VALUE, &part.value) ||
	    !hi_die_read_part(entry, &member) || member.tag != DW_TAG_member)
		return;
	part.name = hi_model_copy_name(reader, &member);
	hi_part_list_add(parts, &part);
}

/*
 * PhantomData<T> of Rust has no bytes. Containers that keep elements behind untyped
 * pointers have it, to say what the elements are: taken as a pointer to one.
 */
static void add_phantom(struct hi_model_reader *reader,
			struct hi_part_list *parts, const struct hi_die *entry)
{
	struct hi_model_type pointer = { .kind = HI_MODEL_POINTER, .name = "" };
	struct hi_model_part part = { .kind = HI_PART_MEMBER };
	bool no_matter;

	part.name = hi_model_copy_name(reader, entry);
	pointer.target = hi_model_read_type_of(reader, entry);
	part.type = hi_model_intern(reader, &pointer, 0, &no_matter);
	hi_part_list_add(parts, &part);
}

static bool is_phantom(struct hi_model_reader *reader,
		       const struct hi_die *entry)
{
	const char *name = hi_die_find_text(reader->entries, entry, HI_AT_NAME);

	return name && !strncmp(name, "PhantomData<", 12);
}

static bool is_call(struct hi_model_reader *reader, const struct hi_die *entry)
{
	const char *name = hi_die_find_text(reader->entries, entry, HI_AT_NAME);

	return name && !strcmp(name, "operator()");
}

/* What the lambda [a] holds is called "__a" by gcc, "a" by clang. */
static void name_as_captured(struct hi_part_list *parts)
{
	for (size_t i = 0; i < parts->n; i++)
		if (!strncmp(parts->list[i].name, "__", 2))
			parts->list[i].name += 2;
}

static void add_members(struct hi_model_reader *reader,
			struct hi_part_list *parts, const struct hi_die *parent,
			int depth)
{
	struct hi_die entry;

	if (depth > 8 || !hi_die_read_part(parent, &entry))
		return;
	do {
		switch (entry.tag) {
		case DW_TAG_inheritance:
			add_member(reader, parts, &entry, HI_PART_BASE);
			break;
		case DW_TAG_member:
			/* a static one of C++ is only declared here */
			if (!hi_die_has(&entry, HI_AT_DECLARATION) &&
			    !hi_die_has(&entry, HI_AT_EXTERNAL))
				add_member(reader, parts, &entry,
					   HI_PART_MEMBER);
			break;
		case DW_TAG_subprogram:
			if (hi_die_has(&entry, HI_AT_VTABLE_ELEM_LOCATION))
				add_virtual(reader, parts, &entry);
			parts->is_called |= is_call(reader, &entry);
			if (parts->copying)
				hi_copying_note(parts->copying, &entry);
			break;
		case DW_TAG_variant:
			add_variant(reader, parts, &entry);
			/* fall through */
		case DW_TAG_variant_part: /* an enum of Rust */
			add_members(reader, parts, &entry, depth + 1);
			break;
		case DW_TAG_template_type_parameter:
			if (is_phantom(reader, parent))
				add_phantom(reader, parts, &entry);
			break;
		}
	} while (hi_die_next_part(&entry));
}

static int get_rank(const struct hi_model_part *part)
{
	return part->kind == HI_PART_VIRTUAL ? 2 :
	       part->kind == HI_PART_VARIANT ? 1 :
					       0;
}

/* Bases and members by place, then variants by number, then virtual functions by
   slot. Rust lists members in the order of the source, not of the layout. */
static int compare_parts(const void *left, const void *right)
{
	const struct hi_model_part *a = left, *b = right;

	if (get_rank(a) != get_rank(b))
		return get_rank(a) - get_rank(b);
	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return strcmp(a->name, b->name);
}

static bool is_sorted(const struct hi_part_list *parts)
{
	for (size_t i = 1; i < parts->n; i++) {
		const struct hi_model_part *a = &parts->list[i - 1], *b = a + 1;

		if (get_rank(a) != get_rank(b) ? get_rank(a) > get_rank(b) :
						 a->value > b->value)
			return false;
	}
	return true;
}

static int find_language(const struct hi_model_reader *reader)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die top, split;

	if (!reader->dies || !reader->dies->dwarf ||
	    dwarf_get_units(reader->dies->dwarf, NULL, &unit, NULL, NULL, &top,
			    &split))
		return -1;
	return dwarf_srclang(&top);
}

/* What dwz has taken out is of no language: that of the first unit. */
static bool is_cplus(struct hi_model_reader *reader, const struct hi_die *entry)
{
	int language = entry->unit->language;

	if (language < 0 && !reader->language)
		reader->language = find_language(reader);
	return hi_copying_is_cplus(language < 0 ? reader->language : language);
}

/* The same for classes of C++, whose methods count. */
static void add_class(struct hi_model_reader *reader,
		      struct hi_part_list *parts, const struct hi_die *entry,
		      struct hi_model_type *type)
{
	struct hi_copying copying = { .entries = reader->entries,
				      .class = entry };

	type->is_cplus = true;
	type->is_copying_said =
		hi_copying_get_convention(entry, &type->copying);
	if (!type->is_copying_said) {
		hi_model_doubt(reader, entry);
		copying.is_doubtful = reader->is_doubtful;
		parts->copying = &copying;
	}
	add_members(reader, parts, entry, 0);
	parts->copying = NULL;
	if (!type->is_copying_said)
		type->copying = hi_copying_judge(&copying);
}

void hi_model_read_members(struct hi_model_reader *reader,
			   const struct hi_die *entry, uint32_t number)
{
	struct hi_model_type said = { 0 }, *type;
	struct hi_part_list parts = { 0 };

	if (is_cplus(reader, entry))
		add_class(reader, &parts, entry, &said);
	else
		add_members(reader, &parts, entry, 0);
	if (parts.is_called && !hi_die_has(entry, HI_AT_NAME))
		name_as_captured(&parts);
	/* types may lie elsewhere now */
	type = &reader->model->types[number];
	type->is_cplus = said.is_cplus;
	type->is_copying_said = said.is_copying_said;
	type->copying = said.copying;
	/* clang says it of the member alone, gcc of the struct as well */
	if (type->align != HI_MODEL_ANY_ALIGN && parts.align > type->align)
		type->align = (uint32_t)parts.align;
	/* the order of the source is kept where it can be */
	if (parts.n && !is_sorted(&parts))
		qsort(parts.list, parts.n, sizeof(*parts.list), compare_parts);
	hi_part_list_take(reader, &parts, number);
}

/* --- enums ---------------------------------------------------------------- */

void hi_model_read_enumerators(struct hi_model_reader *reader,
			       const struct hi_die *entry, uint32_t number)
{
	struct hi_part_list parts = { 0 };
	uint32_t integer = HI_TYPE_NUMBER_UNKNOWN;
	struct hi_die child;
	Dwarf_Die type;

	if (hi_die_find_reference(reader->entries, entry, HI_AT_TYPE, &type))
		integer = hi_model_read_type(reader, &type);
	reader->model->types[number].target = integer;
	if (hi_die_read_part(entry, &child)) {
		do {
			struct hi_model_part part = {
				.kind = HI_PART_ENUMERATOR
			};

			if (child.tag != DW_TAG_enumerator)
				continue;
			part.name = hi_model_copy_name(reader, &child);
			if (!hi_die_get_signed(&child, HI_AT_CONST_VALUE,
					       &part.value))
				get_number(&child, HI_AT_CONST_VALUE,
					   &part.value);
			hi_part_list_add(&parts, &part);
		} while (hi_die_next_part(&child));
	}
	hi_part_list_take(reader, &parts, number);
}
