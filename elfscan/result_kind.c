/*
 * From the type of a result to how it is returned.
 */
#include <dwarf.h>
#include <string.h>

#include "elfscan/result_words.h"

static const struct hi_result unknown = { .kind = HI_RESULT_UNKNOWN };

/* Rust returns what fits into two registers in them. An enum has parts that are not
   always there; a pair of wide integers is in more registers. */
static struct hi_result classify_rust(struct hi_result_reader *reader,
				      const struct hi_die *type, uint64_t size)
{
	struct hi_result memory = { HI_RESULT_MEMORY, size };
	struct hi_die part, inner;
	Dwarf_Die target;

	if (size <= 2 * HI_WORD)
		return (struct hi_result){ HI_RESULT_REGISTERS, 0 };
	if (size > 4 * HI_WORD)
		return memory;
	for (bool more = hi_die_read_part(type, &part); more;
	     more = hi_die_next_part(&part))
		if (part.tag == DW_TAG_member &&
		    hi_die_get_reference(&part, HI_AT_TYPE, &target) &&
		    hi_result_peel(reader, &target, &inner) &&
		    hi_result_get_size(&inner) == 2 * HI_WORD)
			return unknown;
	return memory;
}

static struct hi_result classify_aggregate(struct hi_result_reader *reader,
					   const struct hi_die *type)
{
	uint64_t size = hi_words_measure(reader, type);
	struct hi_result result, memory = { HI_RESULT_MEMORY, size };
	struct hi_words classes = { 0 };

	if (size == UINT64_MAX)
		return unknown;
	if (reader->is_rust_abi)
		return classify_rust(reader, type, size);
	if (size > HI_WORDS_MAX * HI_WORD)
		return memory;
	switch (hi_words_collect(reader, type, 0, &classes)) {
	case HI_IN_MEMORY:
		return memory;
	case HI_NOT_KNOWN:
		/* of more than two words only vectors are in registers */
		return (size > 2 * HI_WORD && size != 4 * HI_WORD &&
			size != 8 * HI_WORD) ||
				       (hi_copying_is_cplus(reader->language) &&
					hi_result_is_non_trivial(reader,
								 type) ==
						HI_ANSWER_YES) ?
			       memory :
			       unknown;
	default:
		result = hi_words_conclude(reader, &classes, size);
		break;
	}
	if (result.kind == HI_RESULT_MEMORY ||
	    !hi_copying_is_cplus(reader->language))
		return result;
	switch (hi_result_is_non_trivial(reader, type)) {
	case HI_ANSWER_NO:
		return result;
	case HI_ANSWER_YES:
		return memory;
	default:
		return unknown;
	}
}

struct hi_result hi_result_classify(struct hi_result_reader *reader,
				    const Dwarf_Die *type)
{
	struct hi_words classes = { 0 };
	struct hi_die entry;
	const char *name;
	uint64_t size;

	if (!hi_result_peel(reader, type, &entry)) {
		size = hi_result_get_known_size(reader, type);
		return size ? (struct hi_result){ HI_RESULT_MEMORY, size } :
			      unknown;
	}
	switch (entry.tag) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		return classify_aggregate(reader, &entry);
	case DW_TAG_array_type:
		if (!hi_result_is_vector(&entry))
			return unknown;
		break;
	case DW_TAG_unspecified_type:
		/* nullptr_t; but not "auto", which only its value tells */
		name = hi_die_get_text(&entry, HI_AT_NAME);
		if (!name || !strstr(name, "nullptr"))
			return unknown;
		break;
	default:
		break;
	}
	size = hi_words_measure(reader, &entry);
	switch (hi_words_collect(reader, &entry, 0, &classes)) {
	case HI_IN_CLASSES:
		if (classes.of[0] == HI_CLASS_COMPLEX_X87)
			return (struct hi_result){ HI_RESULT_X87_PAIR, 0 };
		return hi_words_conclude(reader, &classes, size);
	case HI_IN_MEMORY:
		return (struct hi_result){ HI_RESULT_MEMORY, size };
	default:
		return unknown;
	}
}
