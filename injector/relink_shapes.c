/* What the variables of a build are, by its debug information: where an index may be
   to. */
#include "injector/relink_parts.h"

#include <dwarf.h>
#include <string.h>

#define DEPTH_MAX 8 /* arrays and structs in one another */
#define DIMS_MAX  8

/* How many bytes, and elements, from the start or the end of an array a constant part
   of an index may lead. */
#define NEAR_BYTES    16
#define NEAR_ELEMENTS 2

static void open_shapes(struct hi_shapes *shapes)
{
	const struct hi_symbol *symbols;
	struct hi_err err;
	size_t n;

	shapes->opened = true;
	hi_dies_init(&shapes->dies, shapes->build->image, shapes->build->units);
	symbols = hi_symtab_get_variables(shapes->build->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if (shapes->build->variables[i] &&
		    hi_dies_want(&shapes->dies, &symbols[i], &err) < 0)
			break; /* those that are not asked for are not known */
	hi_dies_find(&shapes->dies);
}

void hi_relink_close_shapes(struct hi_shapes *shapes)
{
	if (shapes->opened)
		hi_dies_done(&shapes->dies);
	shapes->opened = false;
}

/*
 * A part of a struct that clang has taken to pieces has a number, and nothing in the
 * debug information of its file that stands at its address. It does so only where no
 * address of the struct is ever taken.
 */
static bool is_fragment(const struct hi_shapes *shapes,
			const struct hi_symbol *symbol)
{
	const char *dot = strrchr(symbol->name, '.');
	const struct hi_symbol *symbols;
	Dwarf_Die die;
	size_t n;

	if (!dot || !symbol->file[0] || strspn(dot + 1, "0123456789") == 0 ||
	    dot[1 + strspn(dot + 1, "0123456789")])
		return false;
	symbols = hi_symtab_get_variables(shapes->build->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(symbols[i].file, symbol->file) == 0 &&
		    hi_dies_get(&shapes->dies, &symbols[i], &die))
			return true;
	return false;
}

static bool get_type(Dwarf_Die *die, Dwarf_Die *ret_type)
{
	return hi_dies_get_type(die, ret_type) &&
	       dwarf_peel_type(ret_type, ret_type) == 0;
}

static bool is_number(Dwarf_Die *type)
{
	switch (dwarf_tag(type)) {
	case DW_TAG_base_type:
	case DW_TAG_pointer_type:
	case DW_TAG_enumeration_type:
		return true;
	default:
		return false;
	}
}

bool hi_relink_is_scalar(struct hi_shapes *shapes,
			 const struct hi_symbol *symbol)
{
	Dwarf_Die die, type;

	/* whether a local one has been made (Itanium C++ ABI 3.3.3) */
	if (!strncmp(symbol->name, "_ZGV", 4))
		return true;
	if (!shapes->opened)
		open_shapes(shapes);
	if (!hi_dies_get(&shapes->dies, symbol, &die))
		return is_fragment(shapes, symbol);
	return symbol->size <= 16 && get_type(&die, &type) && is_number(&type);
}

/* --- places in a type ----------------------------------------------------------- */

struct array {
	Dwarf_Die element;
	int64_t size;          /* of an element */
	int64_t len;           /* of all; 0: not known */
	int64_t row[DIMS_MAX]; /* what one step of each index is, outermost first */
	size_t n_dims;
};

static int64_t modulo(int64_t a, int64_t b)
{
	int64_t rest = a % b;

	return rest < 0 ? rest + b : rest;
}

/* How many there are in one dimension; 0: not known. */
static int64_t count_of(Dwarf_Die *subrange)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (dwarf_attr(subrange, DW_AT_count, &attr))
		return dwarf_formudata(&attr, &value) == 0 ? (int64_t)value : 0;
	if (dwarf_attr(subrange, DW_AT_upper_bound, &attr) &&
	    dwarf_formudata(&attr, &value) == 0)
		return (int64_t)value + 1;
	return 0;
}

/* False: not an array whose elements are known. */
static bool read_array(Dwarf_Die *type, struct array *array)
{
	int64_t counts[DIMS_MAX], row;
	Dwarf_Word size;
	Dwarf_Die child;

	array->n_dims = 0;
	if (!get_type(type, &array->element) ||
	    dwarf_aggregate_size(&array->element, &size) != 0 || size == 0 ||
	    size > INT32_MAX || dwarf_child(type, &child) != 0)
		return false;
	array->size = row = (int64_t)size;
	do
		if (dwarf_tag(&child) == DW_TAG_subrange_type &&
		    array->n_dims < DIMS_MAX)
			counts[array->n_dims++] = count_of(&child);
	while (dwarf_siblingof(&child, &child) == 0);
	for (size_t i = array->n_dims; i-- > 0;) {
		array->row[i] = row;
		if (counts[i] < 0 || counts[i] > INT32_MAX / row)
			return false;
		row *= counts[i];
		if (row == 0 && i > 0)
			return false;
	}
	array->len = row;
	return array->n_dims > 0;
}

