#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/types_parts.h"

/*
 * A C declarator is read from the name outwards, the debug information from the
 * outermost type inwards. So the declarator grows around an empty name while the
 * chain of types is followed, and the type at its end is put before it.
 */
struct declarator {
	struct hi_buf text;
	const char *qualifier; /* waits for what it applies to */
};

static void name_type(const Dwarf_Die *type, struct hi_buf *buf, int depth);

static void put_before(struct hi_buf *buf, const char *text)
{
	struct hi_buf grown = HI_BUF_INIT;

	hi_buf_text(&grown, text);
	hi_buf_text(&grown, hi_buf_str(buf));
	hi_buf_done(buf);
	*buf = grown;
}

bool hi_type_is_qualifier(int tag)
{
	return tag == DW_TAG_const_type || tag == DW_TAG_volatile_type ||
	       tag == DW_TAG_restrict_type || tag == DW_TAG_atomic_type ||
	       tag == DW_TAG_immutable_type || tag == DW_TAG_packed_type ||
	       tag == DW_TAG_shared_type;
}

static const char *get_qualifier(int tag)
{
	switch (tag) {
	case DW_TAG_const_type:
		return "const";
	case DW_TAG_volatile_type:
		return "volatile";
	case DW_TAG_atomic_type:
		return "_Atomic";
	default:
		return NULL;
	}
}

static bool is_c(Dwarf_Die *die)
{
	Dwarf_Die unit;

	if (!dwarf_diecu(die, &unit, NULL, NULL))
		return false;
	switch (dwarf_srclang(&unit)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
		return true;
	default:
		return false;
	}
}

/* "ns::Class::" of what is around DIE; C has nothing around a type. */
static void name_scopes(Dwarf_Die *die, struct hi_buf *buf)
{
	Dwarf_Die *HI_FREE scopes = NULL;
	int n = dwarf_getscopes_die(die, &scopes);

	for (int i = n - 1; i > 0; i--) {
		const char *name = dwarf_diename(&scopes[i]);

		switch (dwarf_tag(&scopes[i])) {
		case DW_TAG_namespace:
		case DW_TAG_structure_type:
		case DW_TAG_class_type:
		case DW_TAG_union_type:
			hi_buf_printf(buf, "%s::", name ? name : "(anonymous)");
			break;
		}
	}
}

/* gcc writes "long unsigned int", everybody else "unsigned long". */
static const char *get_base_name(const char *name)
{
	static const char *const words[][2] = {
		{ "short int", "short" },
		{ "short unsigned int", "unsigned short" },
		{ "long int", "long" },
		{ "long unsigned int", "unsigned long" },
		{ "long long int", "long long" },
		{ "long long unsigned int", "unsigned long long" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(name, words[i][0]))
			return words[i][1];
	}
	return name;
}

/* The type at the end of the chain: "struct vec", "unsigned int", "ns::Vec". */
static void name_end(Dwarf_Die *die, struct hi_buf *buf)
{
	const char *name, *word = NULL;
	Dwarf_Attribute attr;
	Dwarf_Die full;

	/* a declaration that stands for a type unit has no name of its own */
	if (dwarf_formref_die(dwarf_attr(die, DW_AT_signature, &attr), &full))
		die = &full;
	name = dwarf_diename(die);
	switch (dwarf_tag(die)) {
	case DW_TAG_structure_type:
		word = "struct";
		break;
	case DW_TAG_class_type:
		word = "class";
		break;
	case DW_TAG_union_type:
		word = "union";
		break;
	case DW_TAG_enumeration_type:
		word = "enum";
		break;
	}
	if (!name) {
		hi_buf_printf(buf, "%s {...}", word ? word : "?");
		return;
	}
	if (dwarf_tag(die) == DW_TAG_base_type) {
		name = get_base_name(name);
	} else if (is_c(die)) {
		if (word)
			hi_buf_printf(buf, "%s ", word);
	} else {
		name_scopes(die, buf);
	}
	hi_buf_text(buf, name);
}

