#include "elfscan/types_parts.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

bool hi_type_of(Dwarf_Die *die, Dwarf_Die *ret_type)
{
	Dwarf_Attribute attr;
	Dwarf_Die type;

	if (!dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attr),
			       &type))
		return false;
	*ret_type = type;
	return true;
}

bool hi_type_peel(const Dwarf_Die *die, Dwarf_Die *ret_die, bool *ret_unknown)
{
	Dwarf_Attribute attr;
	Dwarf_Die at = *die, full;

	for (int i = 0; i < HI_TYPE_DEPTH_MAX; i++) {
		int tag = dwarf_tag(&at);

		if (tag == DW_TAG_typedef || tag == DW_TAG_template_alias ||
		    hi_type_is_qualifier(tag)) {
			if (!hi_type_of(&at, &at))
				return false;
			continue;
		}
		if (dwarf_formref_die(dwarf_attr(&at, DW_AT_signature, &attr),
				      &full))
			at = full;
		*ret_die = at;
		return true;
	}
	*ret_die = at;
	*ret_unknown = true;
	return true;
}

/* --- the words ----------------------------------------------------------- */

static bool same_text(const struct hi_buf *a, const struct hi_buf *b)
{
	return !strcmp(hi_buf_str(a), hi_buf_str(b));
}

/* One name even without typedefs: what can be said is the size. */
static void say_resized(const struct hi_type_side *old,
			const struct hi_type_side *new,
			struct hi_type_difference *difference)
{
	if (old->size != new->size)
		hi_buf_printf(&difference->text, "%s from %lld to %lld bytes",
			      old->size < new->size ? "grew" : "shrank",
			      (long long)old->size, (long long)new->size);
	else
		hi_buf_text(&difference->text, "changed its representation");
}

/* "changed from 'int' to 'float'". */
enum hi_type_verdict hi_type_say_changed(const struct hi_type_side *old,
					 const struct hi_type_side *new,
					 struct hi_type_difference *difference)
{
	struct hi_buf before = HI_BUF_INIT, after = HI_BUF_INIT;

	hi_type_name(old->written, &before);
	hi_type_name(new->written, &after);
	difference->same_name = same_text(&before, &after);
	if (difference->same_name) {
		/* a typedef that leads elsewhere */
		hi_buf_clear(&before);
		hi_buf_clear(&after);
		hi_type_name(old->kind ? &old->die : NULL, &before);
		hi_type_name(new->kind ? &new->die : NULL, &after);
	}
	if (same_text(&before, &after))
		say_resized(old, new, difference);
	else
		hi_buf_printf(&difference->text, "changed from '%s' to '%s'",
			      hi_buf_str(&before), hi_buf_str(&after));
	hi_buf_done(&before);
	hi_buf_done(&after);
	return HI_TYPE_DIFFERS;
}

/* --- everything else ----------------------------------------------------- */

/* Encodings that a caller cannot tell apart have one number. */
static int get_encoding(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Word encoding;
	Dwarf_Die type;

	if (dwarf_formudata(dwarf_attr(die, DW_AT_encoding, &attr),
			    &encoding)) {
		/* an enum before gcc 8 or by clang */
		if (dwarf_tag(die) != DW_TAG_enumeration_type ||
		    !hi_type_of(die, &type) ||
		    dwarf_tag(&type) != DW_TAG_base_type)
			return -1;
		return get_encoding(&type);
	}
	switch (encoding) {
	case DW_ATE_signed_char:
		return DW_ATE_signed;
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
		return DW_ATE_unsigned;
	default:
		return (int)encoding;
	}
}

static bool is_integer(Dwarf_Die *die)
{
	int encoding = get_encoding(die);

	return encoding == DW_ATE_signed || encoding == DW_ATE_unsigned;
}

/* The numbers of elements, outermost first, and what the elements are. */
#define RANKS_MAX 16

struct array {
	uint64_t counts[RANKS_MAX];
	size_t n_counts;
	Dwarf_Die element;
	bool unknown;
};

static uint64_t get_count(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Word count;

	if (!dwarf_formudata(dwarf_attr(die, DW_AT_count, &attr), &count))
		return count;
	if (!dwarf_formudata(dwarf_attr(die, DW_AT_upper_bound, &attr), &count))
		return count + 1;
	return 0;
}

static void read_array(const Dwarf_Die *die, struct array *ret_array)
{
	Dwarf_Die at = *die, child;

	*ret_array = (struct array){ .element = at };
	while (dwarf_tag(&at) == DW_TAG_array_type) {
		if (!dwarf_child(&at, &child)) {
			do {
				if (dwarf_tag(&child) != DW_TAG_subrange_type)
					continue;
				if (ret_array->n_counts == RANKS_MAX)
					ret_array->unknown = true;
				else
					ret_array->counts[ret_array->n_counts++] =
						get_count(&child);
			} while (!dwarf_siblingof(&child, &child));
		}
		if (!hi_type_of(&at, &ret_array->element) ||
		    !hi_type_peel(&ret_array->element, &at,
				  &ret_array->unknown))
			ret_array->unknown = true;
		if (ret_array->unknown)
			return;
	}
}

