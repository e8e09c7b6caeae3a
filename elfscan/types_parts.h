/*
 * types_parts - what the files of the types module share; nobody else includes
 * it.
 */
#ifndef HI_ELFSCAN_TYPES_PARTS_H
#define HI_ELFSCAN_TYPES_PARTS_H

#include <stdint.h>

#include "elfscan/types.h"

/* Of typedefs, pointers, nested structs; more is damaged information. */
#define HI_TYPE_DEPTH_MAX 64

enum hi_type_kind {
	HI_KIND_VOID,
	HI_KIND_POINTER,
	HI_KIND_BASE,
	HI_KIND_ENUM,
	HI_KIND_AGGREGATE,
	HI_KIND_UNION,
	HI_KIND_ARRAY,
	HI_KIND_OTHER, /* compared by its tag and size */
};

struct hi_type_side {
	const Dwarf_Die *written; /* as the source names it; NULL is void */
	Dwarf_Die die;            /* without typedefs and qualifiers */
	enum hi_type_kind kind;
	int64_t size; /* -1 where there is none */
};

struct hi_member {
	Dwarf_Die type;
	const char *name; /* of a base class, its type's; "" without one */
	int64_t bit;      /* where it starts; -1 when that is computed */
	int64_t n_bits;   /* of a bit-field, else 0 */
};

struct hi_members {
	struct hi_member *list; /* by place */
	size_t n;
	bool unknown; /* some of it could not be read */
};

/* The members of a struct, class or union, base classes among them. */
void hi_members_read(Dwarf_Die *aggregate, struct hi_members *ret_members);
void hi_members_done(struct hi_members *members);

/* DIE without typedefs and qualifiers; a declaration is replaced by the type
   unit that it names. False for void; *ret_unknown for a chain without end. */
bool hi_type_peel(const Dwarf_Die *die, Dwarf_Die *ret_die, bool *ret_unknown);

bool hi_type_is_qualifier(int tag);

/* As hi_type_compare(), DEPTH types further in. */
enum hi_type_verdict hi_type_compare_at(struct hi_types *types,
					const Dwarf_Die *old,
					const Dwarf_Die *new,
					struct hi_type_difference *difference,
					int depth);

/* Two structs or classes, or two unions. */
enum hi_type_verdict hi_type_compare_aggregates(
	struct hi_types *types, struct hi_type_side *old,
	struct hi_type_side *new, struct hi_type_difference *difference,
	int depth);

/* "changed from 'int' to 'float'"; HI_TYPE_DIFFERS. */
enum hi_type_verdict hi_type_say_changed(const struct hi_type_side *old,
					 const struct hi_type_side *new,
					 struct hi_type_difference *difference);

#endif
