/*
 * Structs and unions without a name inside of others: who uses what is in them writes
 * the same, whether they are there or not, so where they do not match, what they
 * hold is compared as if it stood outside.
 */
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "elfscan/drift_parts.h"

/* Damaged debug information may go in circles. */
#define DEPTH_MAX 16
#define PARTS_MAX 65536

struct flat {
	const struct hi_model *model;
	struct hi_model_part *parts;
	size_t n, cap;
	bool failed;
};

bool hi_drift_has_same_parts(const struct hi_model_type *old,
			     const struct hi_model_type *new)
{
	if (old->n_parts != new->n_parts)
		return false;
	for (size_t i = 0; i < old->n_parts; i++) {
		const struct hi_model_part *a = &old->parts[i];
		const struct hi_model_part *b = &new->parts[i];

		if (a->kind != b->kind || a->value != b->value ||
		    a->bits != b->bits || a->is_virtual != b->is_virtual ||
		    strcmp(a->name, b->name) != 0)
			return false;
	}
	return true;
}

/* The struct or union that a member without a name is, or NULL. */
static const struct hi_model_type *find_inner(const struct hi_model *model,
					      const struct hi_model_part *part)
{
	const struct hi_model_type *type;

	if (part->kind != HI_PART_MEMBER || *part->name)
		return NULL;
	type = hi_model_get_type(model, hi_model_peel(model, part->type));
	return hi_model_is_aggregate(type) && !type->is_declared ? type : NULL;
}

static bool is_partner(const struct hi_model_part *part,
		       const struct hi_model_type *inner,
		       const struct hi_model *in,
		       const struct hi_model_part *other)
{
	const struct hi_model_type *partner = find_inner(in, other);

	if (partner && !strcmp(inner->name, partner->name))
		return true;
	/* what is at its place may have got a name */
	return other->kind == HI_PART_MEMBER && part->value == other->value &&
	       hi_model_is_aggregate(
		       hi_model_get_type(in, hi_model_peel(in, other->type)));
}

/* Whether each such member of TYPE has one of OTHER for a partner. */
static bool all_pair(const struct hi_model *model,
		     const struct hi_model_type *type,
		     const struct hi_model *in,
		     const struct hi_model_type *other)
{
	for (size_t i = 0; i < type->n_parts; i++) {
		const struct hi_model_type *inner =
			find_inner(model, &type->parts[i]);
		bool found = !inner;

		for (size_t j = 0; j < other->n_parts && !found; j++)
			found = is_partner(&type->parts[i], inner, in,
					   &other->parts[j]);
		if (!found)
			return false;
	}
	return true;
}

static void flatten(struct flat *flat, const struct hi_model_type *type,
		    int64_t place, int depth)
{
	for (size_t i = 0; i < type->n_parts && !flat->failed; i++) {
		struct hi_model_part part = type->parts[i];
		const struct hi_model_type *inner =
			find_inner(flat->model, &part);

		if (part.kind == HI_PART_MEMBER)
			part.value = (int64_t)((uint64_t)part.value +
					       (uint64_t)place);
		if (inner && depth < DEPTH_MAX) {
			flatten(flat, inner, part.value, depth + 1);
			continue;
		}
		if (flat->n == PARTS_MAX ||
		    !hi_grow(&flat->parts, flat->n, &flat->cap,
			     sizeof(*flat->parts))) {
			flat->failed = true;
			return;
		}
		flat->parts[flat->n++] = part;
	}
}

bool hi_drift_flatten(const struct hi_drift_run *run, struct hi_model_type *old,
		      struct hi_model_type *new)
{
	struct flat a = { .model = run->old }, b = { .model = run->new };
	struct hi_model_type flat_old = *old, flat_new = *new;

	if (hi_drift_has_same_parts(old, new))
		return false;
	flatten(&a, old, 0, 0);
	flatten(&b, new, 0, 0);
	flat_old.parts = a.parts;
	flat_old.n_parts = a.n;
	flat_new.parts = b.parts;
	flat_new.n_parts = b.n;
	if (a.failed || b.failed ||
	    (!hi_drift_has_same_parts(&flat_old, &flat_new) &&
	     all_pair(run->old, old, run->new, new) &&
	     all_pair(run->new, new, run->old, old))) {
		free(a.parts);
		free(b.parts);
		return false;
	}
	*old = flat_old;
	*new = flat_new;
	return true;
}

static int64_t get_end(const struct hi_model *model,
		       const struct hi_model_part *part)
{
	uint64_t len = part->bits ? part->bits :
				    hi_model_get_size(model, part->type) * 8;

	return (int64_t)((uint64_t)part->value + len);
}

/* Whether a member of TYPE, other than PART of IN, has PART's bytes. */
static bool covers(const struct hi_model *model,
		   const struct hi_model_type *type, const struct hi_model *in,
		   const struct hi_model_part *part)
{
	int64_t end = get_end(in, part);

	for (size_t i = 0; i < type->n_parts; i++) {
		const struct hi_model_part *other = &type->parts[i];

		if (other != part && other->kind == HI_PART_MEMBER &&
		    other->value <= part->value && part->value < end &&
		    end <= get_end(model, other))
			return true;
	}
	return false;
}

bool hi_drift_is_view(const struct hi_drift_run *run,
		      const struct hi_model_type *old,
		      const struct hi_model_type *new,
		      const struct hi_model_part *part)
{
	return covers(run->old, old, run->new, part) &&
	       covers(run->new, new, run->new, part);
}