static enum hi_type_verdict compare_arrays(
	struct hi_types *types, struct hi_type_side *old,
	struct hi_type_side *new, struct hi_type_difference *difference,
	int depth)
{
	enum hi_type_verdict verdict;
	struct array before, after;

	read_array(&old->die, &before);
	read_array(&new->die, &after);
	if (before.unknown || after.unknown)
		return HI_TYPE_UNKNOWN;
	if (before.n_counts != after.n_counts ||
	    memcmp(before.counts, after.counts,
		   before.n_counts * sizeof(*before.counts)) != 0)
		return hi_type_say_changed(old, new, difference);
	verdict = hi_type_compare_at(types, &before.element, &after.element,
				     difference, depth);
	if (verdict == HI_TYPE_DIFFERS && !difference->same_name) {
		hi_buf_clear(&difference->text);
		hi_type_say_changed(old, new, difference);
	}
	return verdict;
}

static enum hi_type_kind get_kind(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
	case DW_TAG_unspecified_type: /* of nullptr */
		return HI_KIND_POINTER;
	case DW_TAG_base_type:
		return HI_KIND_BASE;
	case DW_TAG_enumeration_type:
		return HI_KIND_ENUM;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		return HI_KIND_AGGREGATE;
	case DW_TAG_union_type:
		return HI_KIND_UNION;
	case DW_TAG_array_type:
		return HI_KIND_ARRAY;
	default:
		return HI_KIND_OTHER;
	}
}

/* A pointer to a member function is a pair of words, one to data a word. */
static int64_t get_size(Dwarf_Die *die)
{
	Dwarf_Die type;
	bool unknown = false;

	if (dwarf_tag(die) == DW_TAG_ptr_to_member_type)
		return hi_type_of(die, &type) &&
				       hi_type_peel(&type, &type, &unknown) &&
				       dwarf_tag(&type) ==
					       DW_TAG_subroutine_type ?
			       16 :
			       8;
	return dwarf_bytesize(die);
}

/* False when the type cannot be known. */
static bool side_init(struct hi_type_side *side, const Dwarf_Die *type)
{
	bool unknown = false;

	*side = (struct hi_type_side){ .written = type, .size = -1 };
	if (!type || !hi_type_peel(type, &side->die, &unknown))
		return true;
	side->kind = get_kind(&side->die);
	side->size = get_size(&side->die);
	return !unknown && dwarf_tag(&side->die) != DW_TAG_invalid;
}

static bool are_same_scalars(struct hi_type_side *old, struct hi_type_side *new)
{
	int before, after;

	if (old->kind != new->kind)
		return old->size == new->size &&
		       ((old->kind == HI_KIND_ENUM &&
			 new->kind == HI_KIND_BASE &&is_integer(&new->die)) ||
			(old->kind == HI_KIND_BASE &&
			 new->kind == HI_KIND_ENUM &&is_integer(&old->die)));
	switch (old->kind) {
	case HI_KIND_VOID:
	case HI_KIND_POINTER:
		return true;
	case HI_KIND_BASE:
	case HI_KIND_ENUM:
		before = get_encoding(&old->die);
		after = get_encoding(&new->die);
		return old->size == new->size &&
		       (before == after || before < 0 || after < 0);
	default:
		return (new->size == old->size) &&
		       dwarf_tag(&old->die) == dwarf_tag(&new->die);
	}
}

enum hi_type_verdict hi_type_compare_at(struct hi_types *types,
					const Dwarf_Die *old,
					const Dwarf_Die *new,
					struct hi_type_difference *difference,
					int depth)
{
	struct hi_type_side before, after;

	if (!side_init(&before, old) || !side_init(&after, new) ||
	    depth > HI_TYPE_DEPTH_MAX)
		return HI_TYPE_UNKNOWN;
	if (before.kind == after.kind) {
		if (before.kind == HI_KIND_AGGREGATE ||
		    before.kind == HI_KIND_UNION)
			return hi_type_compare_aggregates(
				types, &before, &after, difference, depth + 1);
		if (before.kind == HI_KIND_ARRAY)
			return compare_arrays(types, &before, &after,
					      difference, depth + 1);
	}
	if (are_same_scalars(&before, &after))
		return HI_TYPE_SAME;
	return hi_type_say_changed(&before, &after, difference);
}

enum hi_type_verdict hi_type_compare(struct hi_types *types,
				     const Dwarf_Die *old, const Dwarf_Die *new,
				     struct hi_type_difference *difference)
{
	return hi_type_compare_at(types, old, new, difference, 0);
}
