#include "elfscan/changes_parts.h"

#include <string.h>

/* A function's bytes; a symbol without a size reaches to the next one. */
static const uint8_t *find_body(const struct hi_side *side,
				const struct hi_symbol *function,
				uint64_t *ret_len)
{
	const struct hi_symbol *end = side->functions + side->n_functions;
	const struct hi_symbol *next = function;

	*ret_len = function->size;
	if (function->size == 0) {
		while (next < end && next->addr_link == function->addr_link)
			next++;
		if (next == end)
			return NULL;
		*ret_len = next->addr_link - function->addr_link;
	}
	return hi_image_find_bytes(side->facts->image, function->addr_link,
				   *ret_len);
}

static int32_t read_i32(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Where the field of an instruction stands that depends on where things are;
   0: it has none. */
static uint8_t find_field(const struct hi_insn *insn, uint8_t *ret_len)
{
	if (insn->rip_relative) {
		*ret_len = insn->disp_len;
		return insn->disp_offset;
	}
	if (insn->target_link) {
		*ret_len = insn->imm_len;
		return insn->imm_offset;
	}
	*ret_len = 0;
	return 0;
}

/* INSN stands at P in the old build, its counterpart at Q, at NEW_LINK. */
static bool same_insn(struct hi_comparison *comparison,
		      const struct hi_insn *insn, const uint8_t *p,
		      const uint8_t *q, uint64_t new_link, uint64_t old_start,
		      uint64_t old_end)
{
	uint64_t old_target = insn->rip_relative ? insn->data_link :
						   insn->target_link;
	uint8_t len, field = find_field(insn, &len);
	int64_t distance;

	if (memcmp(p, q, field ? field : insn->len) != 0)
		return false;
	if (!field)
		return true;
	if (memcmp(p + field + len, q + field + len, insn->len - field - len) !=
	    0)
		return false;
	/* inside the function, a distance is the same in both */
	if (!insn->rip_relative && old_target >= old_start &&
	    old_target < old_end)
		return memcmp(p + field, q + field, len) == 0;
	distance = len == 1 ? (int8_t)q[field] : read_i32(q + field);
	return hi_comparison_same_target(comparison, old_target,
					 new_link + insn->len + distance,
					 insn->is_lea);
}

static bool same_bytes(struct hi_comparison *comparison, uint64_t old_link,
		       const uint8_t *p, uint64_t new_link, const uint8_t *q,
		       uint64_t len)
{
	struct hi_insn insn;

	for (uint64_t at = 0; at < len; at += insn.len) {
		/* the new bytes are the same but for one field, or it ends */
		if (!hi_insn_measure(p + at, len - at, old_link + at, &insn))
			return memcmp(p + at, q + at, len - at) == 0;
		if (!same_insn(comparison, &insn, p + at, q + at, new_link + at,
			       old_link, old_link + len))
			return false;
	}
	return true;
}

bool hi_comparison_same_code(struct hi_comparison *comparison,
			     uint64_t old_link, uint64_t new_link, uint64_t len)
{
	const uint8_t *p = hi_image_find_bytes(comparison->old.facts->image,
					       old_link, len);
	const uint8_t *q = hi_image_find_bytes(comparison->new.facts->image,
					       new_link, len);

	return p && q && same_bytes(comparison, old_link, p, new_link, q, len);
}

bool hi_comparison_same_body(struct hi_comparison *comparison,
			     const struct hi_symbol *old,
			     const struct hi_symbol *new)
{
	uint64_t len, new_len;
	const uint8_t *p = find_body(&comparison->old, old, &len);
	const uint8_t *q = find_body(&comparison->new, new, &new_len);

	return p && q && len == new_len && (new->type == old->type) &&
	       same_bytes(comparison, old->addr_link, p, new->addr_link, q,
			  len);
}
