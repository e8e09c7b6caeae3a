#include "elfscan/result.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/result_parts.h"

#define ORIGINS_MAX  16
#define TYPEDEFS_MAX 64

static const struct hi_result unknown = { .kind = HI_RESULT_UNKNOWN };

/* --- entries ------------------------------------------------------------------ */

bool hi_result_peel(const struct hi_result_reader *reader,
		    const Dwarf_Die *type, struct hi_die *ret_entry)
{
	Dwarf_Die die = *type;

	for (int i = 0; i < TYPEDEFS_MAX; i++) {
		struct hi_die declared;

		if (!hi_die_read(&reader->dies->entries, &die, ret_entry))
			return false;
		switch (ret_entry->tag) {
		case DW_TAG_typedef:
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type:
		case DW_TAG_immutable_type:
			if (!hi_die_get_reference(ret_entry, HI_AT_TYPE, &die))
				return false;
			continue;
		default:
			break;
		}
		if (!hi_die_has(ret_entry, HI_AT_DECLARATION) &&
		    !hi_die_has(ret_entry, HI_AT_SIGNATURE))
			return true;
		declared = *ret_entry;
		return hi_result_find_definition(reader, &declared, ret_entry);
	}
	return false;
}

/* --- functions without a type -------------------------------------------------- */

/* The last level that was given. */
static char get_level(const char *producer)
{
	char level = '\0';

	for (const char *at = strstr(producer, " -g"); at;
	     at = strstr(at + 1, " -g"))
		if (at[3] == '\0' || at[3] == ' ')
			level = '2';
		else if (at[3] >= '0' && at[3] <= '9')
			level = at[3];
		else if (!level && !strncmp(at, " -gdwarf", 8))
			level = '2';
	return level;
}

static bool visit_base_type(void *context, const struct hi_shape *shape,
			    Dwarf_Die *die)
{
	bool *found = context;

	(void)die;
	if (shape->tag == DW_TAG_base_type)
		*found = true;
	return false;
}

static bool has_base_types(const struct hi_result_reader *reader,
			   const struct hi_die *entry)
{
	bool found = false;
	Dwarf_Die top;

	if (dwarf_cu_die(entry->unit->cu, &top, NULL, NULL, NULL, NULL, NULL,
			 NULL))
		hi_unit_scan(&reader->dies->entries, &top, visit_base_type,
			     &found);
	return found;
}

static bool has_parameter(const struct hi_die *function)
{
	struct hi_die part;

	for (bool more = hi_die_read_part(function, &part); more;
	     more = hi_die_next_part(&part))
		if (part.tag == DW_TAG_formal_parameter)
			return true;
	return false;
}

/* Debug information for lines alone (-g1) has no types: a function without a type
   returns nothing only where there are types. */
static bool has_types(const struct hi_result_reader *reader,
		      const struct hi_die *function)
{
	const char *producer = hi_copying_get_producer(function);
	Dwarf_Word value;

	if (has_parameter(function) ||
	    hi_die_ask(function, DW_AT_prototyped, &value) ||
	    has_base_types(reader, function))
		return true;
	if (reader->is_gnu)
		return get_level(producer) >= '2';
	return reader->language != DW_LANG_Rust && reader->is_clang &&
	       hi_die_has(function, HI_AT_DECL_LINE);
}

/* --- the result of an entry ----------------------------------------------------- */

static void note_unit(struct hi_result_reader *reader,
		      const struct hi_die *function)
{
	const char *producer = hi_copying_get_producer(function);

	reader->language = function->unit->language;
	reader->version = function->unit->version;
	reader->is_gnu = !strncmp(producer, "GNU ", 4);
	reader->is_clang = strstr(producer, "clang") != NULL;
	reader->is_doubtful = hi_copying_is_doubtful(function->unit, producer);
}

/* A name that Rust has made is of a function with its own convention; most of the
   others are extern "C". */
static bool is_rust_abi(const struct hi_result_reader *reader,
			const struct hi_die *function)
{
	const char *linkage = hi_die_find_text(&reader->dies->entries, function,
					       HI_AT_LINKAGE_NAME);

	return reader->language == DW_LANG_Rust && linkage &&
	       (!strncmp(linkage, "_ZN", 3) || !strncmp(linkage, "_R", 2));
}

/* Languages that return structs as C does, or as their name tells. */
static bool is_known_language(const struct hi_result_reader *reader)
{
	switch (reader->language) {
	case DW_LANG_ObjC:
	case DW_LANG_Rust:
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case 0x2c: /* C17 */
		return true;
	default:
		return hi_copying_is_cplus(reader->language);
	}
}

static struct hi_result judge_type(struct hi_result_reader *reader,
				   const Dwarf_Die *type)
{
	struct hi_die entry;

	if (is_known_language(reader))
		return hi_result_classify(reader, type);
	/* others have their ways, but numbers are as in C */
	return reader->language != DW_LANG_Go &&
			       reader->language != DW_LANG_Mips_Assembler &&
			       hi_result_peel(reader, type, &entry) &&
			       (entry.tag == DW_TAG_base_type ||
				entry.tag == DW_TAG_pointer_type ||
				entry.tag == DW_TAG_enumeration_type) ?
		       hi_result_classify(reader, type) :
		       unknown;
}

static struct hi_result judge(struct hi_dies *dies, const Dwarf_Die *die)
{
	struct hi_result_reader reader = { .dies = dies };
	struct hi_die function;
	Dwarf_Die next = *die;

	for (int i = 0; i < ORIGINS_MAX; i++) {
		Dwarf_Word convention;

		if (!hi_die_read(&dies->entries, &next, &function))
			return unknown;
		note_unit(&reader, &function);
		if (hi_die_ask(&function, DW_AT_calling_convention,
			       &convention) &&
		    convention != DW_CC_normal && convention != DW_CC_program)
			return unknown;
		reader.is_rust_abi = reader.is_rust_abi ||
				     is_rust_abi(&reader, &function);
		if (hi_die_has(&function, HI_AT_TYPE))
			return hi_die_get_reference(&function, HI_AT_TYPE,
						    &next) ?
				       judge_type(&reader, &next) :
				       unknown;
		if (!hi_die_has(&function, HI_AT_ABSTRACT_ORIGIN) &&
		    !hi_die_has(&function, HI_AT_SPECIFICATION))
			return is_known_language(&reader) &&
					       has_types(&reader, &function) ?
				       (struct hi_result){ HI_RESULT_REGISTERS,
							   0 } :
				       unknown;
		if (!hi_die_get_reference(&function,
					  hi_die_has(&function,
						     HI_AT_ABSTRACT_ORIGIN) ?
						  HI_AT_ABSTRACT_ORIGIN :
						  HI_AT_SPECIFICATION,
					  &next))
			return unknown;
	}
	return unknown;
}

struct hi_result hi_result_find(struct hi_dies *dies, uint64_t addr_link)
{
	Dwarf_Die die;

	return hi_result_find_function(dies, addr_link, &die) ?
		       judge(dies, &die) :
		       unknown;
}

struct hi_result hi_result_get(const struct hi_image *image, uint64_t addr_link)
{
	struct hi_result result;
	struct hi_dies dies;

	hi_dies_init(&dies, image, NULL);
	result = hi_result_find(&dies, addr_link);
	hi_dies_done(&dies);
	return result;
}