typedef bool place_test(Dwarf_Die *type, int64_t at, int depth);

/* Whether TEST is true of a member of TYPE, for the place AT of TYPE. */
static bool any_member(Dwarf_Die *type, int64_t at, int depth, place_test *test)
{
	Dwarf_Die member, member_type;

	if (dwarf_child(type, &member) != 0)
		return false;
	do {
		int tag = dwarf_tag(&member);
		Dwarf_Attribute attr;
		Dwarf_Word offset = 0;

		if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) ||
		    (dwarf_attr(&member, DW_AT_data_member_location, &attr) &&
		     dwarf_formudata(&attr, &offset) != 0) ||
		    !get_type(&member, &member_type))
			continue;
		if (test(&member_type, at - (int64_t)offset, depth + 1))
			return true;
	} while (dwarf_siblingof(&member, &member) == 0);
	return false;
}

/* Whether something of TYPE begins AT. */
static bool is_start(Dwarf_Die *type, int64_t at, int depth)
{
	struct array array;

	if (at == 0 || depth > DEPTH_MAX)
		return true;
	if (at < 0 || is_number(type))
		return false;
	if (dwarf_tag(type) != DW_TAG_array_type)
		return any_member(type, at, depth, is_start);
	return !read_array(type, &array) ||
	       (at < array.len &&
		is_start(&array.element, modulo(at, array.size), depth + 1));
}

/* Whether AT is where a row of ARRAY begins or ends, or near it. */
static bool is_near_row(struct array *array, int64_t at)
{
	for (size_t i = 0; i < array->n_dims; i++) {
		int64_t span = i ? array->row[i - 1] : array->len;
		int64_t near = NEAR_ELEMENTS * array->row[i];
		int64_t in = at;

		near = near > NEAR_BYTES ? near : NEAR_BYTES;
		if (i && (span <= 0 || at < 0 || at > array->len))
			continue;
		if (i)
			in = modulo(at, span);
		if ((in >= -near && in <= near) ||
		    (span > 0 && in >= span - near && in <= span + near))
			return true;
	}
	return false;
}

/* Whether an index may be to the place AT of TYPE: an array begins or ends there. */
static bool is_indexed(Dwarf_Die *type, int64_t at, int depth)
{
	struct array array;

	if (depth > DEPTH_MAX)
		return true;
	if (is_number(type))
		return false;
	/* over all of its bytes */
	if (at == 0 && depth == 0)
		return true;
	if (dwarf_tag(type) != DW_TAG_array_type)
		return any_member(type, at, depth, is_indexed);
	if (!read_array(type, &array))
		return true;
	return (is_near_row(&array, at) &&
		is_start(&array.element, modulo(at, array.size), depth)) ||
	       (at >= 0 && at < array.len &&
		is_indexed(&array.element, modulo(at, array.size), depth + 1));
}

/* Whether the place AT, however far it is, is a whole number of elements off one
   that an array of TYPE has. */
static bool is_in_step(Dwarf_Die *type, int64_t at, int depth)
{
	struct array array;

	if (depth > DEPTH_MAX)
		return true;
	if (is_number(type))
		return false;
	if (dwarf_tag(type) != DW_TAG_array_type)
		return any_member(type, at, depth, is_in_step);
	return !read_array(type, &array) ||
	       is_start(&array.element, modulo(at, array.size), depth) ||
	       is_in_step(&array.element, at, depth + 1);
}

/* TEST of SYMBOL's type; *RET_KNOWN: it is known. */
static bool ask_type(struct hi_shapes *shapes, const struct hi_symbol *symbol,
		     uint64_t addr_link, place_test *test, bool *ret_known)
{
	Dwarf_Die die, type;

	if (!shapes->opened)
		open_shapes(shapes);
	*ret_known = hi_dies_get(&shapes->dies, symbol, &die) &&
		     get_type(&die, &type);
	return *ret_known &&
	       test(&type, (int64_t)(addr_link - symbol->addr_link), 0);
}

bool hi_relink_may_index(struct hi_shapes *shapes,
			 const struct hi_symbol *symbol, uint64_t addr_link)
{
	bool known;
	bool may = ask_type(shapes, symbol, addr_link, is_indexed, &known);

	return known ? may :
		       addr_link - symbol->addr_link + NEAR_BYTES <=
			       symbol->size + 2UL * NEAR_BYTES;
}

bool hi_relink_may_lead(struct hi_shapes *shapes,
			const struct hi_symbol *symbol, uint64_t addr_link)
{
	bool known;
	bool may = ask_type(shapes, symbol, addr_link, is_in_step, &known);

	return known ? may :
		       symbol->size > sizeof(uint64_t) &&
			       !hi_relink_is_scalar(shapes, symbol);
}
