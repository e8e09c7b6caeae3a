/*
 * One name, one type. Debug information describes a type in each unit that sees it,
 * and not all types have a name. Here those without one are called after what uses
 * them, those that say the same become one, and those that only share a name are
 * numbered, so that a name in a baseline is enough to tell which type is meant.
 */
#include <stdlib.h>
#include <string.h>

#include "elfscan/hash.h"
#include "elfscan/model.h"

#define DEPTH_MAX 32

/* --- what a type says ----------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
	uint64_t words[2] = { hash, word };

	return hi_hash(words, sizeof(words), 0);
}

/* How a type is referred to: a name, and what is wrapped around it. */
static uint64_t hash_reference(const struct hi_model *model, uint32_t number,
			       int depth)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < model->n_types; i++) {
		const struct hi_model_type *type =
			hi_model_get_type(model, number);

		hash = mix(hash, type->kind);
		if (hi_model_is_named(type->kind))
			hash = hi_hash_text(type->name, hash);
		/* gcc calls all instances of a template of typedefs the same */
		if (hi_model_is_named(type->kind) &&
		    type->kind != HI_MODEL_TYPEDEF)
			return hash;
		if (type->kind == HI_MODEL_FUNCTION && depth < DEPTH_MAX) {
			hash = mix(hash, type->is_variadic);
			for (size_t j = 0; j < type->n_parts; j++)
				hash = mix(hash,
					   hash_reference(model,
							  type->parts[j].type,
							  depth + 1));
			return mix(hash, hash_reference(model, type->target,
							depth + 1));
		}
		if (!hi_model_is_wrapper(type->kind) &&
		    type->kind != HI_MODEL_TYPEDEF)
			return hash;
		hash = mix(hash, type->count);
		number = type->target;
	}
	return hash;
}

static uint64_t hash_content(const struct hi_model *model,
			     const struct hi_model_type *type)
{
	uint64_t hash = mix(mix(type->size, type->align), type->kind);

	hash = mix(hash, type->encoding);
	hash = mix(hash, type->is_declared);
	hash = mix(hash, hash_reference(model, type->target, 0));
	for (size_t i = 0; i < type->n_parts; i++) {
		const struct hi_model_part *part = &type->parts[i];

		hash = hi_hash_text(part->name, mix(hash, part->kind));
		hash = mix(hash, (uint64_t)part->value);
		hash = mix(hash, part->bits);
		hash = mix(hash, hash_reference(model, part->type, 0));
	}
	return hash;
}

/* --- one name, one type --------------------------------------------------- */

struct entry {
	uint32_t number;
	uint64_t hash;
	const struct hi_model_type *type;
};

/* Typedefs and base types are both called by a bare name. */
static enum hi_model_kind get_family(enum hi_model_kind kind)
{
	return kind == HI_MODEL_TYPEDEF ? HI_MODEL_BASE : kind;
}

static int compare_names(const struct entry *a, const struct entry *b)
{
	enum hi_model_kind one = get_family(a->type->kind);
	enum hi_model_kind other = get_family(b->type->kind);

	if (one != other)
		return one < other ? -1 : 1;
	return strcmp(a->type->name, b->type->name);
}

/* By name; of one name a full type before a declared one, the small before the
   large. */
static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = compare_names(a, b);

	if (order)
		return order;
	if (a->type->is_declared != b->type->is_declared)
		return a->type->is_declared ? 1 : -1;
	if (a->type->kind != b->type->kind)
		return a->type->kind < b->type->kind ? -1 : 1;
	if (a->type->size != b->type->size)
		return a->type->size < b->type->size ? -1 : 1;
	if (a->type->n_parts != b->type->n_parts)
		return a->type->n_parts < b->type->n_parts ? -1 : 1;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

static size_t list_named(struct hi_model *model, struct entry *entries)
{
	size_t n = 0;

	for (size_t i = 0; i < model->n_types; i++)
		if (hi_model_is_named(model->types[i].kind))
			entries[n++] = (struct entry){
				(uint32_t)i,
				hash_content(model, &model->types[i]),
				&model->types[i],
			};
	return n;
}

/* A declared type stands for the full one of its name. */
static bool is_same(const struct entry *a, const struct entry *b)
{
	return a->hash == b->hash || b->type->is_declared;
}

/* INSTEAD says for each type which one is meant by it. */
static void find_instead(struct hi_model *model, struct entry *entries,
			 size_t n, uint32_t *instead)
{
	size_t start = 0;

	for (size_t i = 0; i < model->n_types; i++)
		instead[i] = (uint32_t)i;
	for (size_t i = 1; i <= n; i++) {
		unsigned int variant = 0;
		const struct entry *first = &entries[start];

		if (i < n && compare_names(&entries[i], first) == 0)
			continue;
		for (size_t j = start + 1; j < i; j++) {
			if (is_same(first, &entries[j])) {
				instead[entries[j].number] = first->number;
				continue;
			}
			first = &entries[j];
			model->types[first->number].variant = ++variant + 1;
		}
		if (variant)
			model->types[entries[start].number].variant = 1;
		start = i;
	}
}

static void replace(struct hi_model *model, const uint32_t *instead)
{
	for (size_t i = 0; i < model->n_types; i++) {
		struct hi_model_type *type = &model->types[i];

		type->target = instead[type->target];
		type->container = instead[type->container];
		for (size_t j = 0; j < type->n_parts; j++)
			type->parts[j].type = instead[type->parts[j].type];
	}
	for (size_t i = 0; i < model->n_exports; i++)
		model->exports[i].type = instead[model->exports[i].type];
}

/* --- what exports lead to -------------------------------------------------- */

struct reaching {
	struct hi_model *model;
	uint32_t *todo;
	size_t n;
};

static void reach(struct reaching *reaching, uint32_t number)
{
	struct hi_model_type *type = &reaching->model->types[number];

	if (type->is_used)
		return;
	type->is_used = true;
	reaching->todo[reaching->n++] = number;
}

static void mark_used(struct hi_model *model)
{
	struct reaching reaching = { .model = model };

	reaching.todo = calloc(model->n_types, sizeof(*reaching.todo));
	if (!reaching.todo) {
		model->failed = true;
		return;
	}
	for (size_t i = 0; i < model->n_exports; i++)
		reach(&reaching, model->exports[i].type);
	while (reaching.n > 0) {
		const struct hi_model_type *type =
			&model->types[reaching.todo[--reaching.n]];

		reach(&reaching, type->target);
		reach(&reaching, type->container);
		for (size_t i = 0; i < type->n_parts; i++)
			reach(&reaching, type->parts[i].type);
	}
	free(reaching.todo);
}

void hi_model_unite(struct hi_model *model)
{
	struct entry *entries = calloc(model->n_types, sizeof(*entries));
	uint32_t *instead = calloc(model->n_types, sizeof(*instead));

	if (entries && instead) {
		size_t n = list_named(model, entries);

		qsort(entries, n, sizeof(*entries), compare_entries);
		find_instead(model, entries, n, instead);
		replace(model, instead);
		mark_used(model);
	} else {
		model->failed = true;
	}
	free(entries);
	free(instead);
}
