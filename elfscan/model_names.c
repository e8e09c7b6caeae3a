/*
 * The names of types with their scopes, and the definitions of those that an entry
 * only declares. Neither can be told from an entry alone: each unit is read once,
 * from the top down to where types can stand, when a name in it is needed.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "elfscan/hash.h"
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
			  const struct hi_die *entry, const char *name)
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
	hi_model_spell_name(reading->reader->entries, entry,
			    name ? name : "(anonymous)", &reading->text);
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

/* A struct may be declared as a class, and the other way round. */
static unsigned int get_family(int tag)
{
	switch (tag) {
	case DW_TAG_union_type:
		return 1;
	case DW_TAG_enumeration_type:
		return 2;
	default:
		return 0;
	}
}

static void add_full(struct hi_model_reader *reader, const struct hi_die *entry,
		     const char *name, uint32_t scope)
{
	struct hi_model_names *names = &reader->names;

	if (!hi_grow(&names->full, names->n_full, &names->cap_full,
		     sizeof(*names->full))) {
		reader->model->failed = true;
		return;
	}
	names->full[names->n_full++] = (struct hi_full_type){
		.name = name,
		.place = hi_die_get_place(&entry->die),
		.scope = scope,
		.family = get_family(entry->tag),
	};
}

static void read_unit(struct hi_model_reader *reader, Dwarf_CU *cu);

/* The scope of what another unit describes. */
static uint32_t find_scope_elsewhere(struct hi_model_reader *reader,
				     const Dwarf_Die *full)
{
	struct hi_model_names *names = &reader->names;

	if (names->depth < UNITS_DEPTH_MAX) {
		names->depth++;
		read_unit(reader, full->cu);
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
				    const struct hi_die *entry, uint32_t scope)
{
	Dwarf_Die other;
	uint32_t found = 0;

	if (reading->is_c)
		return scope;
	if (hi_die_get_reference(entry, HI_AT_SPECIFICATION, &other))
		found = hi_number_table_find(&reading->reader->names.scoped,
					     hi_hash_address(other.addr));
	else if (!scope && hi_die_get_reference(entry, HI_AT_SIGNATURE, &other))
		found = find_scope_elsewhere(reading->reader, &other);
	return found ? found : scope;
}

/* What clang declares of a type in a unit of its own is the signature alone. */
static const char *get_name(struct hi_die_units *entries,
			    const struct hi_die *entry)
{
	const char *name = hi_die_find_text(entries, entry, HI_AT_NAME);
	struct hi_die full;
	Dwarf_Die die;

	if (!name && hi_die_get_reference(entry, HI_AT_SIGNATURE, &die) &&
	    hi_die_read(entries, &die, &full))
		name = hi_die_find_text(entries, &full, HI_AT_NAME);
	return name;
}

static bool visit(void *context, const struct hi_shape *shape, Dwarf_Die *die)
{
	struct reading *reading = context;
	struct hi_die_units *entries = reading->reader->entries;
	struct hi_die entry;
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
	if (!hi_die_read(entries, die, &entry))
		return false;
	scope = reading->around[shape->depth];
	if (is_type)
		scope = find_declared_scope(reading, &entry, scope);
	if (is_type && scope)
		hi_number_table_insert(reading->reader,
				       &reading->reader->names.scoped,
				       hi_hash_address(die->addr), scope);
	name = get_name(entries, &entry);
	if (is_type && name && !shape->is_declaration &&
	    shape->tag != DW_TAG_typedef)
		add_full(reading->reader, &entry, name, scope);
	if (!has_inside || !shape->has_children)
		return false;
	reading->around[shape->depth + 1] =
		add_scope(reading, scope, &entry, name);
	return true;
}

/* Once. */
static void read_unit(struct hi_model_reader *reader, Dwarf_CU *cu)
{
	const struct hi_die_unit *unit;
	struct reading reading = { .reader = reader, .text = HI_BUF_INIT };
	uint64_t hash = hi_hash_address(cu);
	Dwarf_Die top = { .cu = cu };

	if (hi_number_table_find(&reader->names.units, hash))
		return;
	hi_number_table_insert(reader, &reader->names.units, hash, 1);
	unit = hi_die_find_unit(reader->entries, cu);
	if (!unit)
		return;
	top.addr = (void *)unit->first;
	reading.is_c = hi_die_unit_is_c(unit);
	hi_unit_scan(reader->entries, &top, visit, &reading);
	hi_buf_done(&reading.text);
}

/* --- full types ---------------------------------------------------------- */

void hi_model_note_type(void *context, const Dwarf_Die *die)
{
	struct hi_model_reader *reader = context;
	struct hi_die entry;
	const char *name = hi_die_read(reader->entries, die, &entry) ?
				   get_name(reader->entries, &entry) :
				   NULL;

	if (name)
		add_full(reader, &entry, name, 0);
}

/* The types of units in C may be noted already; type units never are. */
static bool is_noted(const struct hi_model_reader *reader, Dwarf *dwarf,
		     Dwarf_CU *cu, uint8_t type)
{
	const struct hi_die_unit *unit = hi_die_find_unit(reader->entries, cu);

	return reader->dies->has_noted && dwarf == reader->dies->dwarf &&
	       type != DW_UT_type && type != DW_UT_split_type && unit &&
	       hi_die_unit_is_c(unit);
}

static void read_units(struct hi_model_reader *reader, Dwarf *dwarf)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die top, split;
	uint8_t type;

	while (!dwarf_get_units(dwarf, unit, &unit, NULL, &type, &top,
				&split)) {
		Dwarf_Die *die = type == DW_UT_skeleton ? &split : &top;

		if (die->addr && die->cu &&
		    !is_noted(reader, dwarf, die->cu, type))
			read_unit(reader, die->cu);
	}
}

