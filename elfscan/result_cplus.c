/*
 * Classes of C++ that are never in registers: those with a copy constructor, move
 * constructor or destructor that does more than to copy bytes, and those that cannot be
 * copied at all (Itanium C++ ABI, "non-trivial for the purposes of calls").
 */
#include <dwarf.h>
#include <string.h>

#include "elfscan/copying.h"
#include "elfscan/result_parts.h"

static bool is_class(int tag)
{
	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
	       tag == DW_TAG_union_type;
}

/* A member or a base: its class counts, too. */
static enum hi_answer judge_part(struct hi_result_reader *reader,
				 const struct hi_die *part)
{
	const char *name = hi_die_get_text(part, HI_AT_NAME);
	struct hi_die type;
	Dwarf_Die target;

	if (hi_die_has(part, HI_AT_DECLARATION) ||
	    hi_die_has(part, HI_AT_EXTERNAL))
		return HI_ANSWER_NO;
	if (hi_die_has(part, HI_AT_VIRTUALITY) ||
	    (name && !strncmp(name, "_vptr", 5)))
		return HI_ANSWER_YES;
	if (!hi_die_get_reference(part, HI_AT_TYPE, &target))
		return HI_ANSWER_UNKNOWN;
	for (int i = 0; i < HI_RESULT_DEPTH_MAX; i++) {
		if (!hi_result_peel(reader, &target, &type))
			return HI_ANSWER_UNKNOWN;
		if (type.tag != DW_TAG_array_type)
			return is_class(type.tag) ?
				       hi_result_is_non_trivial(reader, &type) :
				       HI_ANSWER_NO;
		if (!hi_die_get_reference(&type, HI_AT_TYPE, &target))
			return HI_ANSWER_UNKNOWN;
	}
	return HI_ANSWER_UNKNOWN;
}

static enum hi_answer judge_parts(struct hi_result_reader *reader,
				  const struct hi_die *class)
{
	struct hi_copying copying = { .entries = &reader->dies->entries,
				      .class = class,
				      .is_doubtful = reader->is_doubtful };
	enum hi_answer answer = HI_ANSWER_NO;
	struct hi_die part;

	for (bool more = hi_die_read_part(class, &part);
	     more && answer != HI_ANSWER_YES; more = hi_die_next_part(&part))
		if (part.tag == DW_TAG_subprogram)
			hi_copying_note(&copying, &part);
		else if (part.tag == DW_TAG_member ||
			 part.tag == DW_TAG_inheritance)
			answer = hi_copying_join(answer,
						 judge_part(reader, &part));
	return hi_copying_join(answer, hi_copying_judge(&copying));
}

enum hi_answer hi_result_is_non_trivial(struct hi_result_reader *reader,
					const struct hi_die *type)
{
	enum hi_answer answer = HI_ANSWER_UNKNOWN;

	if (hi_copying_get_convention(type, &answer))
		return answer;
	if (++reader->depth <= HI_RESULT_DEPTH_MAX)
		answer = judge_parts(reader, type);
	reader->depth--;
	return answer;
}
