/*
 * What functions take.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/model_parts.h"

#define ORIGINS_MAX 16

static bool is_artificial(struct hi_model_reader *reader,
			  const struct hi_die *entry)
{
	struct hi_die room;

	return hi_die_find(reader->entries, entry, HI_AT_ARTIFICIAL, &room);
}

/* "this" is constant where a method is defined, not where it is declared. */
static uint32_t read_parameter_type(struct hi_model_reader *reader,
				    const struct hi_die *entry)
{
	uint32_t number = hi_model_read_type_of(reader, entry);
	const struct hi_model_type *type = &reader->model->types[number];

	return type->kind == HI_MODEL_CONST && is_artificial(reader, entry) ?
		       type->target :
		       number;
}

static void add_parameters(struct hi_model_reader *reader,
			   struct hi_part_list *parts,
			   const struct hi_die *parent,
			   struct hi_model_type *type)
{
	struct hi_die entry;

	if (!hi_die_read_part(parent, &entry))
		return;
	do {
		struct hi_model_part part = { .kind = HI_PART_PARAMETER };

		switch (entry.tag) {
		case DW_TAG_GNU_formal_parameter_pack:
			add_parameters(reader, parts, &entry, type);
			break;
		case DW_TAG_unspecified_parameters:
			type->is_variadic = true;
			break;
		case DW_TAG_formal_parameter:
			/* gcc's __in_chrg and __vtt_parm: the ABI's own matter */
			if (parts->n && is_artificial(reader, &entry)) {
				parts->n_artificial++;
				break;
			}
			part.name = hi_model_copy_name(reader, &entry);
			/* of a lambda, by gcc */
			if (!parts->n && !strcmp(part.name, "__closure"))
				part.name = "this";
			part.type = read_parameter_type(reader, &entry);
			hi_part_list_add(parts, &part);
			break;
		}
	} while (hi_die_next_part(&entry));
}

/* A declaration may leave out the names that the definition has. */
static void take_names(struct hi_part_list *to, const struct hi_part_list *from)
{
	for (size_t i = 0; i < to->n && to->n == from->n; i++)
		if (!*to->list[i].name)
			to->list[i].name = from->list[i].name;
}

/* In the class, gcc does not mark what constructors with virtual bases are given for
   these: NEARER has all that was left out of PARTS. */
static bool is_unmarked(const struct hi_part_list *nearer,
			const struct hi_part_list *parts)
{
	return parts->n && parts->n_artificial && !nearer->n_artificial &&
	       nearer->n == parts->n + parts->n_artificial;
}

static bool step_to_origin(struct hi_model_reader *reader, struct hi_die *entry)
{
	Dwarf_Die origin;

	return (hi_die_get_reference(entry, HI_AT_ABSTRACT_ORIGIN, &origin) ||
		hi_die_get_reference(entry, HI_AT_SPECIFICATION, &origin)) &&
	       hi_die_read(reader->entries, &origin, entry);
}

/*
 * The body that was compiled may lack parameters that the optimizer found unused;
 * the abstract function and the declaration in a class have all.
 */
void hi_model_read_parameters(struct hi_model_reader *reader,
			      const struct hi_die *entry, uint32_t number)
{
	struct hi_model_type type = { .target = hi_model_read_type_of(reader,
								      entry) };
	struct hi_part_list parts = { 0 };
	struct hi_die at = *entry;

	for (int i = 0; i < ORIGINS_MAX; i++) {
		struct hi_part_list nearer = { 0 };

		add_parameters(reader, &nearer, &at, &type);
		if (is_unmarked(&nearer, &parts)) {
			free(nearer.list);
		} else if (nearer.n) {
			take_names(&nearer, &parts);
			free(parts.list);
			parts = nearer;
		}
		if (!step_to_origin(reader, &at))
			break;
	}
	reader->model->types[number].target = type.target;
	reader->model->types[number].is_variadic = type.is_variadic;
	hi_part_list_take(reader, &parts, number);
}
