/*
 * From an entry of the debug information to the number of a type. Chains of
 * pointers, qualifiers, typedefs and arrays are walked to their end and built up
 * backwards; what a struct or function type consists of is put off, so that no
 * depth of nesting needs a deep stack.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/grow.h"
#include "elfscan/model_parts.h"

#define CHAIN_MAX  4096
#define REST_AFTER 512

static void enter(struct hi_model_reader *reader, const void *at,
		  uint32_t number)
{
	if (number)
		hi_number_table_insert(reader, &reader->by_entry,
				       hi_hash_address(at), number);
}

/* --- the ends of chains -------------------------------------------------- */

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

static enum hi_model_kind get_kind(int tag)
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

/*
 * A struct, class, union or enum. Each unit has an entry of its own for what a
 * header defines: of those with one name, size and line the first is read.
 */
static uint32_t read_named(struct hi_model_reader *reader, struct hi_die *entry)
{
	struct hi_model_type type = { .kind = get_kind(entry->tag) };
	Dwarf_Die full;
	uint64_t mark;
	uint32_t number;
	bool is_new;

	if (hi_die_get_reference(entry, HI_AT_SIGNATURE, &full) &&
	    !hi_die_read(reader->entries, &full, entry))
		return HI_TYPE_NUMBER_UNKNOWN;
	type.name = hi_model_read_name(reader, entry);
	if (hi_die_has(entry, HI_AT_DECLARATION) &&
	    !hi_model_find_full(reader, entry)) {
		type.is_declared = true;
		number = hi_model_intern(reader, &type, 0, &is_new);
		return number;
	}
	type.size = get_number(reader, entry, HI_AT_BYTE_SIZE, 0);
	type.align = (uint32_t)get_number(reader, entry, HI_AT_ALIGNMENT, 0);
	mark = get_number(reader, entry, HI_AT_DECL_LINE, 0) << 16 |
	       (get_number(reader, entry, HI_AT_DECL_COLUMN, 0) & 0xffff);
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

/* What is no link of a chain. */
static uint32_t read_end(struct hi_model_reader *reader, struct hi_die *entry)
{
	struct hi_model_type type = { .kind = HI_MODEL_POINTER,
				      .name = "",
				      .target = HI_TYPE_NUMBER_VOID };
	bool is_new;

	switch (get_kind(entry->tag)) {
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

/* --- chains -------------------------------------------------------------- */

static bool is_link(const struct hi_model_reader *reader, int tag)
{
	enum hi_model_kind kind = get_kind(tag);

	if (reader->by_value &&
	    (kind == HI_MODEL_POINTER || kind == HI_MODEL_REFERENCE ||
	     kind == HI_MODEL_RVALUE_REFERENCE))
		return false;
	return kind == HI_MODEL_TYPEDEF || hi_model_is_wrapper(kind);
}

static uint64_t get_count(struct hi_model_reader *reader,
			  const struct hi_die *entry)
{
	uint64_t count =
		get_number(reader, entry, HI_AT_COUNT, HI_MODEL_ENDLESS);

	if (count != HI_MODEL_ENDLESS)
		return count ? count : HI_MODEL_ENDLESS;
	count = get_number(reader, entry, HI_AT_UPPER_BOUND, HI_MODEL_ENDLESS);
	/* gcc writes -1 for [0], of whatever form's width */
	return count == HI_MODEL_ENDLESS || count == UINT32_MAX ?
		       HI_MODEL_ENDLESS :
		       count + 1;
}

/* An array of arrays is one entry with a child for each dimension. */
static uint32_t add_dimensions(struct hi_model_reader *reader,
			       const struct hi_die *entry,
			       struct hi_model_type *type)
{
	struct hi_die child;
	uint64_t counts[64];
	size_t n = 0;
	bool is_new;

	if (hi_die_read_part(entry, &child)) {
		do {
			if (n < 64 && child.tag == DW_TAG_subrange_type)
				counts[n++] = get_count(reader, &child);
		} while (hi_die_next_part(&child));
	}
	if (!n)
		counts[n++] = HI_MODEL_ENDLESS;
	while (n > 0) {
		type->count = counts[--n];
		type->target = hi_model_intern(reader, type, 0, &is_new);
	}
	return type->target;
}

/* A constant array is one of constants: some compilers say both, some one of it. */
static uint32_t qualify(struct hi_model_reader *reader, enum hi_model_kind kind,
			uint32_t target)
{
	struct hi_model_type type = reader->model->types[target];
	bool is_new;

	if (type.kind == kind)
		return target;
	if (type.kind == HI_MODEL_ARRAY)
		type.target = qualify(reader, kind, type.target);
	else
		type = (struct hi_model_type){ .kind = kind,
					       .name = "",
					       .target = target };
	return hi_model_intern(reader, &type, 0, &is_new);
}

static uint32_t read_container(struct hi_model_reader *reader,
			       const struct hi_die *entry)
{
	struct hi_die container;
	Dwarf_Die die;

	return hi_die_get_reference(entry, HI_AT_CONTAINING_TYPE, &die) &&
			       hi_die_read(reader->entries, &die, &container) &&
			       !is_link(reader, container.tag) ?
		       read_end(reader, &container) :
		       HI_TYPE_NUMBER_UNKNOWN;
}

/* A link of which more matters than its kind. */
static uint32_t read_full_link(struct hi_model_reader *reader,
			       const struct hi_die *entry,
			       struct hi_model_type *type)
{
	bool is_new;
	uint32_t number;

	if (type->kind == HI_MODEL_ARRAY)
		return add_dimensions(reader, entry, type);
	if (type->kind == HI_MODEL_TYPEDEF)
		type->name = hi_model_read_name(reader, entry);
	else
		type->container = read_container(reader, entry);
	number = hi_model_intern(reader, type, 0, &is_new);
	if (is_new && type->kind == HI_MODEL_TYPEDEF)
		reader->model->types[number].source =
			hi_model_keep_die(reader, &entry->die);
	return number;
}

struct link {
	struct hi_die_place place;
	enum hi_model_kind kind;
};

static uint32_t read_link(struct hi_model_reader *reader,
			  const struct link *link, uint32_t target)
{
	struct hi_model_type type = {
		.kind = link->kind,
		.name = "",
		.target = target,
	};
	Dwarf_Die die = hi_die_at(&link->place);
	struct hi_die entry;
	bool is_new;

	switch (link->kind) {
	case HI_MODEL_CONST:
	case HI_MODEL_VOLATILE:
		return qualify(reader, link->kind, target);
	case HI_MODEL_ARRAY:
	case HI_MODEL_TYPEDEF:
	case HI_MODEL_MEMBER_POINTER:
		return hi_die_read(reader->entries, &die, &entry) ?
			       read_full_link(reader, &entry, &type) :
			       HI_TYPE_NUMBER_UNKNOWN;
	default:
		return hi_model_intern(reader, &type, 0, &is_new);
	}
}

/* The type that ENTRY has, or that it is made from; false: *RET_NUMBER is what
   stands for it. */
static bool find_type(struct hi_model_reader *reader,
		      const struct hi_die *entry, Dwarf_Die *ret_type,
		      uint32_t *ret_number)
{
	struct hi_die room;
	const struct hi_die *of =
		hi_die_find(reader->entries, entry, HI_AT_TYPE, &room);

	if (of && hi_die_get_reference(of, HI_AT_TYPE, ret_type))
		return true;
	/* no type is void, unless there is one that cannot be reached: in
	   another file */
	*ret_number = of ? HI_TYPE_NUMBER_UNKNOWN : HI_TYPE_NUMBER_VOID;
	return false;
}

/* The number of the first entry from AT on that is known, or no link; the links
   before it in CHAIN. */
static uint32_t read_chain(struct hi_model_reader *reader, Dwarf_Die at,
			   struct link *chain, size_t *n)
{
	struct hi_die entry;
	uint32_t number;

	for (;;) {
		number = hi_number_table_find(&reader->by_entry,
					      hi_hash_address(at.addr));
		if (number)
			return number;
		if (!hi_die_read(reader->entries, &at, &entry))
			return HI_TYPE_NUMBER_UNKNOWN;
		if (!is_link(reader, entry.tag)) {
			number = read_end(reader, &entry);
			enter(reader, at.addr, number);
			return number;
		}
		if (*n == CHAIN_MAX)
			return HI_TYPE_NUMBER_UNKNOWN;
		chain[(*n)++] = (struct link){ hi_die_get_place(&at),
					       get_kind(entry.tag) };
		if (!find_type(reader, &entry, &at, &number))
			return number;
	}
}

uint32_t hi_model_read_type(struct hi_model_reader *reader,
			    const Dwarf_Die *die)
{
	struct link chain[CHAIN_MAX];
	size_t n = 0;
	uint32_t number;

	if (!die)
		return HI_TYPE_NUMBER_VOID;
	number = read_chain(reader, *die, chain, &n);
	/* a chain without an end has no type */
	if (n == CHAIN_MAX)
		return HI_TYPE_NUMBER_UNKNOWN;
	while (n > 0) {
		number = read_link(reader, &chain[--n], number);
		enter(reader, chain[n].place.at, number);
	}
	return number;
}

uint32_t hi_model_read_type_of(struct hi_model_reader *reader,
			       const struct hi_die *entry)
{
	Dwarf_Die type;
	uint32_t number;

	return find_type(reader, entry, &type, &number) ?
		       hi_model_read_type(reader, &type) :
		       number;
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
