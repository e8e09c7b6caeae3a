/*
 * At which addresses the objects of a struct, class or union may be.
 *
 * Debug information tells what the source asks for, and the compilers do not agree of
 * what: clang says it of the member alone, gcc also of the struct that has it inside,
 * and then with all that the struct is aligned to. So what matters is compared: what is
 * asked for and what the members are aligned to by themselves, together.
 */
#include <dwarf.h>

#include "elfscan/drift_parts.h"

#define LOOKS_MAX 1000

struct aligns {
	uint32_t asked;   /* for the type, or anything inside; or 0 */
	uint32_t natural; /* of what is inside; or 0 */
};

static uint32_t get_larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static struct aligns find_aggregate(const struct hi_model *model,
				    const struct hi_model_type *type,
				    int *looks);

/* Of base types, enums and vectors: their size, unless that is odd. */
static uint32_t get_power(uint64_t size)
{
	return size && size <= 64 && !(size & (size - 1)) ? (uint32_t)size : 1;
}

static struct aligns find_type(const struct hi_model *model, uint32_t number,
			       int *looks)
{
	const struct hi_model_type *type;
	struct aligns aligns = { 0, 1 };

	/* damaged types may go in circles */
	do {
		type = hi_model_get_type(model, hi_model_peel(model, number));
		number = type->target;
	} while (type->kind == HI_MODEL_ARRAY && ++*looks < LOOKS_MAX);
	if (hi_model_is_aggregate(type))
		return find_aggregate(model, type, looks);
	switch (type->kind) {
	case HI_MODEL_BASE:
		aligns.natural =
			get_power(type->encoding == DW_ATE_complex_float ?
					  type->size / 2 :
					  type->size);
		break;
	case HI_MODEL_ENUM:
		aligns.natural = get_power(type->size);
		break;
	case HI_MODEL_VECTOR:
		aligns.natural = get_power(
			type->count * hi_model_get_size(model, type->target));
		break;
	case HI_MODEL_POINTER:
	case HI_MODEL_REFERENCE:
	case HI_MODEL_RVALUE_REFERENCE:
	case HI_MODEL_MEMBER_POINTER:
		aligns.natural = 8;
		break;
	default:
		break;
	}
	return aligns;
}

static bool has_place(const struct hi_model_part *part)
{
	return (part->kind == HI_PART_MEMBER || part->kind == HI_PART_BASE) &&
	       !part->is_virtual;
}

static struct aligns find_aggregate(const struct hi_model *model,
				    const struct hi_model_type *type,
				    int *looks)
{
	struct aligns aligns = { type->align, 1 };
	bool is_packed = false;

	for (size_t i = 0; i < type->n_parts; i++) {
		const struct hi_model_part *part = &type->parts[i];
		struct aligns inner;
		uint32_t align;

		if (!has_place(part) || ++*looks > LOOKS_MAX)
			continue;
		inner = find_type(model, part->type, looks);
		aligns.asked = get_larger(aligns.asked, inner.asked);
		align = inner.asked == HI_MODEL_ANY_ALIGN ?
				1 :
				get_larger(inner.asked, inner.natural);
		if (part->bits)
			continue;
		is_packed |= part->value % (8 * (int64_t)align) != 0;
		aligns.natural = get_larger(aligns.natural, align);
	}
	if (is_packed || type->size % aligns.natural)
		aligns.natural = 1;
	return aligns;
}

void hi_layout_compare_aligns(struct hi_layout *layout)
{
	int looks_old = 0, looks_new = 0;
	struct aligns a, b;
	uint32_t old, new;

	if (layout->old->align == layout->new->align)
		return;
	a = find_aggregate(layout->run->old, layout->old, &looks_old);
	b = find_aggregate(layout->run->new, layout->new, &looks_new);
	if (a.asked == HI_MODEL_ANY_ALIGN || b.asked == HI_MODEL_ANY_ALIGN)
		return;
	old = get_larger(a.asked, a.natural);
	new = get_larger(b.asked, b.natural);
	if (old == new)
		return;
	hi_buf_printf(hi_layout_begin(&layout->breaks),
		      "alignment changed from %u to %u", old, new);
	layout->grew_only = layout->moved_only = false;
}
