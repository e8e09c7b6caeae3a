/*
 * From an entry of the debug information to the number of a type. Chains of pointers,
 * qualifiers, typedefs and arrays are walked to their end and built up backwards.
 */
#include <dwarf.h>

#include "elfscan/model_parts.h"

#define CHAIN_MAX 4096

static void enter(struct hi_model_reader *reader, const void *at,
		  uint32_t number)
{
	if (number)
		hi_number_table_insert(reader, &reader->by_entry,
				       hi_hash_address(at), number);
}

static bool is_link(const struct hi_model_reader *reader, int tag)
{
	enum hi_model_kind kind = hi_model_get_kind(tag);

	if (reader->by_value &&
	    (kind == HI_MODEL_POINTER || kind == HI_MODEL_REFERENCE ||
	     kind == HI_MODEL_RVALUE_REFERENCE))
		return false;
	return kind == HI_MODEL_TYPEDEF || hi_model_is_wrapper(kind);
}

static uint64_t get_count(struct hi_model_reader *reader,
			  const struct hi_die *entry)
{
	uint64_t count = hi_die_find_number(reader->entries, entry, HI_AT_COUNT,
					    HI_MODEL_ENDLESS);

	if (count != HI_MODEL_ENDLESS)
		return count ? count : HI_MODEL_ENDLESS;
	count = hi_die_find_number(reader->entries, entry, HI_AT_UPPER_BOUND,
				   HI_MODEL_ENDLESS);
	/* gcc writes -1 for [0], of whatever form's width */
	return count == HI_MODEL_ENDLESS || count == UINT32_MAX ?
		       HI_MODEL_ENDLESS :
		       count + 1;
}

static bool is_vector(const struct hi_die *array)
{
	uint64_t value;

	return hi_die_ask(array, DW_AT_GNU_vector, &value) && value;
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

	if (is_vector(entry))
		type->kind = HI_MODEL_VECTOR;
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
		       hi_model_read_end(reader, &container) :
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
			number = hi_model_read_end(reader, &entry);
			enter(reader, at.addr, number);
			return number;
		}
		if (*n == CHAIN_MAX)
			return HI_TYPE_NUMBER_UNKNOWN;
		chain[(*n)++] = (struct link){ hi_die_get_place(&at),
					       hi_model_get_kind(entry.tag) };
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
