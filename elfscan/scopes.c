#include "elfscan/scopes.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"

#define DEPTH_MAX 256 /* what is deeper is not looked at */

struct method {
	const uint8_t *at, *class_at;
};

struct hi_scopes_unit {
	Dwarf_CU *cu;
	struct method *methods; /* in the order of their places */
	size_t n, cap;
	/* while it is walked over: the class at each depth, or NULL */
	const uint8_t *classes[DEPTH_MAX];
};

static bool visit(void *context, const struct hi_shape *shape, Dwarf_Die *die)
{
	struct hi_scopes_unit *unit = context;
	const uint8_t *class_at = unit->classes[shape->depth - 1];

	unit->classes[shape->depth] = NULL;
	switch (shape->tag) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		unit->classes[shape->depth] = die->addr;
		break;
	case DW_TAG_subprogram:
		if (class_at && hi_grow(&unit->methods, unit->n, &unit->cap,
					sizeof(*unit->methods)))
			unit->methods[unit->n++] =
				(struct method){ die->addr, class_at };
		break;
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_lexical_block:
		break;
	default:
		return false;
	}
	return shape->has_children && shape->depth + 1 < DEPTH_MAX;
}

static struct hi_scopes_unit *find_unit(struct hi_scopes *scopes, Dwarf_CU *cu)
{
	struct hi_scopes_unit *unit;
	Dwarf_Die top, any = { .cu = cu };

	for (size_t i = 0; i < scopes->n_units; i++)
		if (scopes->units[i].cu == cu)
			return &scopes->units[i];
	if (!dwarf_diecu(&any, &top, NULL, NULL) ||
	    !hi_grow(&scopes->units, scopes->n_units, &scopes->cap_units,
		     sizeof(*unit)))
		return NULL;
	unit = &scopes->units[scopes->n_units++];
	memset(unit, 0, sizeof(*unit));
	unit->cu = cu;
	/* what was found before the damage is right */
	(void)hi_unit_scan(&scopes->dies->entries, &top, visit, unit);
	return unit;
}

static int compare(const void *key, const void *element)
{
	const uint8_t *at = key;
	const struct method *method = element;

	return at < method->at ? -1 : at > method->at;
}

bool hi_scopes_find_class(struct hi_scopes *scopes, const Dwarf_Die *function,
			  Dwarf_Die *ret_class)
{
	const struct hi_scopes_unit *unit;
	const struct method *method = NULL;
	Dwarf_Attribute attr;
	Dwarf_Die at = *function;

	while (dwarf_formref_die(dwarf_attr(&at, DW_AT_abstract_origin, &attr),
				 &at) ||
	       dwarf_formref_die(dwarf_attr(&at, DW_AT_specification, &attr),
				 &at))
		;
	unit = find_unit(scopes, at.cu);
	if (unit && unit->n)
		method = bsearch(at.addr, unit->methods, unit->n,
				 sizeof(*unit->methods), compare);
	if (!method)
		return false;
	*ret_class =
		(Dwarf_Die){ .addr = (void *)method->class_at, .cu = at.cu };
	return true;
}

void hi_scopes_init(struct hi_scopes *scopes, struct hi_dies *dies)
{
	*scopes = (struct hi_scopes){ .dies = dies };
}

void hi_scopes_done(struct hi_scopes *scopes)
{
	for (size_t i = 0; i < scopes->n_units; i++)
		free(scopes->units[i].methods);
	free(scopes->units);
	*scopes = (struct hi_scopes){ .dies = NULL };
}
