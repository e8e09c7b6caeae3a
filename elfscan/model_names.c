/*
 * The names of types with their scopes, and the definitions of those that an entry
 * only declares. Neither can be told from an entry alone: each unit is read once,
 * from the top down to where types can stand, when a name in it is needed.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/grow.h"
#include "elfscan/model_parts.h"
#include "elfscan/unit_scan.h"

#define DEPTH_MAX       64
#define UNITS_DEPTH_MAX 32

/* One reading of a unit. */
struct reading {
	struct hi_model_reader *reader;
	bool is_c;                  /* no scopes */
	uint32_t around[DEPTH_MAX]; /* by depth: the scope */
	struct hi_buf text;
};

/* The place of the scope that NAME makes inside the scope AROUND. */
static uint32_t add_scope(struct reading *reading, uint32_t around,
			  const char *name)
{
	struct hi_model_names *names = &reading->reader->names;
	struct hi_model *model = reading->reader->model;

	if (!hi_grow(&names->scopes, names->n_scopes, &names->cap_scopes,
		     sizeof(*names->scopes))) {
		model->failed = true;
		return 0;
	}
	if (!names->n_scopes)
		names->scopes[names->n_scopes++] = "";
	hi_buf_clear(&reading->text);
	hi_buf_text(&reading->text, names->scopes[around]);
	hi_model_tidy_name(name ? name : "(anonymous)", &reading->text);
	hi_buf_text(&reading->text, "::");
	if (!hi_grow(&names->scopes, names->n_scopes, &names->cap_scopes,
		     sizeof(*names->scopes))) {
		model->failed = true;
		return 0;
	}
	names->scopes[names->n_scopes] =
		hi_model_copy(model, hi_buf_str(&reading->text));
	return (uint32_t)names->n_scopes++;
}

static void add_full(struct reading *reading, const Dwarf_Die *die,
		     const char *name, uint32_t scope)
{
	struct hi_model_names *names = &reading->reader->names;

	if (!hi_grow(&names->full, names->n_full, &names->cap_full,
		     sizeof(*names->full))) {
		reading->reader->model->failed = true;
		return;
	}
	names->full[names->n_full++] =
		(struct hi_full_type){ name, scope, *die };
}

static void read_unit(struct hi_model_reader *reader, Dwarf_Die *unit);

/* The scope of what another unit describes. */
static uint32_t find_scope_elsewhere(struct hi_model_reader *reader,
				     Dwarf_Die *full)
{
	struct hi_model_names *names = &reader->names;
	Dwarf_Die unit;

	if (names->depth < UNITS_DEPTH_MAX &&
	    dwarf_cu_die(full->cu, &unit, NULL, NULL, NULL, NULL, NULL, NULL)) {
		names->depth++;
		read_unit(reader, &unit);
		names->depth--;
	}
	return hi_number_table_find(&names->scoped,
				    hi_hash_address(full->addr));
}

/*
 * What is defined outside its scope refers to its declaration inside: class types
 * that are defined after the class around them, and whatever gcc puts into type
 * units (-fdebug-types-section).
 */
static uint32_t find_declared_scope(const struct reading *reading,
				    Dwarf_Die *die, uint32_t scope)
{
	Dwarf_Attribute attr;
	Dwarf_Die other;
	uint32_t found = 0;

	if (reading->is_c)
		return scope;
	if (dwarf_formref_die(dwarf_attr(die, DW_AT_specification, &attr),
			      &other))
		found = hi_number_table_find(&reading->reader->names.scoped,
					     hi_hash_address(other.addr));
	else if (!scope &&
		 dwarf_formref_die(dwarf_attr(die, DW_AT_signature, &attr),
				   &other))
		found = find_scope_elsewhere(reading->reader, &other);
	return found ? found : scope;
}

/* What clang declares of a type in a unit of its own is the signature alone. */
static const char *get_name(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	Dwarf_Attribute attr;
	Dwarf_Die full;

	if (!name &&
	    dwarf_formref_die(dwarf_attr(die, DW_AT_signature, &attr), &full))
		name = dwarf_diename(&full);
	return name;
}

static bool visit(void *context, const struct hi_shape *shape, Dwarf_Die *die)
{
	struct reading *reading = context;
	uint32_t scope;
	const char *name;
	bool is_type = true, has_inside = !reading->is_c;

	if (shape->depth + 1 >= DEPTH_MAX)
		return false;
	switch (shape->tag) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		break;
	case DW_TAG_enumeration_type:
	case DW_TAG_typedef:
		has_inside = false;
		break;
	case DW_TAG_namespace:
	case DW_TAG_module:
		is_type = false;
		break;
	default:
		return false;
	}
	scope = reading->around[shape->depth];
	if (is_type)
		scope = find_declared_scope(reading, die, scope);
	if (is_type && scope)
		hi_number_table_insert(reading->reader,
				       &reading->reader->names.scoped,
				       hi_hash_address(die->addr), scope);
	name = get_name(die);
	if (is_type && name && !shape->is_declaration &&
	    shape->tag != DW_TAG_typedef)
		add_full(reading, die, name, scope);
	if (!has_inside || !shape->has_children)
		return false;
	reading->around[shape->depth + 1] = add_scope(reading, scope, name);
	return true;
}

