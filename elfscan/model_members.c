/*
 * What types consist of: members and bases, enumerators, parameters.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "elfscan/model_parts.h"

#define ORIGINS_MAX 16

/* The parts of one type, while they are counted. */
struct parts {
	struct hi_model_part *list;
	size_t n, cap;
	int64_t align; /* the largest that a member asks for */
	bool failed;
};

static void add(struct parts *parts, const struct hi_model_part *part)
{
	if (!hi_grow(&parts->list, parts->n, &parts->cap,
		     sizeof(*parts->list))) {
		parts->failed = true;
		return;
	}
	parts->list[parts->n++] = *part;
}

static void take(struct hi_model_reader *reader, struct parts *parts,
		 uint32_t number)
{
	struct hi_model *model = reader->model;
	size_t len = parts->n * sizeof(*parts->list);
	struct hi_model_part *kept = len ? hi_model_alloc(model, len) : NULL;

	if (kept) {
		memcpy(kept, parts->list, len);
		model->types[number].parts = kept;
		model->types[number].n_parts = parts->n;
	}
	model->failed = model->failed || parts->failed;
	free(parts->list);
}

static bool get_number(Dwarf_Die *die, unsigned int name, int64_t *ret_number)
{
	Dwarf_Attribute attr;
	Dwarf_Word number;

	if (dwarf_formudata(dwarf_attr(die, name, &attr), &number))
		return false;
	*ret_number = (int64_t)number;
	return true;
}

/* In data1, data2 and data4 gcc writes what is not negative, up to the last bit. */
static bool get_signed(Dwarf_Die *die, unsigned int name, int64_t *ret_number)
{
	Dwarf_Attribute attr;
	Dwarf_Sword number;

	if (!dwarf_attr(die, name, &attr))
		return false;
	switch (dwarf_whatform(&attr)) {
	case DW_FORM_data1:
	case DW_FORM_data2:
	case DW_FORM_data4:
		return get_number(die, name, ret_number);
	default:
		break;
	}
	if (dwarf_formsdata(&attr, &number))
		return false;
	*ret_number = number;
	return true;
}

static const char *copy_name(struct hi_model_reader *reader, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	return name ? hi_model_copy(reader->model, name) : "";
}

/* --- structs, classes, unions --------------------------------------------- */

/* The operand of a one-operation expression: DW_OP_plus_uconst, DW_OP_constu. */
static bool get_operand(Dwarf_Die *die, unsigned int name, int64_t *ret_number)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	if (!dwarf_attr(die, name, &attr) ||
	    dwarf_getlocation(&attr, &ops, &n) || n != 1)
		return false;
	*ret_number = (int64_t)ops[0].number;
	return true;
}

/*
 * DWARF 5 counts a bit-field's first bit from the start of the struct; DWARF 2 to
 * 4 from the most significant end of a storage unit.
 */
static bool get_place(Dwarf_Die *die, int64_t n_bits, int64_t *ret_bits)
{
	int64_t place = 0, unit, from_top;

	if (get_number(die, DW_AT_data_bit_offset, ret_bits))
		return true;
	if (dwarf_hasattr(die, DW_AT_data_member_location) &&
	    !get_number(die, DW_AT_data_member_location, &place) &&
	    !get_operand(die, DW_AT_data_member_location, &place))
		return false;
	/* damaged numbers may be of any size */
	place = (int64_t)((uint64_t)place * 8);
	if (n_bits && get_number(die, DW_AT_bit_offset, &from_top)) {
		if (!get_number(die, DW_AT_byte_size, &unit))
			return false;
		place = (int64_t)((uint64_t)place + (uint64_t)unit * 8 -
				  (uint64_t)from_top - (uint64_t)n_bits);
	}
	*ret_bits = place;
	return true;
}

static void add_member(struct hi_model_reader *reader, struct parts *parts,
		       Dwarf_Die *die, enum hi_model_part_kind kind)
{
	struct hi_model_part part = { .kind = kind };
	int64_t n_bits = 0, virtuality = 0, align = 0;
	bool is_table;

	get_number(die, DW_AT_bit_size, &n_bits);
	part.name = copy_name(reader, die);
	/* the pointer to the table is "_vptr.A", or "_vptr$A" by clang */
	get_number(die, DW_AT_alignment, &align);
	if (align > parts->align)
		parts->align = align;
	is_table = !strncmp(part.name, "_vptr", 5);
	if (is_table)
		part.name = "_vptr";
	part.bits = (uint32_t)n_bits;
	part.type = is_table ? HI_TYPE_NUMBER_VOID :
			       hi_model_read_type_of(reader, die);
	/* clang names a base as the source does, gcc the class */
	if (kind == HI_PART_BASE)
		part.type = hi_model_peel(reader->model, part.type);
	if (!get_place(die, n_bits, &part.value)) {
		/* a virtual base is found through the table at run time */
		part.value = 0;
		if (kind == HI_PART_MEMBER)
			part.type = HI_TYPE_NUMBER_UNKNOWN;
	}
	if (kind == HI_PART_BASE &&
	    get_number(die, DW_AT_virtuality, &virtuality) &&
	    virtuality == DW_VIRTUALITY_virtual) {
		part.is_virtual = true;
		part.value = 0;
	}
	add(parts, &part);
}

