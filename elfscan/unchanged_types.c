/*
 * The types of units that differ, side by side: of the symbols that they describe, and
 * of all that they define. Two models are the same when each step from the types of one
 * leads to the same in the other.
 */
#include <stdlib.h>
#include <string.h>

#include "elfscan/model_parts.h"
#include "elfscan/unchanged_parts.h"

/* Types of some units of one side: first of the symbols, then those that are defined. */
struct types {
	struct hi_die_units entries;
	struct hi_model_reader reader;
	uint32_t *list;
	size_t n;
};

static void types_done(struct types *types)
{
	hi_model_reader_done(&types->reader);
	hi_die_units_done(&types->entries);
	hi_model_free(types->reader.model);
	free(types->list);
}

/* As the whole model reads it: model_new.h. */
static uint32_t read_symbol(struct types *types, struct hi_units *units,
			    const struct hi_symbol *symbol)
{
	struct hi_die entry;
	Dwarf_Die die;

	if (symbol->type == HI_SYM_IFUNC || hi_model_is_made(symbol->name) ||
	    !hi_units_find(units, symbol, &die) ||
	    !hi_die_read(&types->entries, &die, &entry))
		return HI_TYPE_NUMBER_UNKNOWN;
	return symbol->type == HI_SYM_FUNC ?
		       hi_model_read_function(&types->reader, &die) :
		       hi_model_read_type_of(&types->reader, &entry);
}

static bool read_symbols(struct types *types,
			 const struct hi_comparing *comparing, bool old)
{
	const struct hi_unchanged_side *side = old ? comparing->old :
						     comparing->new;

	types->list = calloc(comparing->n_pairs + 1, sizeof(*types->list));
	if (!types->list)
		return false;
	for (size_t i = 0; i < comparing->n_pairs; i++)
		types->list[types->n++] =
			read_symbol(types, side->units,
				    old ? comparing->pairs[i].old :
					  comparing->pairs[i].new);
	return true;
}

static bool read_defined(struct types *types,
			 const struct hi_comparing *comparing,
			 struct hi_units *units)
{
	struct hi_model_names *names = &types->reader.names;
	uint32_t *grown;

	for (size_t i = 0; i < comparing->n_changed; i++) {
		Dwarf_Die top;

		if (!hi_units_get_top(units, comparing->changed[i], &top))
			return false;
		hi_model_list_types(&types->reader, top.cu);
	}
	hi_model_sort_types(&types->reader);
	grown = reallocarray(types->list, types->n + names->n_full + 1,
			     sizeof(*grown));
	if (!grown)
		return false;
	types->list = grown;
	for (size_t i = 0; i < names->n_full; i++) {
		Dwarf_Die die = hi_die_at(&names->full[i].place);

		types->list[types->n++] =
			hi_model_read_type(&types->reader, &die);
	}
	return true;
}

static bool read_types(struct types *types,
		       const struct hi_comparing *comparing, bool old)
{
	struct hi_err no_matter;
	struct hi_units *units = old ? comparing->old->units :
				       comparing->new->units;

	*types = (struct types){ .reader.is_alone = true };
	hi_die_units_init(&types->entries);
	types->reader.entries = &types->entries;
	if (hi_model_new(&types->reader.model, &no_matter) < 0 ||
	    !read_symbols(types, comparing, old) ||
	    !read_defined(types, comparing, units))
		return false;
	hi_model_read_rest(&types->reader);
	return !types->reader.model->failed;
}

/* --- side by side --------------------------------------------------------------- */

struct matching {
	const struct hi_model *old, *new;
	uint32_t *twins; /* by the number of an old type; 0: none yet */
	uint32_t *todo;  /* old types whose parts are to be compared */
	size_t n_todo;
	bool differs;
};

static void match(struct matching *matching, uint32_t old, uint32_t new)
{
	if (!old || !new || matching->twins[old]) {
		matching->differs |= old && new ? matching->twins[old] != new :
						  old != new;
		return;
	}
	matching->twins[old] = new;
	matching->todo[matching->n_todo++] = old;
}

static bool is_same_part(const struct hi_model_part *a,
			 const struct hi_model_part *b)
{
	return a->kind == b->kind && a->value == b->value &&
	       a->bits == b->bits && a->is_virtual == b->is_virtual &&
	       !strcmp(a->name, b->name);
}

static bool is_same_type(const struct hi_model_type *a,
			 const struct hi_model_type *b)
{
	return a->kind == b->kind && a->size == b->size &&
	       a->count == b->count && a->encoding == b->encoding &&
	       a->align == b->align && a->is_declared == b->is_declared &&
	       a->is_variadic == b->is_variadic && a->n_parts == b->n_parts &&
	       a->copying == b->copying && !strcmp(a->name, b->name);
}

static void compare(struct matching *matching, uint32_t number)
{
	const struct hi_model_type *old =
		hi_model_get_type(matching->old, number);
	const struct hi_model_type *new =
		hi_model_get_type(matching->new, matching->twins[number]);

	if (!is_same_type(old, new)) {
		matching->differs = true;
		return;
	}
	match(matching, old->target, new->target);
	match(matching, old->container, new->container);
	for (size_t i = 0; i < old->n_parts; i++) {
		matching->differs |=
			!is_same_part(&old->parts[i], &new->parts[i]);
		match(matching, old->parts[i].type, new->parts[i].type);
	}
}

static bool are_same(const struct types *old, const struct types *new)
{
	struct matching matching = {
		.old = old->reader.model,
		.new = new->reader.model,
		.twins = calloc(old->reader.model->n_types, sizeof(uint32_t)),
		.todo = calloc(old->reader.model->n_types, sizeof(uint32_t)),
		.differs = old->n != new->n,
	};

	if (!matching.twins || !matching.todo)
		matching.differs = true;
	for (size_t i = 0; i < old->n && !matching.differs; i++)
		match(&matching, old->list[i], new->list[i]);
	while (matching.n_todo && !matching.differs)
		compare(&matching, matching.todo[--matching.n_todo]);
	free(matching.twins);
	free(matching.todo);
	return !matching.differs;
}

bool hi_have_same_types(const struct hi_comparing *comparing)
{
	struct types old, new;
	bool done = read_types(&old, comparing, true);
	bool same = read_types(&new, comparing, false) && done &&
		    are_same(&old, &new);

	types_done(&old);
	types_done(&new);
	return same;
}
