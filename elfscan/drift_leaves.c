/*
 * What members and bases are made of. Two pointers are two pointers, in an array as in a
 * struct; and of classes that hold nothing it does not matter which one is a base.
 */
#include <stddef.h>

#include "elfscan/drift_parts.h"

#define LEAVES_MAX 64
#define DEPTH_MAX  16

/* What has a place of its own and nothing inside. */
struct leaves {
	const struct hi_model *model;
	struct {
		int64_t place; /* bits */
		uint32_t type;
	} list[LEAVES_MAX];
	size_t n;
};

static bool add_leaves(struct leaves *leaves, uint32_t number, int64_t place,
		       int depth);

static bool add_elements(struct leaves *leaves,
			 const struct hi_model_type *array, int64_t place,
			 int depth)
{
	uint64_t bits = 8 * hi_model_get_size(leaves->model, array->target);

	if (!bits || array->count > LEAVES_MAX)
		return false;
	for (uint64_t i = 0; i < array->count; i++)
		if (!add_leaves(leaves, array->target,
				place + (int64_t)(i * bits), depth))
			return false;
	return true;
}

static bool add_members(struct leaves *leaves, const struct hi_model_type *type,
			int64_t place, int depth)
{
	for (size_t i = 0; i < type->n_parts; i++) {
		const struct hi_model_part *part = &type->parts[i];

		if (part->kind != HI_PART_MEMBER || part->bits ||
		    !add_leaves(leaves, part->type, place + part->value, depth))
			return false;
	}
	return true;
}

/* False: there are too many, or they cannot be told apart. */
static bool add_leaves(struct leaves *leaves, uint32_t number, int64_t place,
		       int depth)
{
	uint32_t peeled = hi_model_peel(leaves->model, number);
	const struct hi_model_type *type =
		hi_model_get_type(leaves->model, peeled);

	if (depth == DEPTH_MAX)
		return false;
	switch (type->kind) {
	case HI_MODEL_ARRAY:
		return add_elements(leaves, type, place, depth + 1);
	case HI_MODEL_STRUCT:
		return !type->is_declared &&
		       add_members(leaves, type, place, depth + 1);
	case HI_MODEL_BASE:
	case HI_MODEL_ENUM:
	case HI_MODEL_POINTER:
		if (leaves->n == LEAVES_MAX)
			return false;
		leaves->list[leaves->n].place = place;
		leaves->list[leaves->n++].type = number;
		return true;
	default:
		return false;
	}
}

static bool is_array(const struct hi_model *model, uint32_t number)
{
	return hi_model_get_type(model, hi_model_peel(model, number))->kind ==
	       HI_MODEL_ARRAY;
}

static bool has_same_leaves(struct hi_drift_run *run, uint32_t old,
			    uint32_t new, uint32_t from)
{
	struct leaves a = { .model = run->old }, b = { .model = run->new };

	if (is_array(run->old, old) == is_array(run->new, new) ||
	    hi_model_get_size(run->old, old) !=
		    hi_model_get_size(run->new, new) ||
	    !add_leaves(&a, old, 0, 0) || !add_leaves(&b, new, 0, 0) ||
	    a.n != b.n || !a.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (a.list[i].place != b.list[i].place ||
		    hi_drift_walk(run, a.list[i].type, b.list[i].type, from,
				  HI_ROLE_MEMBER) > HI_RENAMED)
			return false;
	return true;
}

/* Classes without bytes of their own, and without a table: which one is a base does
   not matter. */
static bool is_empty_base(const struct hi_model *model,
			  const struct hi_model_part *part)
{
	const struct hi_model_type *type =
		hi_model_get_type(model, hi_model_peel(model, part->type));

	return part->kind == HI_PART_BASE && !part->is_virtual &&
	       hi_model_is_aggregate(type) && !type->is_declared &&
	       !type->n_parts;
}

enum hi_sameness hi_layout_compare_types(const struct hi_layout *layout,
					 const struct hi_model_part *old,
					 const struct hi_model_part *new)
{
	struct hi_drift_run *run = layout->run;
	enum hi_sameness found = hi_drift_walk(run, old->type, new->type,
					       layout->place, HI_ROLE_MEMBER);

	if (found != HI_DIFFERENT)
		return found;
	if ((is_empty_base(run->old, old) && is_empty_base(run->new, new)) ||
	    has_same_leaves(run, old->type, new->type, layout->place))
		return HI_RENAMED;
	return HI_DIFFERENT;
}
