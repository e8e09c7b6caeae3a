/*
 * The classes of the eight bytes of a type (psABI 3.2.3).
 */
#include <dwarf.h>
#include <string.h>

#include "elfscan/result_words.h"

/* --- types ------------------------------------------------------------------- */

uint64_t hi_result_get_size(const struct hi_die *entry)
{
	uint64_t size;

	return hi_die_get_number(entry, HI_AT_BYTE_SIZE, &size) ? size : 0;
}

/* Numbers of 16 bytes that are not the processor's extended ones: _Float128,
   __float128, f128, Fortran's real(kind=16). */
static bool is_quad(const struct hi_die *base)
{
	const char *name = hi_die_get_text(base, HI_AT_NAME);

	return name && (strstr(name, "128") || strstr(name, "kind=16"));
}

static bool is_misaligned(const struct hi_result_reader *reader, uint64_t at,
			  uint64_t align)
{
	return !reader->is_unchecked && align && at % align != 0;
}

static enum hi_verdict collect_complex(const struct hi_die *base, uint64_t at,
				       uint64_t size, struct hi_words *classes)
{
	if (size <= 2 * HI_WORD)
		return hi_words_cover(classes, at, size, HI_CLASS_SSE,
				      HI_CLASS_SSE);
	return is_quad(base) ?
		       HI_IN_MEMORY :
		       hi_words_cover(classes, at, size, HI_CLASS_COMPLEX_X87,
				      HI_CLASS_COMPLEX_X87);
}

static enum hi_verdict collect_base(struct hi_result_reader *reader,
				    const struct hi_die *base, uint64_t at,
				    struct hi_words *classes)
{
	const char *name = hi_die_get_text(base, HI_AT_NAME);
	uint64_t size = hi_result_get_size(base), encoding = 0, align = size;

	hi_die_get_number(base, HI_AT_ENCODING, &encoding);
	/* _Complex int has an encoding of the compilers' own */
	if (encoding == DW_ATE_complex_float || encoding == DW_ATE_lo_user)
		align = size / 2;
	else if (name && strstr(name, "BitInt") && size > HI_WORD)
		align = HI_WORD;
	if (align & (align - 1))
		align = 1;
	if (is_misaligned(reader, at, align))
		return HI_IN_MEMORY;
	switch (encoding) {
	case 0:
		return HI_NOT_KNOWN;
	case DW_ATE_float:
		/* in a struct, versions of clang do not agree about quads */
		if (size > 2 * HI_WORD ||
		    (is_quad(base) && reader->is_clang && reader->depth))
			return HI_NOT_KNOWN;
		return size <= HI_WORD || is_quad(base) ?
			       hi_words_cover(classes, at, size, HI_CLASS_SSE,
					      HI_CLASS_SSEUP) :
			       hi_words_cover(classes, at, size, HI_CLASS_X87,
					      HI_CLASS_X87UP);
	case DW_ATE_decimal_float:
		return hi_words_cover(classes, at, size, HI_CLASS_SSE,
				      HI_CLASS_SSEUP);
	case DW_ATE_complex_float:
		return collect_complex(base, at, size, classes);
	default:
		return hi_words_cover(classes, at, size, HI_CLASS_INTEGER,
				      HI_CLASS_INTEGER);
	}
}

static uint64_t count_elements(const struct hi_die *array)
{
	uint64_t count = 1, number;
	struct hi_die range;
	bool found = false;

	for (bool more = hi_die_read_part(array, &range); more;
	     more = hi_die_next_part(&range)) {
		if (range.tag != DW_TAG_subrange_type)
			continue;
		found = true;
		if (hi_die_get_number(&range, HI_AT_UPPER_BOUND, &number))
			number++;
		else if (!hi_die_get_number(&range, HI_AT_COUNT, &number))
			number = 0;
		/* more than any result has; less than what overflows */
		if (number > UINT16_MAX)
			number = UINT16_MAX;
		count *= number;
		if (count > UINT32_MAX)
			count = UINT32_MAX;
	}
	return found ? count : 0;
}

/* Of what an array or a struct is made of; UINT64_MAX: it is not known. */
uint64_t hi_words_measure(struct hi_result_reader *reader,
			  const struct hi_die *type)
{
	struct hi_die element;
	Dwarf_Die target;
	uint64_t size;

	if (hi_die_get_number(type, HI_AT_BYTE_SIZE, &size))
		return size;
	switch (type->tag) {
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
	case DW_TAG_unspecified_type:
		return HI_WORD;
	case DW_TAG_ptr_to_member_type:
		/* of a function: its place, and what is added to this */
		return hi_die_get_reference(type, HI_AT_TYPE, &target) &&
				       hi_result_peel(reader, &target,
						      &element) &&
				       element.tag == DW_TAG_subroutine_type ?
			       2 * HI_WORD :
			       HI_WORD;
	case DW_TAG_array_type:
		if (reader->depth > HI_RESULT_DEPTH_MAX ||
		    !hi_die_get_reference(type, HI_AT_TYPE, &target) ||
		    !hi_result_peel(reader, &target, &element))
			return UINT64_MAX;
		reader->depth++;
		size = hi_words_measure(reader, &element);
		reader->depth--;
		return size > UINT32_MAX ? UINT64_MAX :
					   size * count_elements(type);
	default:
		return UINT64_MAX;
	}
}

