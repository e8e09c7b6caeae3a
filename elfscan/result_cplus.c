/*
 * Classes of C++ that are never in registers: those with a copy constructor, move
 * constructor or destructor that does more than to copy bytes, and those that cannot be
 * copied at all (Itanium C++ ABI, "non-trivial for the purposes of calls").
 *
 * Clang writes down what it found; of gcc the methods tell.
 */
#include <dwarf.h>
#include <string.h>

#include "elfscan/result_parts.h"

/* What the methods of a class tell. */
struct methods {
	bool is_non_trivial;
	bool is_unclear;
	unsigned int n_deleted; /* constructors that copy or move */
	unsigned int n_copies;  /* those that are not deleted */
	bool has_move_assignment;
};

static bool is_class(int tag)
{
	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
	       tag == DW_TAG_union_type;
}

/* The name without the arguments of a template. */
static size_t get_name_len(const char *name)
{
	return strcspn(name, "<");
}

static bool is_same_class(const struct hi_result_reader *reader,
			  const struct hi_die *type, const struct hi_die *other)
{
	const char *name, *other_name;

	if (type->die.addr == other->die.addr)
		return true;
	name = hi_die_find_text(&reader->dies->entries, type, HI_AT_NAME);
	other_name =
		hi_die_find_text(&reader->dies->entries, other, HI_AT_NAME);
	return is_class(other->tag) && name && other_name &&
	       !strcmp(name, other_name);
}

/* What a parameter refers to; a reference may be to a type that is but declared. */
static bool get_referred(const struct hi_result_reader *reader,
			 const struct hi_die *parameter,
			 struct hi_die *ret_entry, int *ret_tag)
{
	Dwarf_Die target;

	if (!hi_die_get_reference(parameter, HI_AT_TYPE, &target) ||
	    !hi_die_read(&reader->dies->entries, &target, ret_entry))
		return false;
	*ret_tag = ret_entry->tag;
	if (*ret_tag != DW_TAG_reference_type &&
	    *ret_tag != DW_TAG_rvalue_reference_type)
		return false;
	do {
		if (!hi_die_get_reference(ret_entry, HI_AT_TYPE, &target) ||
		    !hi_die_read(&reader->dies->entries, &target, ret_entry))
			return false;
	} while (ret_entry->tag == DW_TAG_const_type ||
		 ret_entry->tag == DW_TAG_volatile_type ||
		 ret_entry->tag == DW_TAG_typedef);
	return true;
}

/* The tag of the reference to its own class that METHOD takes, alone; 0: it takes
   something else. More parameters may have a default. */
static int get_copied(const struct hi_result_reader *reader,
		      const struct hi_die *class, const struct hi_die *method,
		      bool *ret_more)
{
	struct hi_die part, target;
	int found = 0, tag, n = 0;

	*ret_more = false;
	for (bool more = hi_die_read_part(method, &part); more;
	     more = hi_die_next_part(&part)) {
		if (part.tag == DW_TAG_template_type_parameter ||
		    part.tag == DW_TAG_template_value_parameter)
			return 0;
		if (part.tag != DW_TAG_formal_parameter ||
		    hi_die_has(&part, HI_AT_ARTIFICIAL))
			continue;
		if (n++ > 0)
			*ret_more = true;
		else if (get_referred(reader, &part, &target, &tag) &&
			 is_same_class(reader, class, &target))
			found = tag;
	}
	return found;
}

/* In the class itself: as if it were not there. */
static bool is_defaulted(const struct hi_die *method)
{
	Dwarf_Word value;

	return hi_result_get_flag(method, DW_AT_defaulted, &value) &&
	       value == DW_DEFAULTED_in_class;
}

static void note_special(const struct hi_result_reader *reader,
			 const struct hi_die *method, struct methods *methods)
{
	if (is_defaulted(method))
		return;
	if (reader->is_doubtful)
		methods->is_unclear = true;
	else
		methods->is_non_trivial = true;
}

static void note_copy(const struct hi_result_reader *reader,
		      const struct hi_die *class, const struct hi_die *method,
		      struct methods *methods)
{
	Dwarf_Word value;
	bool more;

	if (!get_copied(reader, class, method, &more))
		return;
	if (more) {
		methods->is_unclear = true;
	} else if (hi_result_get_flag(method, DW_AT_deleted, &value)) {
		methods->n_deleted++;
	} else {
		methods->n_copies++;
		note_special(reader, method, methods);
	}
}

static void note_method(const struct hi_result_reader *reader,
			const struct hi_die *class, const struct hi_die *method,
			struct methods *methods)
{
	const char *name = hi_die_get_text(method, HI_AT_NAME);
	const char *class_name =
		hi_die_find_text(&reader->dies->entries, class, HI_AT_NAME);
	size_t len = class_name ? get_name_len(class_name) : 0;
	bool more;

	if (hi_die_has(method, HI_AT_VIRTUALITY))
		methods->is_non_trivial = true;
	/* what the compiler made does what the members do */
	if (!name || hi_die_has(method, HI_AT_ARTIFICIAL))
		return;
	if (*name == '~')
		note_special(reader, method, methods);
	else if (len && get_name_len(name) == len &&
		 !strncmp(name, class_name, len))
		note_copy(reader, class, method, methods);
	else if (!strcmp(name, "operator=") &&
		 get_copied(reader, class, method, &more) ==
			 DW_TAG_rvalue_reference_type)
		methods->has_move_assignment = true;
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
	struct methods methods = { 0 };
	enum hi_answer answer = HI_ANSWER_NO;
	struct hi_die part;

	for (bool more = hi_die_read_part(class, &part);
	     more && answer != HI_ANSWER_YES; more = hi_die_next_part(&part)) {
		enum hi_answer inner = HI_ANSWER_NO;

		if (part.tag == DW_TAG_subprogram)
			note_method(reader, class, &part, &methods);
		else if (part.tag == DW_TAG_member ||
			 part.tag == DW_TAG_inheritance)
			inner = judge_part(reader, &part);
		if (inner != HI_ANSWER_NO)
			answer = inner;
	}
	if (methods.is_non_trivial ||
	    (!methods.n_copies &&
	     (methods.n_deleted || methods.has_move_assignment)))
		return HI_ANSWER_YES;
	return answer == HI_ANSWER_NO && methods.is_unclear ?
		       HI_ANSWER_UNKNOWN :
		       answer;
}

enum hi_answer hi_result_is_non_trivial(struct hi_result_reader *reader,
					const struct hi_die *type)
{
	enum hi_answer answer = HI_ANSWER_UNKNOWN;
	Dwarf_Word convention;

	if (hi_result_get_flag(type, DW_AT_calling_convention, &convention)) {
		if (convention == DW_CC_pass_by_value)
			return HI_ANSWER_NO;
		if (convention == DW_CC_pass_by_reference)
			return HI_ANSWER_YES;
	}
	if (++reader->depth <= HI_RESULT_DEPTH_MAX)
		answer = judge_parts(reader, type);
	reader->depth--;
	return answer;
}