static void add_virtual(struct hi_model_reader *reader, struct parts *parts,
			Dwarf_Die *die)
{
	struct hi_model_part part = { .kind = HI_PART_VIRTUAL,
				      .is_virtual = true };
	Dwarf_Attribute attr;
	const char *linkage;

	if (!get_operand(die, DW_AT_vtable_elem_location, &part.value))
		return;
	linkage = dwarf_formstring(dwarf_attr(die, DW_AT_linkage_name, &attr));
	if (!linkage)
		linkage = dwarf_formstring(
			dwarf_attr(die, DW_AT_MIPS_linkage_name, &attr));
	part.name = copy_name(reader, die);
	/* gcc does not say in which slots a destructor is, clang only one */
	if (*part.name == '~')
		return;
	if (linkage)
		part.name = hi_model_copy(reader->model, linkage);
	part.type = hi_model_read_function(reader, die);
	add(parts, &part);
}

/* The number by which one of several members is known to be there. */
static void add_variant(struct hi_model_reader *reader, struct parts *parts,
			Dwarf_Die *die)
{
	struct hi_model_part part = { .kind = HI_PART_VARIANT };
	Dwarf_Die member;

	if (!get_number(die, DW_AT_discr_value, &part.value) ||
	    dwarf_child(die, &member) || dwarf_tag(&member) != DW_TAG_member)
		return;
	part.name = copy_name(reader, &member);
	add(parts, &part);
}

/*
 * PhantomData<T> of Rust has no bytes. Containers that keep elements behind untyped
 * pointers have it, to say what the elements are: taken as a pointer to one.
 */
static void add_phantom(struct hi_model_reader *reader, struct parts *parts,
			Dwarf_Die *die)
{
	struct hi_model_type pointer = { .kind = HI_MODEL_POINTER, .name = "" };
	struct hi_model_part part = { .kind = HI_PART_MEMBER };
	bool no_matter;

	part.name = copy_name(reader, die);
	pointer.target = hi_model_read_type_of(reader, die);
	part.type = hi_model_intern(reader, &pointer, 0, &no_matter);
	add(parts, &part);
}

static bool is_phantom(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	return name && !strncmp(name, "PhantomData<", 12);
}

static void add_members(struct hi_model_reader *reader, struct parts *parts,
			Dwarf_Die *parent, int depth)
{
	Dwarf_Die die;

	if (depth > 8 || dwarf_child(parent, &die))
		return;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_inheritance:
			add_member(reader, parts, &die, HI_PART_BASE);
			break;
		case DW_TAG_member:
			/* a static one of C++ is only declared here */
			if (!dwarf_hasattr(&die, DW_AT_declaration) &&
			    !dwarf_hasattr(&die, DW_AT_external))
				add_member(reader, parts, &die, HI_PART_MEMBER);
			break;
		case DW_TAG_subprogram:
			if (dwarf_hasattr(&die, DW_AT_vtable_elem_location))
				add_virtual(reader, parts, &die);
			break;
		case DW_TAG_variant:
			add_variant(reader, parts, &die);
			/* fall through */
		case DW_TAG_variant_part: /* an enum of Rust */
			add_members(reader, parts, &die, depth + 1);
			break;
		case DW_TAG_template_type_parameter:
			if (is_phantom(parent))
				add_phantom(reader, parts, &die);
			break;
		}
	} while (!dwarf_siblingof(&die, &die));
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

static bool is_sorted(const struct parts *parts)
{
	for (size_t i = 1; i < parts->n; i++) {
		const struct hi_model_part *a = &parts->list[i - 1], *b = a + 1;

		if (get_rank(a) != get_rank(b) ? get_rank(a) > get_rank(b) :
						 a->value > b->value)
			return false;
	}
	return true;
}