/* int list[]; but list[0] has a count. */
static bool is_endless(const struct hi_die *array)
{
	struct hi_die range;

	for (bool more = hi_die_read_part(array, &range); more;
	     more = hi_die_next_part(&range))
		if (range.tag == DW_TAG_subrange_type &&
		    !hi_die_has(&range, HI_AT_UPPER_BOUND) &&
		    !hi_die_has(&range, HI_AT_COUNT))
			return true;
	return false;
}

bool hi_result_is_vector(const struct hi_die *array)
{
	Dwarf_Word value;

	return hi_die_ask(array, DW_AT_GNU_vector, &value) && value;
}

/* No elements: their alignment counts nevertheless; to gcc, unless a word begins there,
   they are as one. */
static enum hi_verdict collect_none(struct hi_result_reader *reader,
				    const struct hi_die *element, uint64_t at,
				    struct hi_words *classes)
{
	struct hi_words unused = { 0 };
	enum hi_verdict verdict;

	if (reader->is_gnu && at % HI_WORD == 0)
		return HI_IN_CLASSES;
	if (reader->is_gnu && element->tag == DW_TAG_base_type)
		return hi_words_collect(reader, element, at, classes);
	if (reader->is_gnu)
		return HI_NOT_KNOWN;
	verdict = hi_words_collect(reader, element, at, &unused);
	/* a struct may be packed: it has not the alignment of its members */
	return verdict == HI_IN_MEMORY && element->tag != DW_TAG_base_type ?
		       HI_NOT_KNOWN :
		       verdict;
}

/* gcc looks at the alignment of the first element only. */
static enum hi_verdict collect_array(struct hi_result_reader *reader,
				     const struct hi_die *array, uint64_t at,
				     struct hi_words *classes)
{
	uint64_t size = hi_words_measure(reader, array), count, step;
	bool was_unchecked = reader->is_unchecked;
	enum hi_verdict verdict = HI_IN_CLASSES;
	struct hi_die element;
	Dwarf_Die target;

	if (hi_result_is_vector(array)) {
		if (size > 2 * HI_WORD && size & (size - 1))
			return HI_NOT_KNOWN;
		classes->is_wide = classes->is_wide || size > 2 * HI_WORD;
		return is_misaligned(reader, at, size & (size - 1) ? 1 : size) ?
			       HI_IN_MEMORY :
			       hi_words_cover(classes, at, size, HI_CLASS_SSE,
					      HI_CLASS_SSEUP);
	}
	if (reader->is_clang && is_endless(array))
		return HI_IN_MEMORY;
	if (!hi_die_get_reference(array, HI_AT_TYPE, &target) ||
	    !hi_result_peel(reader, &target, &element))
		return HI_NOT_KNOWN;
	step = hi_words_measure(reader, &element);
	if (size == UINT64_MAX || step == UINT64_MAX)
		return HI_NOT_KNOWN;
	if (size > HI_WORDS_MAX * HI_WORD)
		return HI_IN_MEMORY;
	count = step ? size / step : 0;
	if (!count)
		return collect_none(reader, &element, at, classes);
	for (uint64_t i = 0; i < count && verdict == HI_IN_CLASSES; i++) {
		verdict = hi_words_collect(reader, &element, at + i * step,
					   classes);
		reader->is_unchecked = was_unchecked || reader->is_gnu;
	}
	reader->is_unchecked = was_unchecked;
	return verdict;
}

/* --- structs, classes, unions ------------------------------------------------- */

/* Old gcc writes an expression. */
static bool get_place(const struct hi_die *member, uint64_t *ret_at)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	*ret_at = 0;
	if (!hi_die_has(member, HI_AT_DATA_MEMBER_LOCATION) ||
	    hi_die_get_number(member, HI_AT_DATA_MEMBER_LOCATION, ret_at))
		return true;
	if (!hi_die_get(member, HI_AT_DATA_MEMBER_LOCATION, &attr) ||
	    dwarf_getlocation(&attr, &ops, &n) || n != 1 ||
	    ops[0].atom != DW_OP_plus_uconst)
		return false;
	*ret_at = ops[0].number;
	return true;
}

