#include "elfscan/copying.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULTED_SINCE 8 /* gcc marks what is defaulted */

/* --- the compiler ------------------------------------------------------------- */

const char *hi_copying_get_producer(const struct hi_die *entry)
{
	Dwarf_Attribute attr;
	Dwarf_Die top;
	const char *words;

	if (!dwarf_cu_die(entry->unit->cu, &top, NULL, NULL, NULL, NULL, NULL,
			  NULL))
		return "";
	words = dwarf_formstring(dwarf_attr(&top, DW_AT_producer, &attr));
	return words ? words : "";
}

bool hi_copying_is_cplus(int language)
{
	switch (language) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case DW_LANG_ObjC_plus_plus:
	case 0x2b: /* C++17, C++20: newer than some headers */
	case 0x2a:
		return true;
	default:
		return false;
	}
}

static bool is_gnu_before(const char *producer, int version)
{
	/* "GNU C++14 12.2.0 -m..." */
	const char *at =
		strncmp(producer, "GNU ", 4) ? NULL : strchr(producer + 4, ' ');

	return at && strtol(at, NULL, 10) < version;
}

bool hi_copying_is_doubtful(const struct hi_die_unit *unit,
			    const char *producer)
{
	/* clang keeps to the standard: DW_AT_defaulted came with version 5 */
	return is_gnu_before(producer, DEFAULTED_SINCE) ||
	       (unit->version < 5 && (strncmp(producer, "GNU ", 4) != 0 ||
				      strstr(producer, " -gstrict-dwarf")));
}

bool hi_copying_get_convention(const struct hi_die *class,
			       enum hi_answer *ret_is_non_trivial)
{
	uint64_t convention;

	if (!hi_die_get_number(class, HI_AT_CALLING_CONVENTION, &convention) ||
	    (convention != DW_CC_pass_by_value &&
	     convention != DW_CC_pass_by_reference))
		return false;
	*ret_is_non_trivial = convention == DW_CC_pass_by_value ? HI_ANSWER_NO :
								  HI_ANSWER_YES;
	return true;
}

/* --- methods ------------------------------------------------------------------- */

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

static bool is_own_class(const struct hi_copying *copying,
			 const struct hi_die *other)
{
	const char *name, *other_name;

	if (copying->class->die.addr == other->die.addr)
		return true;
	name = hi_die_find_text(copying->entries, copying->class, HI_AT_NAME);
	other_name = hi_die_find_text(copying->entries, other, HI_AT_NAME);
	return is_class(other->tag) && name && other_name &&
	       !strcmp(name, other_name);
}

/* What a parameter refers to; a reference may be to a type that is but declared. */
static bool get_referred(const struct hi_copying *copying,
			 const struct hi_die *parameter,
			 struct hi_die *ret_entry, int *ret_tag)
{
	Dwarf_Die target;

	if (!hi_die_get_reference(parameter, HI_AT_TYPE, &target) ||
	    !hi_die_read(copying->entries, &target, ret_entry))
		return false;
	*ret_tag = ret_entry->tag;
	if (*ret_tag != DW_TAG_reference_type &&
	    *ret_tag != DW_TAG_rvalue_reference_type)
		return false;
	do {
		if (!hi_die_get_reference(ret_entry, HI_AT_TYPE, &target) ||
		    !hi_die_read(copying->entries, &target, ret_entry))
			return false;
	} while (ret_entry->tag == DW_TAG_const_type ||
		 ret_entry->tag == DW_TAG_volatile_type ||
		 ret_entry->tag == DW_TAG_typedef);
	return true;
}

/* The tag of the reference to its own class that METHOD takes, alone; 0: it takes
   something else. More parameters may have a default. */
static int get_copied(const struct hi_copying *copying,
		      const struct hi_die *method, bool *ret_more)
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
		else if (get_referred(copying, &part, &target, &tag) &&
			 is_own_class(copying, &target))
			found = tag;
	}
	return found;
}

/* In the class itself: as if it were not there. */
static bool is_defaulted(const struct hi_die *method)
{
	Dwarf_Word value;

	return hi_die_ask(method, DW_AT_defaulted, &value) &&
	       value == DW_DEFAULTED_in_class;
}

static void note_special(struct hi_copying *copying,
			 const struct hi_die *method)
{
	if (is_defaulted(method))
		return;
	if (copying->is_doubtful)
		copying->is_unclear = true;
	else
		copying->is_non_trivial = true;
}

static void note_copy(struct hi_copying *copying, const struct hi_die *method)
{
	Dwarf_Word value;
	bool more;

	if (!get_copied(copying, method, &more))
		return;
	if (more) {
		copying->is_unclear = true;
	} else if (hi_die_ask(method, DW_AT_deleted, &value)) {
		copying->n_deleted++;
	} else {
		copying->n_copies++;
		note_special(copying, method);
	}
}

void hi_copying_note(struct hi_copying *copying, const struct hi_die *method)
{
	const char *name = hi_die_get_text(method, HI_AT_NAME);
	const char *class;
	size_t len;
	bool more;

	if (hi_die_has(method, HI_AT_VIRTUALITY))
		copying->is_non_trivial = true;
	/* what the compiler made does what the members do */
	if (!name || hi_die_has(method, HI_AT_ARTIFICIAL))
		return;
	if (*name == '~') {
		note_special(copying, method);
		return;
	}
	if (!strcmp(name, "operator=") &&
	    get_copied(copying, method, &more) ==
		    DW_TAG_rvalue_reference_type) {
		copying->has_move_assignment = true;
		return;
	}
	class = hi_die_find_text(copying->entries, copying->class, HI_AT_NAME);
	len = class ? get_name_len(class) : 0;
	if (len && get_name_len(name) == len && !strncmp(name, class, len))
		note_copy(copying, method);
}

enum hi_answer hi_copying_judge(const struct hi_copying *copying)
{
	if (copying->is_non_trivial ||
	    (!copying->n_copies &&
	     (copying->n_deleted || copying->has_move_assignment)))
		return HI_ANSWER_YES;
	return copying->is_unclear ? HI_ANSWER_UNKNOWN : HI_ANSWER_NO;
}

enum hi_answer hi_copying_join(enum hi_answer a, enum hi_answer b)
{
	if (a == HI_ANSWER_YES || b == HI_ANSWER_YES)
		return HI_ANSWER_YES;
	return a == HI_ANSWER_UNKNOWN ? a : b;
}
