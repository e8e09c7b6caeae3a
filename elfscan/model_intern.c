#include <stdlib.h>
#include <string.h>

#include "elfscan/hash.h"
#include "elfscan/model_parts.h"

static bool grow(struct hi_number_table *table)
{
	struct hi_number_table grown = { .cap = table->cap ? table->cap * 2 :
							     1024 };

	grown.slots = calloc(grown.cap, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (size_t i = 0; i < table->cap; i++) {
		size_t at = table->slots[i].hash & (grown.cap - 1);

		if (!table->slots[i].number)
			continue;
		while (grown.slots[at].number)
			at = (at + 1) & (grown.cap - 1);
		grown.slots[at] = table->slots[i];
	}
	free(table->slots);
	grown.n = table->n;
	*table = grown;
	return true;
}

void hi_number_table_insert(struct hi_model_reader *reader,
			    struct hi_number_table *table, uint64_t hash,
			    uint32_t number)
{
	size_t at;

	if (table->n * 2 >= table->cap && !grow(table)) {
		reader->model->failed = true;
		return;
	}
	for (at = hash & (table->cap - 1); table->slots[at].number;)
		at = (at + 1) & (table->cap - 1);
	table->slots[at] = (struct hi_number_slot){ hash, number };
	table->n++;
}

uint64_t hi_hash_address(const void *address)
{
	uint64_t word = (uintptr_t)address;

	return hi_hash(&word, sizeof(word), 0);
}

uint32_t hi_number_table_find(const struct hi_number_table *table,
			      uint64_t hash)
{
	for (size_t at = hash & (table->cap - 1);
	     table->cap && table->slots[at].number;
	     at = (at + 1) & (table->cap - 1))
		if (table->slots[at].hash == hash)
			return table->slots[at].number;
	return 0;
}

/* Whether two types say the same, but for their parts. */
static bool same_shape(const struct hi_model_type *a,
		       const struct hi_model_type *b)
{
	return a->kind == b->kind && a->size == b->size &&
	       a->count == b->count && a->target == b->target &&
	       a->container == b->container && a->encoding == b->encoding &&
	       a->align == b->align && a->is_declared == b->is_declared &&
	       strcmp(a->name, b->name) == 0;
}

/* MARK tells apart what only looks alike: the line where it is declared. */
static uint64_t hash_shape(const struct hi_model_type *type, uint64_t mark)
{
	uint64_t words[] = { type->kind,      type->size,
			     type->count,     type->target,
			     type->encoding,  type->align,
			     type->container, mark };

	return hi_hash(words, sizeof(words), hi_hash_text(type->name, 0));
}

uint32_t hi_model_intern(struct hi_model_reader *reader,
			 const struct hi_model_type *type, uint64_t mark,
			 bool *ret_new)
{
	struct hi_number_table *table = &reader->by_shape;
	uint64_t hash = hash_shape(type, mark);
	uint32_t number;

	*ret_new = false;
	for (size_t at = hash & (table->cap - 1);
	     table->cap && table->slots[at].number;
	     at = (at + 1) & (table->cap - 1)) {
		number = table->slots[at].number;
		if (table->slots[at].hash == hash &&
		    same_shape(&reader->model->types[number], type))
			return number;
	}
	number = hi_model_add_type(reader->model, type);
	if (number) {
		reader->model->types[number].name =
			hi_model_copy(reader->model, type->name);
		hi_number_table_insert(reader, table, hash, number);
		*ret_new = true;
	}
	return number;
}