/* The words that the bits are in are integers, whatever their alignment. */
static enum hi_verdict collect_bits(const struct hi_result_reader *reader,
				    const struct hi_die *member,
				    const struct hi_die *type, uint64_t at,
				    uint64_t n_bits, struct hi_words *classes)
{
	uint64_t from, storage, end;

	if (!n_bits)
		return HI_IN_CLASSES;
	if (hi_die_get_number(member, HI_AT_DATA_BIT_OFFSET, &from)) {
		from += at * 8;
	} else {
		if (!get_place(member, &storage))
			return HI_NOT_KNOWN;
		from = (at + storage) * 8;
		if (hi_die_get_number(member, HI_AT_BIT_OFFSET, &end)) {
			storage = hi_die_has(member, HI_AT_BYTE_SIZE) ?
					  hi_result_get_size(member) :
					  hi_result_get_size(type);
			from += storage * 8 - end - n_bits;
		}
	}
	/* gcc makes some into plain members, and then looks at their alignment;
	   clang looks at that of the struct */
	storage = hi_result_get_size(type);
	if ((storage && at % storage) ||
	    (reader->is_gnu && n_bits > 8 && !(n_bits & (n_bits - 1)) &&
	     from % n_bits))
		return HI_NOT_KNOWN;
	end = (from + n_bits - 1) / 8;
	from /= 8;
	return end < from ? HI_NOT_KNOWN :
			    hi_words_cover(classes, from, end - from + 1,
					   HI_CLASS_INTEGER, HI_CLASS_INTEGER);
}

static enum hi_verdict collect_member(struct hi_result_reader *reader,
				      const struct hi_die *member, uint64_t at,
				      struct hi_words *classes)
{
	uint64_t place, n_bits;
	struct hi_die type;
	Dwarf_Die target;

	/* static ones are elsewhere */
	if (hi_die_has(member, HI_AT_DECLARATION) ||
	    hi_die_has(member, HI_AT_EXTERNAL))
		return HI_IN_CLASSES;
	if (!hi_die_get_reference(member, HI_AT_TYPE, &target) ||
	    !hi_result_peel(reader, &target, &type))
		return HI_NOT_KNOWN;
	if (hi_die_get_number(member, HI_AT_BIT_SIZE, &n_bits))
		return collect_bits(reader, member, &type, at, n_bits, classes);
	if (!get_place(member, &place))
		return HI_NOT_KNOWN;
	return hi_words_collect(reader, &type, at + place, classes);
}

static enum hi_verdict collect_members(struct hi_result_reader *reader,
				       const struct hi_die *type, uint64_t at,
				       struct hi_words *classes)
{
	enum hi_verdict verdict = HI_IN_CLASSES;
	struct hi_die part;

	for (bool more = hi_die_read_part(type, &part);
	     more && verdict == HI_IN_CLASSES; more = hi_die_next_part(&part))
		if (part.tag == DW_TAG_inheritance &&
		    hi_die_has(&part, HI_AT_VIRTUALITY))
			verdict = HI_IN_MEMORY;
		else if (part.tag == DW_TAG_member ||
			 part.tag == DW_TAG_inheritance)
			verdict = collect_member(reader, &part, at, classes);
	return verdict;
}

/* Each aggregate comes to a conclusion of its own: what is inside it is in memory when
   it would be alone. */
static enum hi_verdict collect_whole(struct hi_result_reader *reader,
				     const struct hi_die *type, uint64_t at,
				     struct hi_words *classes)
{
	struct hi_words inner = { 0 };
	enum hi_verdict verdict;

	if (++reader->depth > HI_RESULT_DEPTH_MAX)
		verdict = HI_NOT_KNOWN;
	else if (type->tag == DW_TAG_array_type)
		verdict = collect_array(reader, type, at, &inner);
	else
		verdict = collect_members(reader, type, at, &inner);
	reader->depth--;
	if (verdict != HI_IN_CLASSES)
		return verdict;
	classes->is_wide = classes->is_wide || inner.is_wide;
	if (inner.is_mixed || hi_words_have_stray(&inner))
		return HI_IN_MEMORY;
	for (uint64_t i = 0; i < HI_WORDS_MAX; i++)
		hi_words_merge(classes, i, inner.of[i]);
	return HI_IN_CLASSES;
}

enum hi_verdict hi_words_collect(struct hi_result_reader *reader,
				 const struct hi_die *type, uint64_t at,
				 struct hi_words *classes)
{
	uint64_t size;

	switch (type->tag) {
	case DW_TAG_base_type:
		return collect_base(reader, type, at, classes);
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
	case DW_TAG_ptr_to_member_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_unspecified_type:
		size = hi_words_measure(reader, type);
		if (size > 2 * HI_WORD)
			return HI_NOT_KNOWN;
		return is_misaligned(reader, at,
				     size < HI_WORD ? size : HI_WORD) ?
			       HI_IN_MEMORY :
			       hi_words_cover(classes, at, size,
					      HI_CLASS_INTEGER,
					      HI_CLASS_INTEGER);
	case DW_TAG_array_type:
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		break;
	default:
		return HI_NOT_KNOWN;
	}
	return collect_whole(reader, type, at, classes);
}
