#include "injector/verdict_allocated.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "elfscan/closure.h"
#include "elfscan/dies.h"

/* Changed units that are looked at alone: where there are more, all are. */
#define UNITS_MAX 256

/* One struct, by its name. */
struct object {
	const char *name;    /* the debug information's */
	const char *keyword; /* "struct ", or "" for the name of a typedef */
	uint64_t old_layout, new_layout; /* 0: it is not there */
	uint64_t old_size, new_size;
	bool held; /* by value, somewhere */
	UT_hash_handle hh;
};

struct judging {
	const struct hi_build *build; /* that is walked over */
	struct hi_dies dies;          /* its entries */
	bool is_new;
	struct object *objects;
};

static bool get_type(const Dwarf_Die *die, Dwarf_Die *ret_type)
{
	Dwarf_Die of = *die;

	return hi_dies_get_type(&of, ret_type) &&
	       dwarf_peel_type(ret_type, ret_type) == 0;
}

static bool is_object(Dwarf_Die *type)
{
	int tag = dwarf_tag(type);

	return (tag == DW_TAG_structure_type || tag == DW_TAG_union_type) &&
	       !dwarf_hasattr(type, DW_AT_declaration);
}

static struct object *find(const struct judging *judging, const char *name)
{
	struct object *object = NULL;

	HASH_FIND_STR(judging->objects, name, object);
	return object;
}

/* --- what there is ----------------------------------------------------------------- */

static void note(struct judging *judging, Dwarf_Die *type, const char *keyword,
		 const char *name)
{
	struct hi_receiver receiver = { .type = *type };
	struct object *object = find(judging, name);
	uint64_t layout = hi_receiver_layout(&receiver);
	int size = dwarf_bytesize(type);

	if (!object && !judging->is_new) {
		object = calloc(1, sizeof(*object));
		if (!object)
			return;
		object->name = name;
		object->keyword = keyword;
		HASH_ADD_KEYPTR(hh, judging->objects, object->name,
				strlen(object->name), object);
	}
	if (!object)
		return;
	/* two of one name in one build are not told from each other */
	object->held |=
		judging->is_new ?
			object->new_layout && object->new_layout != layout :
			object->old_layout && object->old_layout != layout;
	if (judging->is_new) {
		object->new_layout = layout;
		object->new_size = size < 0 ? 0 : (uint64_t)size;
	} else {
		object->old_layout = layout;
		object->old_size = size < 0 ? 0 : (uint64_t)size;
	}
}

static bool visit_types(void *context, const struct hi_shape *shape,
			Dwarf_Die *die)
{
	struct judging *judging = context;
	const char *name;
	Dwarf_Die of;

	if (shape->depth != 1)
		return false;
	if (shape->tag == DW_TAG_structure_type ||
	    shape->tag == DW_TAG_union_type) {
		name = dwarf_diename(die);
		if (name && is_object(die))
			note(judging, die,
			     shape->tag == DW_TAG_union_type ? "union " :
							       "struct ",
			     name);
	} else if (shape->tag == DW_TAG_typedef && get_type(die, &of) &&
		   is_object(&of) && !dwarf_diename(&of)) {
		name = dwarf_diename(die);
		if (name)
			note(judging, &of, "", name);
	}
	return false;
}

/* --- who holds one by value ---------------------------------------------------------- */

/* What an array is made of, and what is called otherwise, is held as well. */
static bool is_transparent(const Dwarf_Die *type)
{
	Dwarf_Die of = *type;
	int tag = dwarf_tag(&of);

	return tag == DW_TAG_typedef || tag == DW_TAG_array_type ||
	       tag == DW_TAG_const_type || tag == DW_TAG_volatile_type ||
	       tag == DW_TAG_atomic_type;
}

static void hold(struct judging *judging, const Dwarf_Die *holder)
{
	Dwarf_Die at = *holder, of;
	const char *name = NULL;
	struct object *object;
	bool known;

	while ((known = hi_dies_get_type(&at, &of)) && is_transparent(&of)) {
		if (dwarf_tag(&of) == DW_TAG_typedef)
			name = dwarf_diename(&of);
		at = of;
	}
	if (!known || !is_object(&of))
		return;
	/* one without a name has that of the typedef */
	if (dwarf_diename(&of))
		name = dwarf_diename(&of);
	object = name ? find(judging, name) : NULL;
	if (object)
		object->held = true;
}

