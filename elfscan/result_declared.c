/*
 * Types that a unit only declares: the definition is in a unit of its own (type units),
 * behind, or wherever a constructor or the virtual table was compiled (clang leaves
 * out all others). It is the one of the same name in the same scopes.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/result_parts.h"

#define SCOPES_MAX 32
#define STRING_LEN 32 /* bytes of a std::string */

struct search {
	const struct hi_result_reader *reader;
	const struct hi_die *declared;
	const char *path[SCOPES_MAX]; /* from the outermost scope to the type */
	int n_path;
	bool found;
	struct hi_die *entry;
};

static bool is_scope(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_structure_type ||
	       tag == DW_TAG_class_type || tag == DW_TAG_union_type ||
	       tag == DW_TAG_module;
}

/* False when it is inside something that has no name for other units. */
static bool get_path(struct search *search, const Dwarf_Die *die)
{
	Dwarf_Die of = *die;
	Dwarf_Die *HI_FREE scopes = NULL;
	int n = dwarf_getscopes_die(&of, &scopes);

	search->n_path = 0;
	/* the last one is the unit */
	for (int i = n - 2; i >= 0; i--) {
		const char *name = dwarf_diename(&scopes[i]);

		if (!name || !is_scope(dwarf_tag(&scopes[i])) ||
		    search->n_path == SCOPES_MAX)
			return false;
		search->path[search->n_path++] = name;
	}
	return search->n_path > 0;
}

/* With -gsimple-template-names several types have one name. */
static bool is_nameless_template(const struct hi_die *entry)
{
	const char *name = hi_die_get_text(entry, HI_AT_NAME);
	struct hi_die part;

	if (!name || strchr(name, '<'))
		return false;
	for (bool more = hi_die_read_part(entry, &part); more;
	     more = hi_die_next_part(&part))
		if (part.tag == DW_TAG_template_type_parameter ||
		    part.tag == DW_TAG_template_value_parameter)
			return true;
	return false;
}

static bool visit(void *context, const struct hi_shape *shape, Dwarf_Die *die)
{
	struct search *search = context;
	struct hi_die entry;
	const char *name;
	Dwarf_Die of;

	if (search->found || !is_scope(shape->tag) ||
	    shape->depth > search->n_path ||
	    !hi_die_read(&search->reader->dies->entries, die, &entry))
		return false;
	/* defined apart from the declaration that is in its class */
	if (hi_die_get_reference(&entry, HI_AT_SPECIFICATION, &of) &&
	    of.addr == search->declared->die.addr &&
	    !hi_die_has(&entry, HI_AT_DECLARATION)) {
		*search->entry = entry;
		search->found = true;
		return false;
	}
	name = hi_die_get_text(&entry, HI_AT_NAME);
	if (!name || strcmp(name, search->path[shape->depth - 1]) != 0)
		return false;
	if (shape->depth < search->n_path)
		return true;
	if (!hi_die_has(&entry, HI_AT_DECLARATION) &&
	    shape->tag != DW_TAG_namespace) {
		*search->entry = entry;
		search->found = true;
	}
	return false;
}

static bool search_all(struct search *search)
{
	struct hi_dies *dies = search->reader->dies;
	Dwarf_CU *unit = NULL;
	Dwarf_Die top, split;
	uint8_t type;

	while (!search->found && !dwarf_get_units(dies->dwarf, unit, &unit,
						  NULL, &type, &top, &split)) {
		Dwarf_Die *die = type == DW_UT_skeleton ? &split : &top;

		if (die->addr && die->cu)
			hi_unit_scan(&dies->entries, die, visit, search);
	}
	return search->found;
}

bool hi_result_find_definition(const struct hi_result_reader *reader,
			       const struct hi_die *declared,
			       struct hi_die *ret_entry)
{
	struct search search = {
		.reader = reader,
		.declared = declared,
		.entry = ret_entry,
	};
	struct hi_die_units *entries = &reader->dies->entries;
	Dwarf_Die die;

	if (hi_die_get_reference(declared, HI_AT_SIGNATURE, &die))
		return hi_die_read(entries, &die, ret_entry) &&
		       !hi_die_has(ret_entry, HI_AT_DECLARATION);
	return !is_nameless_template(declared) &&
	       get_path(&search, &declared->die) && search_all(&search);
}

/* libstdc++ has compiled std::string already: clang describes it nowhere else. */
uint64_t hi_result_get_known_size(const struct hi_result_reader *reader,
				  const Dwarf_Die *type)
{
	struct search search = { .reader = reader };
	struct hi_die entry;
	Dwarf_Die die = *type;
	int n = 0;

	do {
		if (!hi_die_read(&reader->dies->entries, &die, &entry))
			return 0;
	} while (n++ < SCOPES_MAX &&
		 (entry.tag == DW_TAG_typedef ||
		  entry.tag == DW_TAG_const_type) &&
		 hi_die_get_reference(&entry, HI_AT_TYPE, &die));
	return hi_copying_is_cplus(reader->language) &&
			       hi_die_has(&entry, HI_AT_DECLARATION) &&
			       get_path(&search, &entry.die) &&
			       search.n_path == 3 &&
			       !strcmp(search.path[0], "std") &&
			       !strcmp(search.path[1], "__cxx11") &&
			       !strncmp(search.path[2], "basic_string<", 13) ?
		       STRING_LEN :
		       0;
}
