/*
 * What stands at the end of a chain of types: base types, structs, enums, functions.
 * What a struct or function type consists of is put off, so that no depth of nesting
 * needs a deep stack.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "elfscan/model_parts.h"

#define REST_AFTER 512

static uint64_t get_number(struct hi_model_reader *reader,
			   const struct hi_die *entry,
			   enum hi_attribute attribute, uint64_t absent)
{
	return hi_die_find_number(reader->entries, entry, attribute, absent);
}

const void *hi_model_keep_die(struct hi_model_reader *reader,
			      const Dwarf_Die *die)
{
	struct hi_die_place *place =
		hi_model_alloc(reader->model, sizeof(*place));

	if (place)
		*place = hi_die_get_place(die);
	return place;
}

static void put_off(struct hi_model_reader *reader, const Dwarf_Die *die,
		    uint32_t number)
{
	if (!hi_grow(&reader->todo, reader->n_todo, &reader->cap_todo,
		     sizeof(*reader->todo))) {
		reader->model->failed = true;
		return;
	}
	reader->todo[reader->n_todo++] =
		(struct hi_todo){ hi_die_get_place(die), number };
}

/* gcc writes "long unsigned int", everybody else "unsigned long". */
static const char *get_base_name(const char *name)
{
	static const char *const words[][2] = {
		{ "short int", "short" },
		{ "short unsigned int", "unsigned short" },
		{ "long int", "long" },
		{ "long unsigned int", "unsigned long" },
		{ "long long int", "long long" },
		{ "long long unsigned int", "unsigned long long" },
		{ "_Bool", "bool" },
		{ "__int128 unsigned", "unsigned __int128" },
		{ "__float128", "_Float128" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(name, words[i][0]))
			return words[i][1];
	return name;
}

/* Of complex numbers clang says no more than "complex". */
static const char *get_complex_name(uint64_t size)
{
	return size == 8  ? "float _Complex" :
	       size == 16 ? "double _Complex" :
			    "long double _Complex";
}

static uint32_t read_base(struct hi_model_reader *reader,
			  const struct hi_die *entry)
{
	const char *name = hi_die_find_text(reader->entries, entry, HI_AT_NAME);
	struct hi_model_type type = {
		.kind = HI_MODEL_BASE,
		.name = name ? get_base_name(name) : "",
		.size = get_number(reader, entry, HI_AT_BYTE_SIZE, 0),
		.encoding =
			(uint8_t)get_number(reader, entry, HI_AT_ENCODING, 0),
	};
	bool no_matter;

	if (type.encoding == DW_ATE_complex_float)
		type.name = get_complex_name(type.size);
	return hi_model_intern(reader, &type, 0, &no_matter);
}

enum hi_model_kind hi_model_get_kind(int tag)
{
	switch (tag) {
	case DW_TAG_structure_type:
		return HI_MODEL_STRUCT;
	case DW_TAG_class_type:
	case DW_TAG_interface_type:
		return HI_MODEL_CLASS;
	case DW_TAG_union_type:
		return HI_MODEL_UNION;
	case DW_TAG_enumeration_type:
		return HI_MODEL_ENUM;
	case DW_TAG_base_type:
		return HI_MODEL_BASE;
	case DW_TAG_subroutine_type:
		return HI_MODEL_FUNCTION;
	case DW_TAG_pointer_type:
		return HI_MODEL_POINTER;
	case DW_TAG_reference_type:
		return HI_MODEL_REFERENCE;
	case DW_TAG_rvalue_reference_type:
		return HI_MODEL_RVALUE_REFERENCE;
	case DW_TAG_ptr_to_member_type:
		return HI_MODEL_MEMBER_POINTER;
	case DW_TAG_array_type:
		return HI_MODEL_ARRAY;
	case DW_TAG_const_type:
	case DW_TAG_immutable_type:
		return HI_MODEL_CONST;
	case DW_TAG_volatile_type:
		return HI_MODEL_VOLATILE;
	case DW_TAG_restrict_type:
		return HI_MODEL_RESTRICT;
	case DW_TAG_atomic_type:
		return HI_MODEL_ATOMIC;
	case DW_TAG_typedef:
	case DW_TAG_template_alias:
		return HI_MODEL_TYPEDEF;
	default:
		return HI_MODEL_UNKNOWN;
	}
}

void hi_model_doubt(struct hi_model_reader *reader, const struct hi_die *entry)
{
	const char *producer;

	if (reader->doubted == entry->unit->cu)
		return;
	producer = hi_copying_get_producer(entry);
	reader->doubted = entry->unit->cu;
	reader->is_doubtful = hi_copying_is_doubtful(entry->unit, producer);
	reader->is_strict = entry->unit->version < 5 &&
			    strstr(producer, " -gstrict-dwarf");
}

static uint32_t read_align(struct hi_model_reader *reader,
			   const struct hi_die *entry)
{
	uint64_t align = get_number(reader, entry, HI_AT_ALIGNMENT, 0);

	if (align || entry->unit->version >= 5)
		return (uint32_t)align;
	hi_model_doubt(reader, entry);
	return reader->is_strict ? HI_MODEL_ANY_ALIGN : 0;
}

/*
 * What tells apart types of one name: where they are declared. That does not help
 * where they have none and a template is made anew for each type: lambdas of its
 * instances stand at one place and hold different things.
 */
static uint64_t get_mark(struct hi_model_reader *reader,
			 const struct hi_die *entry, const char *name)
{
	if (!*name && !hi_die_unit_is_c(entry->unit))
		return (uintptr_t)entry->die.addr;
	return get_number(reader, entry, HI_AT_DECL_LINE, 0) << 16 |
	       (get_number(reader, entry, HI_AT_DECL_COLUMN, 0) & 0xffff);
}

/*
 * A struct, class, union or enum. Each unit has an entry of its own for what a
 * header defines: of those with one name, size and line the first is read.
 */
static uint32_t read_named(struct hi_model_reader *reader, struct hi_die *entry)
{
	struct hi_model_type type = { .kind = hi_model_get_kind(entry->tag) };
	Dwarf_Die full;
	uint64_t mark;
	uint32_t number;
	bool is_new;

	if (hi_die_get_reference(entry, HI_AT_SIGNATURE, &full) &&
	    !hi_die_read(reader->entries, &full, entry))
		return HI_TYPE_NUMBER_UNKNOWN;
	if (hi_die_has(entry, HI_AT_DECLARATION) &&
	    !hi_model_find_full(reader, entry)) {
		type.name = hi_model_read_name(reader, entry);
		type.is_declared = true;
		number = hi_model_intern(reader, &type, 0, &is_new);
		return number;
	}
	/* a declaration may be without the arguments of its template */
	type.name = hi_model_read_name(reader, entry);
	type.size = get_number(reader, entry, HI_AT_BYTE_SIZE, 0);
	type.align = read_align(reader, entry);
	mark = get_mark(reader, entry, type.name);
	number = hi_model_intern(reader, &type, mark, &is_new);
	if (is_new) {
		reader->model->types[number].source =
			hi_model_keep_die(reader, &entry->die);
		put_off(reader, &entry->die, number);
	}
	return number;
}

static uint32_t read_function_type(struct hi_model_reader *reader,
				   const Dwarf_Die *die)
{
	struct hi_model_type type = { .kind = HI_MODEL_FUNCTION };
	uint32_t number = hi_model_add_type(reader->model, &type);

	if (number)
		put_off(reader, die, number);
	return number;
}

uint32_t hi_model_read_end(struct hi_model_reader *reader, struct hi_die *entry)
{
	struct hi_model_type type = { .kind = HI_MODEL_POINTER,
				      .name = "",
				      .target = HI_TYPE_NUMBER_VOID };
	bool is_new;

	switch (hi_model_get_kind(entry->tag)) {
	case HI_MODEL_BASE:
		return read_base(reader, entry);
	case HI_MODEL_STRUCT:
	case HI_MODEL_CLASS:
	case HI_MODEL_UNION:
	case HI_MODEL_ENUM:
		return read_named(reader, entry);
	case HI_MODEL_FUNCTION:
		return read_function_type(reader, &entry->die);
	case HI_MODEL_POINTER:
	case HI_MODEL_REFERENCE:
	case HI_MODEL_RVALUE_REFERENCE:
		return hi_model_intern(reader, &type, 0, &is_new);
	default:
		/* of nullptr */
		if (entry->tag == DW_TAG_unspecified_type)
			return hi_model_intern(reader, &type, 0, &is_new);
		return HI_TYPE_NUMBER_UNKNOWN;
	}
}

uint32_t hi_model_read_function(struct hi_model_reader *reader,
				const Dwarf_Die *die)
{
	return read_function_type(reader, die);
}

void hi_model_read_rest(struct hi_model_reader *reader)
{
	for (size_t n = 1; reader->n_todo > 0 && !reader->model->failed; n++) {
		struct hi_todo todo = reader->todo[--reader->n_todo];
		Dwarf_Die die = hi_die_at(&todo.place);
		struct hi_die entry;

		/* they are all over the file */
		if (n % REST_AFTER == 0 && reader->dies)
			hi_dies_rest(reader->dies);
		if (!hi_die_read(reader->entries, &die, &entry))
			continue;
		switch (reader->model->types[todo.number].kind) {
		case HI_MODEL_FUNCTION:
			hi_model_read_parameters(reader, &entry, todo.number);
			break;
		case HI_MODEL_ENUM:
			hi_model_read_enumerators(reader, &entry, todo.number);
			break;
		default:
			hi_model_read_members(reader, &entry, todo.number);
		}
	}
}

void hi_model_reader_done(struct hi_model_reader *reader)
{
	free(reader->by_entry.slots);
	free(reader->by_shape.slots);
	free(reader->todo);
	hi_model_names_done(&reader->names);
	hi_buf_done(&reader->text);
}