static uint32_t *find_slot(const struct hi_model_names *names, const char *name)
{
	uint64_t hash = hi_hash_text(name, 0);

	return &names->by_name[hash & (names->n_by_name - 1)];
}

static void index_full(struct hi_model_reader *reader)
{
	struct hi_model_names *names = &reader->names;

	names->n_by_name = 64;
	while (names->n_by_name < names->n_full)
		names->n_by_name *= 2;
	names->by_name = calloc(names->n_by_name, sizeof(*names->by_name));
	if (!names->by_name) {
		reader->model->failed = true;
		return;
	}
	for (size_t i = 0; i < names->n_full; i++) {
		uint32_t *slot = find_slot(names, names->full[i].name);

		names->full[i].next = *slot;
		*slot = (uint32_t)i + 1;
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
	index_full(reader);
}

static const char *get_scope(struct hi_model_reader *reader,
			     const Dwarf_Die *die)
{
	struct hi_model_names *names = &reader->names;
	uint32_t scope = hi_number_table_find(&names->scoped,
					      hi_hash_address(die->addr));

	return scope ? names->scopes[scope] : "";
}

/* Whether A is to be taken rather than B: it is in the unit CU, and the first in there,
   or the last of those elsewhere. What another unit calls so may be another type. */
static bool is_better(const struct hi_full_type *a,
		      const struct hi_full_type *b, const Dwarf_CU *cu)
{
	if (!b || (a->place.cu == cu) != (b->place.cu == cu))
		return !b || a->place.cu == cu;
	return a->place.cu == cu ? a->place.at < b->place.at :
				   a->place.at > b->place.at;
}

bool hi_model_find_full(struct hi_model_reader *reader, struct hi_die *entry)
{
	struct hi_model_names *names = &reader->names;
	const struct hi_full_type *found = NULL, *full;
	const char *name = hi_die_find_text(reader->entries, entry, HI_AT_NAME);
	const char *scope;
	Dwarf_Die die;

	if (!name || !*name || reader->by_value || reader->is_alone)
		return false;
	read_all(reader);
	scope = get_scope(reader, &entry->die);
	for (uint32_t i = names->by_name ? *find_slot(names, name) : 0; i;
	     i = full->next) {
		full = &names->full[i - 1];
		if (full->family != get_family(entry->tag) ||
		    strcmp(full->name, name) != 0 ||
		    strcmp(full->scope ? names->scopes[full->scope] : "",
			   scope) != 0)
			continue;
		if (is_better(full, found, entry->die.cu))
			found = full;
	}
	if (!found)
		return false;
	die = hi_die_at(&found->place);
	return hi_die_read(reader->entries, &die, entry);
}

/* Whether the name of FULL, behind its scope, is NAME as c++filt writes it. */
static bool is_called(struct hi_model_reader *reader,
		      const struct hi_full_type *full, const char *name)
{
	Dwarf_Die die = hi_die_at(&full->place);
	struct hi_die entry;

	if (strncmp(full->name, name, strcspn(name, "<")) != 0 ||
	    !hi_die_read(reader->entries, &die, &entry))
		return false;
	hi_buf_clear(&reader->text);
	hi_model_spell_name(reader->entries, &entry, full->name, &reader->text);
	return !strcmp(hi_buf_str(&reader->text), name);
}

bool hi_model_find_class(struct hi_model_reader *reader, const char *name,
			 Dwarf_Die *ret_die)
{
	struct hi_model_names *names = &reader->names;

	read_all(reader);
	for (size_t i = 0; i < names->n_full; i++) {
		const struct hi_full_type *full = &names->full[i];
		const char *scope = full->scope ? names->scopes[full->scope] :
						  "";
		size_t len = strlen(scope);

		if (full->family || strncmp(scope, name, len) != 0 ||
		    !is_called(reader, full, name + len))
			continue;
		*ret_die = hi_die_at(&full->place);
		return true;
	}
	return false;
}

void hi_model_list_types(struct hi_model_reader *reader, Dwarf_CU *cu)
{
	read_unit(reader, cu);
}

/* Of one name in the order of the file. */
static int compare_full(const void *left, const void *right, void *context)
{
	const struct hi_full_type *a = left, *b = right;
	const char **scopes = context;
	int order = strcmp(a->name, b->name);

	if (!order && (a->scope || b->scope))
		order = strcmp(scopes[a->scope], scopes[b->scope]);
	if (!order)
		order = (int)a->family - (int)b->family;
	return order ? order :
		       (a->place.at > b->place.at) -
			       (a->place.at < b->place.at);
}

void hi_model_sort_types(struct hi_model_reader *reader)
{
	struct hi_model_names *names = &reader->names;

	if (names->n_full)
		qsort_r(names->full, names->n_full, sizeof(*names->full),
			compare_full, names->scopes);
}

int hi_model_for_each_full(struct hi_dies *dies,
			   void (*each)(void *context, const char *scope,
					const char *name),
			   void *context, struct hi_err *err)
{
	struct hi_model_reader reader = { .dies = dies,
					  .entries = &dies->entries };
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

/* In C++, gcc calls what a va_list is made of "typedef __va_list_tag __va_list_tag". */
static const char *skip_typedef(const char *name)
{
	return strncmp(name, "typedef ", 8) ? name : strrchr(name, ' ') + 1;
}

const char *hi_model_read_name(struct hi_model_reader *reader,
			       const struct hi_die *entry)
{
	const char *name = hi_die_find_text(reader->entries, entry, HI_AT_NAME);
	const char *scope;

	if (!name)
		return "";
	if (reader->by_value || hi_die_unit_is_c(entry->unit))
		return name;
	name = skip_typedef(name);
	read_unit(reader, entry->die.cu);
	scope = get_scope(reader, &entry->die);
	if (!*scope && !strchr(name, '<'))
		return name;
	hi_buf_clear(&reader->text);
	hi_buf_text(&reader->text, scope);
	hi_model_spell_name(reader->entries, entry, name, &reader->text);
	return hi_buf_str(&reader->text);
}

void hi_model_names_done(struct hi_model_names *names)
{
	free(names->units.slots);
	free(names->scoped.slots);
	free(names->scopes);
	free(names->full);
	free(names->by_name);
}
