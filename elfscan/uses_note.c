/* What is seen of an address is put down. */
#include "elfscan/uses_parts.h"

#include <stdlib.h>

static bool is_of(const struct hi_use_list *list, const struct hi_value *value)
{
	return list && hi_value_has_site(value) && value->site == list->site;
}

static void add_use(struct hi_use_list *list, const struct hi_use *use)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 16;
		struct hi_use *grown =
			reallocarray(list->uses, cap, sizeof(*use));

		if (!grown) {
			list->failed = true;
			return;
		}
		list->uses = grown;
		list->cap = cap;
	}
	list->uses[list->n++] = *use;
}

void hi_use_note(struct hi_use_list *list, const struct hi_value *value,
		 enum hi_use_kind kind)
{
	struct hi_use use = { .kind = kind,
			      .moved = value->moved,
			      .known = value->kind == HI_VALUE_ADDRESS,
			      .other = HI_USE_NOBODY,
			      .argument = HI_REG_NONE };

	if (!is_of(list, value))
		return;
	if (kind == HI_USE_ACCESS && value->kind == HI_VALUE_NEAR)
		use.kind = HI_USE_INDEX;
	use.offset = value->offset;
	add_use(list, &use);
}

void hi_use_note_pass(struct hi_use_list *list, const struct hi_value *value,
		      const struct hi_use_step *step, uint8_t argument)
{
	struct hi_use use = { .kind = HI_USE_PASS,
			      .moved = value->moved,
			      .known = value->kind == HI_VALUE_ADDRESS,
			      .offset = value->offset,
			      .other = HI_USE_NOBODY,
			      .call_link = step->insn.addr_link,
			      .callee_link = step->insn.target_link,
			      .argument = argument };

	if (is_of(list, value))
		add_use(list, &use);
}

void hi_use_note_compare(struct hi_use_list *list, const struct hi_value *a,
			 const struct hi_value *b)
{
	const struct hi_value *sides[] = { a, b };

	for (int i = 0; i < 2; i++) {
		const struct hi_value *other = sides[1 - i];
		struct hi_use use = { .kind = HI_USE_COMPARE,
				      .moved = sides[i]->moved,
				      .known = sides[i]->kind ==
					       HI_VALUE_ADDRESS,
				      .other = HI_USE_NOBODY };

		/* a null pointer is nobody's end */
		if (!is_of(list, sides[i]) || other->kind == HI_VALUE_CONST)
			continue;
		use.offset = sides[i]->offset;
		if (hi_value_has_site(other)) {
			use.other = other->site;
			use.other_moved = other->moved;
		}
		add_use(list, &use);
	}
}
