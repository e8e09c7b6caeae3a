/*
 * What is called through an indirect function. The symbol's address is that of the
 * resolver, and compilers write no entry for the function itself where it is
 * defined. But there may be one with its name: a declaration in a unit that calls
 * it, or what it is compiled from, when the compiler makes one body for each kind
 * of processor. Otherwise the resolver may tell what it returns a pointer to.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/dies.h"

/* Up to the dot, which no source has: "f.ifunc", "f.avx2.0". */
static size_t get_len(const char *name)
{
	return strcspn(name, ".");
}

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = strncmp(a, b, a_len < b_len ? a_len : b_len);

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_called(const void *left, const void *right)
{
	const char *a = ((const struct hi_called *)left)->symbol->name;
	const char *b = ((const struct hi_called *)right)->symbol->name;

	return compare(a, get_len(a), b, get_len(b));
}

static int compare_to_name(const void *name, const void *right)
{
	const char *b = ((const struct hi_called *)right)->symbol->name;

	return compare(name, get_len(name), b, get_len(b));
}

static struct hi_called *find(const struct hi_dies *dies, const char *name)
{
	return dies->n_called ?
		       bsearch(name, dies->called, dies->n_called,
			       sizeof(*dies->called), compare_to_name) :
		       NULL;
}

/* --- by name ------------------------------------------------------------- */

/* "int f()" of C says nothing of the parameters. */
static bool has_dots_only(Dwarf_Die *die)
{
	Dwarf_Die child;

	return !dwarf_child(die, &child) &&
	       dwarf_tag(&child) == DW_TAG_unspecified_parameters;
}

static bool visit_called(void *context, const struct hi_shape *shape,
			 Dwarf_Die *die)
{
	struct hi_dies *dies = context;
	uint8_t fit = shape->is_declaration ? 1 : 2;
	struct hi_called *found;
	Dwarf_Attribute attr;
	const char *name;

	if (shape->tag == DW_TAG_namespace || shape->tag == DW_TAG_module)
		return true;
	if (shape->tag != DW_TAG_subprogram ||
	    !dwarf_attr_integrate(die, DW_AT_external, &attr))
		return false;
	name = dwarf_formstring(
		dwarf_attr_integrate(die, DW_AT_linkage_name, &attr));
	if (!name)
		name = dwarf_diename(die);
	found = name ? find(dies, name) : NULL;
	if (found && found->fit < fit && !has_dots_only(die)) {
		found->fit = fit;
		found->die = *die;
	}
	return false;
}

void hi_dies_find_called(struct hi_dies *dies)
{
	size_t n = 0;

	for (size_t i = 0; i < dies->n_wanted; i++)
		n += dies->wanted[i].symbol->type == HI_SYM_IFUNC;
	if (n)
		dies->called = calloc(n, sizeof(*dies->called));
	if (!dies->called)
		return;
	for (size_t i = 0; i < dies->n_wanted; i++) {
		const struct hi_symbol *symbol = dies->wanted[i].symbol;

		/* a header declares the default version alone */
		if (symbol->type == HI_SYM_IFUNC && symbol->default_version)
			dies->called[dies->n_called++].symbol = symbol;
	}
	qsort(dies->called, dies->n_called, sizeof(*dies->called),
	      compare_called);
	hi_dies_for_each_unit(dies, visit_called);
}

/* --- by the resolver ------------------------------------------------------ */

/* "void (*find(void))(void)" finds functions of all types. */
static bool is_of_any_type(Dwarf_Die *type)
{
	Dwarf_Die child;

	if (dwarf_child(type, &child))
		return !dwarf_hasattr(type, DW_AT_type);
	return has_dots_only(type);
}

/* TYPE without names and qualifiers; false when it leads nowhere. */
static bool peel(Dwarf_Die *type)
{
	/* what is damaged may go in circles */
	for (int i = 0; i < 64; i++) {
		switch (dwarf_tag(type)) {
		case DW_TAG_typedef:
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
			if (!hi_dies_get_type(type, type))
				return false;
			break;
		default:
			return true;
		}
	}
	return false;
}

static bool ask_resolver(const struct hi_dies *dies,
			 const struct hi_symbol *symbol, Dwarf_Die *ret_die)
{
	Dwarf_Die resolver, type;

	if (!hi_dies_get(dies, symbol, &resolver) ||
	    !hi_dies_get_type(&resolver, &type) || !peel(&type) ||
	    dwarf_tag(&type) != DW_TAG_pointer_type ||
	    !hi_dies_get_type(&type, &type) || !peel(&type) ||
	    dwarf_tag(&type) != DW_TAG_subroutine_type || is_of_any_type(&type))
		return false;
	*ret_die = type;
	return true;
}

bool hi_dies_get_called(const struct hi_dies *dies,
			const struct hi_symbol *symbol, Dwarf_Die *ret_die)
{
	const struct hi_called *found =
		symbol->default_version ? find(dies, symbol->name) : NULL;

	if (!found || !found->fit)
		return ask_resolver(dies, symbol, ret_die);
	*ret_die = found->die;
	return true;
}
