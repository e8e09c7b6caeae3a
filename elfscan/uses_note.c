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

static struct hi_use use_of(const struct hi_value *value, enum hi_use_kind kind)
{
	return (struct hi_use){ .kind = kind,
				.moved = value->moved,
				.known = value->kind == HI_VALUE_ADDRESS,
				.offset = value->offset,
				.other = HI_USE_NOBODY,
				.argument = HI_REG_NONE };
}

void hi_use_note(struct hi_use_list *list, const struct hi_value *value,
		 enum hi_use_kind kind)
{
	struct hi_use use = use_of(value, kind);

	if (is_of(list, value))
		add_use(list, &use);
}

void hi_use_note_access(struct hi_use_list *list, const struct hi_value *value,
			bool written)
{
	struct hi_use use = use_of(value, value->kind == HI_VALUE_NEAR ?
						  HI_USE_INDEX :
						  HI_USE_ACCESS);

	use.written = written;
	if (is_of(list, value))
		add_use(list, &use);
}

void hi_use_note_pass(struct hi_use_list *list, const struct hi_value *value,
		      const struct hi_use_step *step, uint8_t argument)
{
	struct hi_use use = use_of(value, HI_USE_PASS);

	use.call_link = step->insn.addr_link;
	use.callee_link = step->insn.target_link;
	use.argument = argument;
	if (is_of(list, value))
		add_use(list, &use);
}

void hi_use_note_compare(struct hi_use_list *list, const struct hi_value *a,
			 const struct hi_value *b)
{
	const struct hi_value *sides[] = { a, b };

	for (int i = 0; i < 2; i++) {
		const struct hi_value *other = sides[1 - i];
		struct hi_use use = use_of(sides[i], HI_USE_COMPARE);

		/* a null pointer is nobody's end */
		if (!is_of(list, sides[i]) || other->kind == HI_VALUE_CONST)
			continue;
		if (hi_value_has_site(other)) {
			use.other = other->site;
			use.other_moved = other->moved;
		}
		add_use(list, &use);
	}
}