static bool visit_holders(void *context, const struct hi_shape *shape,
			  Dwarf_Die *die)
{
	switch (shape->tag) {
	case DW_TAG_variable:
	case DW_TAG_formal_parameter:
	case DW_TAG_member:
		hold(context, die);
		return false;
	case DW_TAG_subprogram:
	case DW_TAG_lexical_block:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
		return true;
	default:
		return false;
	}
}

/* --- the units ------------------------------------------------------------------------ */

static void walk_unit(struct judging *judging, size_t at, hi_unit_visit *visit)
{
	const struct hi_die_unit *unit;
	Dwarf_Die top;

	if (!hi_units_get_top(judging->build->units, at, &top))
		return;
	unit = hi_die_find_unit(&judging->dies.entries, top.cu);
	/* elsewhere, types that are allocated have pointers that tell them */
	if (unit && hi_die_unit_is_c(unit))
		(void)hi_unit_scan(&judging->dies.entries, &top, visit,
				   judging);
}

/* Units of BUILD that are not alike those of OTHER. */
static void walk(struct judging *judging, const struct hi_build *build,
		 const struct hi_build *other, hi_unit_visit *visit)
{
	size_t list[UNITS_MAX], n_all;
	size_t n = hi_units_list_changed(build->units, other->units, list,
					 UNITS_MAX);

	(void)hi_units_count_shared(build->units, &n_all);
	judging->build = build;
	hi_dies_init(&judging->dies, build->image, build->units);
	for (size_t i = 0; i < (n == SIZE_MAX ? n_all : n); i++)
		walk_unit(judging, n == SIZE_MAX ? i : list[i], visit);
	hi_dies_done(&judging->dies);
}

static bool has_changed(const struct object *object)
{
	return !object->held && object->old_layout && object->new_layout &&
	       object->old_layout != object->new_layout;
}

/* Drop all but those that have changed; how many those are. */
static size_t keep_changed(struct judging *judging)
{
	struct object *object, *next;
	size_t n = 0;

	HASH_ITER(hh, judging->objects, object, next) {
		if (has_changed(object)) {
			n++;
			continue;
		}
		HASH_DEL(judging->objects, object);
		free(object);
	}
	return n;
}

static void tell(const struct object *object, struct hi_reasons *reasons)
{
	char root[200];

	snprintf(root, sizeof(root), "%s%s", object->keyword, object->name);
	if (object->old_size != object->new_size)
		hi_reasons_add(reasons, "layout", root, "",
			       "%s from %lu to %lu bytes; objects that exist "
			       "keep the old layout, and it is only allocated: "
			       "no variable holds one",
			       object->old_size < object->new_size ? "grew" :
								     "shrank",
			       object->old_size, object->new_size);
	else
		hi_reasons_add(reasons, "layout", root, "",
			       "has other members; objects that exist keep "
			       "the old layout, and it is only allocated: no "
			       "variable holds one");
	hi_reasons_hint(reasons, "start the host again, or pass "
				 "--on-drift=accept when no such object "
				 "outlives the old code");
}

void hi_verdict_allocated(const struct hi_worker *worker,
			  const struct hi_build *build,
			  struct hi_reasons *reasons)
{
	const struct hi_build *old = worker->current;
	struct judging judging = { .is_new = false };
	struct object *object, *next;

	for (size_t i = 0; i < reasons->n; i++)
		if (!strcmp(reasons->list[i].kind, "layout"))
			return;
	if (!old->units || !build->units ||
	    hi_units_all_same(old->units, build->units))
		return;
	walk(&judging, old, build, visit_types);
	judging.is_new = true;
	walk(&judging, build, old, visit_types);
	if (keep_changed(&judging)) {
		walk(&judging, old, build, visit_holders);
		walk(&judging, build, old, visit_holders);
	}
	HASH_ITER(hh, judging.objects, object, next) {
		if (!object->held)
			tell(object, reasons);
		HASH_DEL(judging.objects, object);
		free(object);
	}
}