static void name_parameters(Dwarf_Die *die, struct hi_buf *buf, int depth)
{
	Dwarf_Die child, type;
	const char *comma = "";

	hi_buf_text(buf, "(");
	if (!dwarf_child(die, &child)) {
		do {
			if (dwarf_tag(&child) != DW_TAG_formal_parameter)
				continue;
			hi_buf_text(buf, comma);
			name_type(hi_type_of(&child, &type) ? &type : NULL, buf,
				  depth + 1);
			comma = ", ";
		} while (!dwarf_siblingof(&child, &child));
	}
	hi_buf_text(buf, *comma ? ")" : "void)");
}

static void name_counts(Dwarf_Die *die, struct hi_buf *buf)
{
	Dwarf_Die child;

	if (dwarf_child(die, &child))
		return;
	do {
		Dwarf_Attribute attr;
		Dwarf_Word count = 0;

		if (dwarf_tag(&child) != DW_TAG_subrange_type)
			continue;
		if (!dwarf_formudata(dwarf_attr(&child, DW_AT_count, &attr),
				     &count))
			;
		else if (!dwarf_formudata(dwarf_attr(&child, DW_AT_upper_bound,
						     &attr),
					  &count))
			count++;
		hi_buf_printf(buf, "[%llu]", (unsigned long long)count);
	} while (!dwarf_siblingof(&child, &child));
}

static void add_star(struct declarator *declarator, const char *star)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%s%s", star,
		 declarator->qualifier ? declarator->qualifier : "",
		 declarator->qualifier && declarator->text.len ? " " : "");
	put_before(&declarator->text, text);
	declarator->qualifier = NULL;
}

static void enclose(struct declarator *declarator)
{
	if (!declarator->text.len || declarator->text.data[0] == '[')
		return;
	put_before(&declarator->text, "(");
	hi_buf_text(&declarator->text, ")");
}

/* Take one step of the chain; false at its end. */
static bool step(Dwarf_Die *die, struct declarator *declarator, int depth)
{
	int tag = dwarf_tag(die);

	if (hi_type_is_qualifier(tag)) {
		if (get_qualifier(tag))
			declarator->qualifier = get_qualifier(tag);
		return true;
	}
	if (dwarf_hasattr(die, DW_AT_name))
		return false;
	switch (tag) {
	case DW_TAG_pointer_type:
		add_star(declarator, "*");
		return true;
	case DW_TAG_reference_type:
		add_star(declarator, "&");
		return true;
	case DW_TAG_rvalue_reference_type:
		add_star(declarator, "&&");
		return true;
	case DW_TAG_ptr_to_member_type:
		add_star(declarator, "::*");
		return true;
	case DW_TAG_array_type:
		enclose(declarator);
		name_counts(die, &declarator->text);
		return true;
	case DW_TAG_subroutine_type:
		enclose(declarator);
		name_parameters(die, &declarator->text, depth);
		return true;
	default:
		return false;
	}
}

static void name_type(const Dwarf_Die *type, struct hi_buf *buf, int depth)
{
	struct declarator declarator = { HI_BUF_INIT, NULL };
	struct hi_buf end = HI_BUF_INIT;
	Dwarf_Die die;
	bool is_void = !type;

	if (type)
		die = *type;
	while (!is_void && depth < HI_TYPE_DEPTH_MAX &&
	       step(&die, &declarator, depth)) {
		is_void = !hi_type_of(&die, &die);
		depth++;
	}
	if (depth >= HI_TYPE_DEPTH_MAX)
		hi_buf_text(&end, "?");
	else if (is_void)
		hi_buf_text(&end, "void");
	else
		name_end(&die, &end);
	if (declarator.qualifier)
		hi_buf_printf(buf, "%s ", declarator.qualifier);
	hi_buf_text(buf, hi_buf_str(&end));
	if (declarator.text.len && declarator.text.data[0] != '[')
		hi_buf_text(buf, " ");
	hi_buf_text(buf, hi_buf_str(&declarator.text));
	hi_buf_done(&end);
	hi_buf_done(&declarator.text);
}

void hi_type_name(const Dwarf_Die *type, struct hi_buf *buf)
{
	name_type(type, buf, 0);
}