static bool is_c(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
		return true;
	default:
		return false;
	}
}

/* Read the unit of DIE, once. */
static void read_unit(struct hi_model_reader *reader, Dwarf_Die *unit)
{
	struct reading reading = { .reader = reader, .text = HI_BUF_INIT };
	uint64_t hash = hi_hash_address(unit->cu);

	if (hi_number_table_find(&reader->names.units, hash))
		return;
	hi_number_table_insert(reader, &reader->names.units, hash, 1);
	reading.is_c = is_c(unit);
	hi_unit_scan(unit, visit, &reading);
	hi_buf_done(&reading.text);
}

/* --- full types ---------------------------------------------------------- */

static int compare_full(const void *left, const void *right)
{
	const struct hi_full_type *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order :
		       (a->die.addr > b->die.addr) -
			       (a->die.addr < b->die.addr);
}

static void read_units(struct hi_model_reader *reader, Dwarf *dwarf)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die top, split;
	uint8_t type;

	while (!dwarf_get_units(dwarf, unit, &unit, NULL, &type, &top,
				&split)) {
		Dwarf_Die *die = type == DW_UT_skeleton ? &split : &top;

		if (die->addr && die->cu)
			read_unit(reader, die);
	}
}

static void read_all(struct hi_model_reader *reader)
{
	struct hi_model_names *names = &reader->names;
	Dwarf *alternate = dwarf_getalt(reader->dies->dwarf);

	if (names->all_known)
		return;
	names->all_known = true;
	read_units(reader, reader->dies->dwarf);
	if (alternate)
		read_units(reader, alternate);
	if (names->n_full)
		qsort(names->full, names->n_full, sizeof(*names->full),
		      compare_full);
}

/* A struct may be declared as a class, and the other way round. */
static bool same_family(int a, int b)
{
	if (a == DW_TAG_class_type)
		a = DW_TAG_structure_type;
	if (b == DW_TAG_class_type)
		b = DW_TAG_structure_type;
	return a == b;
}

static const char *get_scope(struct hi_model_reader *reader, Dwarf_Die *die)
{
	struct hi_model_names *names = &reader->names;
	uint32_t scope = hi_number_table_find(&names->scoped,
					      hi_hash_address(die->addr));

	return scope ? names->scopes[scope] : "";
}

bool hi_model_find_full(struct hi_model_reader *reader, Dwarf_Die *die)
{
	struct hi_model_names *names = &reader->names;
	const struct hi_full_type *found = NULL;
	const char *name = dwarf_diename(die), *scope;
	size_t low = 0, high;

	if (!name || !*name || reader->by_value)
		return false;
	read_all(reader);
	scope = get_scope(reader, die);
	high = names->n_full;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(names->full[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < names->n_full && !strcmp(names->full[low].name, name);
	     low++) {
		const struct hi_full_type *full = &names->full[low];

		if (!same_family(dwarf_tag(die),
				 dwarf_tag((Dwarf_Die *)&full->die)) ||
		    strcmp(full->scope ? names->scopes[full->scope] : "",
			   scope) != 0)
			continue;
		found = full;
		/* what another unit calls so may be another type */
		if (full->die.cu == die->cu)
			break;
	}
	if (found)
		*die = found->die;
	return found;
}

int hi_model_for_each_full(struct hi_dies *dies,
			   void (*each)(void *context, const char *scope,
					const char *name),
			   void *context, struct hi_err *err)
{
	struct hi_model_reader reader = { .dies = dies };
	struct hi_model_names *names = &reader.names;
	int code = hi_model_new(&reader.model, err);

	if (code < 0)
		return code;
	read_all(&reader);
	for (size_t i = 0; i < names->n_full; i++)
		each(context,
		     names->full[i].scope ?
			     names->scopes[names->full[i].scope] :
			     "",
		     names->full[i].name);
	if (reader.model->failed)
		code = hi_fail(err, HI_E_NOMEM, "no memory for types");
	hi_model_reader_done(&reader);
	hi_model_free(reader.model);
	return code;
}

/* --- names --------------------------------------------------------------- */

const char *hi_model_read_name(struct hi_model_reader *reader, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die), *scope;
	Dwarf_Die unit;

	if (!name)
		return "";
	if (reader->by_value)
		return name;
	if (!dwarf_cu_die(die->cu, &unit, NULL, NULL, NULL, NULL, NULL, NULL) ||
	    is_c(&unit))
		return name;
	read_unit(reader, &unit);
	scope = get_scope(reader, die);
	if (!*scope && !strchr(name, '<'))
		return name;
	hi_buf_clear(&reader->text);
	hi_buf_text(&reader->text, scope);
	hi_model_tidy_name(name, &reader->text);
	return hi_buf_str(&reader->text);
}

void hi_model_names_done(struct hi_model_names *names)
{
	free(names->units.slots);
	free(names->scoped.slots);
	free(names->scopes);
	free(names->full);
}