void hi_model_read_members(struct hi_model_reader *reader, Dwarf_Die *die,
			   uint32_t number)
{
	struct parts parts = { 0 };

	add_members(reader, &parts, die, 0);
	/* clang says it of the member alone, gcc of the struct as well */
	if (parts.align > reader->model->types[number].align)
		reader->model->types[number].align = (uint32_t)parts.align;
	/* the order of the source is kept where it can be */
	if (parts.n && !is_sorted(&parts))
		qsort(parts.list, parts.n, sizeof(*parts.list), compare_parts);
	take(reader, &parts, number);
}

/* --- enums ---------------------------------------------------------------- */

void hi_model_read_enumerators(struct hi_model_reader *reader, Dwarf_Die *die,
			       uint32_t number)
{
	struct parts parts = { 0 };
	uint32_t integer = HI_TYPE_NUMBER_UNKNOWN;
	Dwarf_Die child, type;

	if (hi_dies_get_type(die, &type))
		integer = hi_model_read_type(reader, &type);
	reader->model->types[number].target = integer;
	if (!dwarf_child(die, &child)) {
		do {
			struct hi_model_part part = {
				.kind = HI_PART_ENUMERATOR
			};

			if (dwarf_tag(&child) != DW_TAG_enumerator)
				continue;
			part.name = copy_name(reader, &child);
			if (!get_signed(&child, DW_AT_const_value, &part.value))
				get_number(&child, DW_AT_const_value,
					   &part.value);
			add(&parts, &part);
		} while (!dwarf_siblingof(&child, &child));
	}
	take(reader, &parts, number);
}

/* --- functions ------------------------------------------------------------ */

/* "this" is constant where a method is defined, not where it is declared. */
static uint32_t read_parameter_type(struct hi_model_reader *reader,
				    Dwarf_Die *die)
{
	uint32_t number = hi_model_read_type_of(reader, die);
	const struct hi_model_type *type = &reader->model->types[number];

	return type->kind == HI_MODEL_CONST &&
			       dwarf_hasattr_integrate(die, DW_AT_artificial) ?
		       type->target :
		       number;
}

static void add_parameters(struct hi_model_reader *reader, struct parts *parts,
			   Dwarf_Die *parent, struct hi_model_type *type)
{
	Dwarf_Die die;

	if (dwarf_child(parent, &die))
		return;
	do {
		struct hi_model_part part = { .kind = HI_PART_PARAMETER };

		switch (dwarf_tag(&die)) {
		case DW_TAG_GNU_formal_parameter_pack:
			add_parameters(reader, parts, &die, type);
			break;
		case DW_TAG_unspecified_parameters:
			type->is_variadic = true;
			break;
		case DW_TAG_formal_parameter:
			/* gcc's __in_chrg and __vtt_parm: the ABI's own matter */
			if (parts->n &&
			    dwarf_hasattr_integrate(&die, DW_AT_artificial))
				break;
			part.name = copy_name(reader, &die);
			part.type = read_parameter_type(reader, &die);
			add(parts, &part);
			break;
		}
	} while (!dwarf_siblingof(&die, &die));
}

/* A declaration may leave out the names that the definition has. */
static void take_names(struct parts *to, const struct parts *from)
{
	for (size_t i = 0; i < to->n && to->n == from->n; i++)
		if (!*to->list[i].name)
			to->list[i].name = from->list[i].name;
}

static bool step_to_origin(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die origin;

	if (!dwarf_formref_die(dwarf_attr(die, DW_AT_abstract_origin, &attr),
			       &origin) &&
	    !dwarf_formref_die(dwarf_attr(die, DW_AT_specification, &attr),
			       &origin))
		return false;
	*die = origin;
	return true;
}

/*
 * The body that was compiled may lack parameters that the optimizer found unused;
 * the abstract function and the declaration in a class have all.
 */
void hi_model_read_parameters(struct hi_model_reader *reader, Dwarf_Die *die,
			      uint32_t number)
{
	struct hi_model_type type = { .target = hi_model_read_type_of(reader,
								      die) };
	struct parts parts = { 0 };
	Dwarf_Die at = *die;

	for (int i = 0; i < ORIGINS_MAX; i++) {
		struct parts nearer = { 0 };

		add_parameters(reader, &nearer, &at, &type);
		if (nearer.n) {
			take_names(&nearer, &parts);
			free(parts.list);
			parts = nearer;
		}
		if (!step_to_origin(&at))
			break;
	}
	reader->model->types[number].target = type.target;
	reader->model->types[number].is_variadic = type.is_variadic;
	take(reader, &parts, number);
}
