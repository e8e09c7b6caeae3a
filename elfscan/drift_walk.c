/*
 * Two types side by side. What a value is made of decides, not what it is called:
 * typedefs and qualifiers are looked through, and remembered. Structs and enums are
 * put on the list of pairs, so that each is compared once and circles end.
 */
#include <dwarf.h>
#include <string.h>

#include "elfscan/drift_parts.h"

#define DEPTH_MAX 64

struct walk {
	struct hi_drift_run *run;
	uint32_t from;
	enum hi_role role;
	bool is_one_typedef; /* both types are met by it, or neither by any */
	/* inside of a function behind a pointer: how what its parameters or
	   its result point to is met; otherwise HI_WAY_VALUE */
	enum hi_way in_function;
};

static enum hi_sameness walk(const struct walk *at, uint32_t old, uint32_t new,
			     unsigned int pointers, int depth);

static enum hi_sameness worst(enum hi_sameness a, enum hi_sameness b)
{
	return a > b ? a : b;
}

/* --- names ---------------------------------------------------------------- */

/* The outermost typedef, and the qualifiers before the next pointer or end. */
struct alias {
	const char *name;
	unsigned int qualifiers;
};

static struct alias read_alias(const struct hi_model *model, uint32_t number)
{
	struct alias alias = { "", 0 };

	for (size_t i = 0; i < model->n_types; i++) {
		const struct hi_model_type *type =
			hi_model_get_type(model, number);

		if (type->kind == HI_MODEL_TYPEDEF) {
			if (!*alias.name)
				alias.name = type->name;
		} else if (type->kind >= HI_MODEL_CONST &&
			   type->kind <= HI_MODEL_ATOMIC) {
			/* before version 5, DWARF cannot say _Atomic */
			if (type->kind != HI_MODEL_ATOMIC)
				alias.qualifiers |= 1U << type->kind;
		} else {
			break;
		}
		number = type->target;
	}
	return alias;
}

/* --- single types ---------------------------------------------------------- */

static int get_encoding(const struct hi_model_type *type)
{
	switch (type->encoding) {
	case DW_ATE_signed_char:
		return DW_ATE_signed;
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
		return DW_ATE_unsigned;
	default:
		return type->encoding;
	}
}

static bool is_integer(const struct hi_model_type *type)
{
	int encoding = get_encoding(type);

	return type->kind == HI_MODEL_BASE &&
	       (encoding == DW_ATE_signed || encoding == DW_ATE_unsigned);
}

/* _Float128 and __float128 are in vector registers, long double on the x87 stack; the
   bits of _Float16 and __bf16 mean different things. */
static bool is_other_float(const struct hi_model_type *type)
{
	return type->size == 2 ? strstr(type->name, "bf") != NULL :
				 strstr(type->name, "128") != NULL;
}

static enum hi_sameness compare_bases(const struct hi_model_type *old,
				      const struct hi_model_type *new,
				      unsigned int pointers)
{
	if (old->size != new->size)
		return HI_DIFFERENT;
	if (get_encoding(old) == DW_ATE_float &&
	    get_encoding(new) == DW_ATE_float &&
	    is_other_float(old) != is_other_float(new))
		return HI_DIFFERENT;
	if (get_encoding(old) == get_encoding(new))
		return strcmp(old->name, new->name) ? HI_RENAMED : HI_SAME;
	/* bytes are bytes */
	if (pointers && old->size == 1 && is_integer(old) && is_integer(new))
		return HI_RENAMED;
	return HI_DIFFERENT;
}

/* Whether two structs of different names have the same places and sizes. */
static bool alike(const struct hi_model_type *old,
		  const struct hi_model_type *new)
{
	if (old->size != new->size || old->n_parts != new->n_parts)
		return false;
	for (size_t i = 0; i < old->n_parts; i++)
		if (old->parts[i].value != new->parts[i].value ||
		    old->parts[i].bits != new->parts[i].bits ||
		    strcmp(old->parts[i].name, new->parts[i].name) != 0)
			return false;
	return old->n_parts > 0;
}

static bool is_pointer(const struct hi_model_type *type)
{
	return type->kind == HI_MODEL_POINTER ||
	       type->kind == HI_MODEL_REFERENCE ||
	       type->kind == HI_MODEL_RVALUE_REFERENCE;
}

static enum hi_way find_way(const struct walk *at, unsigned int pointers)
{
	if (!pointers)
		return HI_WAY_VALUE;
	if (at->in_function != HI_WAY_VALUE)
		return at->in_function;
	switch (at->role) {
	case HI_ROLE_MEMBER:
		return HI_WAY_POINTER;
	case HI_ROLE_THIS:
		return HI_WAY_MADE;
	case HI_ROLE_PARAMETER:
		return pointers == 1 ? HI_WAY_HANDED_IN : HI_WAY_HANDED_OUT;
	default:
		return HI_WAY_HANDED_OUT;
	}
}

static void meet(const struct walk *at, uint32_t old, uint32_t new,
		 enum hi_way way)
{
	struct hi_way_to added = {
		.from = at->from,
		.to = hi_drift_add_pair(at->run, old, new, false),
		.way = way,
		.by_virtual = at->role == HI_ROLE_VIRTUAL,
	};

	hi_drift_add_way(at->run, &added);
}

static bool is_nameless(const struct hi_model_type *type)
{
	return !*type->name || *type->name == '<';
}

/*
 * "struct pos" and "typedef struct {...} pos" are one name. What has no name of its
 * own is also known by the typedef by which it is met, or else by its place.
 */
static bool same_name(const struct walk *at, const struct hi_model_type *old,
		      const struct hi_model_type *new)
{
	const char *a = old->name, *b = new->name;
	size_t a_len = strlen(a), b_len = strlen(b);

	if (!a_len || !b_len ||
	    (at->is_one_typedef && (is_nameless(old) || is_nameless(new))))
		return true;
	if (*a == '<') {
		a++;
		a_len -= 2;
	}
	if (*b == '<') {
		b++;
		b_len -= 2;
	}
	return hi_drift_is_one_name(a, a_len, b, b_len);
}

/* clang does not describe what the C++ library has compiled already (std::string), whose
   layout stays as long as its name does. */
static bool is_of_library(const struct hi_model_type *type)
{
	return !strncmp(type->name, "std::", 5);
}

static enum hi_sameness compare_aggregates(const struct walk *at, uint32_t old,
					   uint32_t new, unsigned int pointers)
{
	const struct hi_model_type *a = hi_model_get_type(at->run->old, old);
	const struct hi_model_type *b = hi_model_get_type(at->run->new, new);
	bool same = same_name(at, a, b);

	if (a->is_declared || b->is_declared) {
		if (!pointers && !(same && is_of_library(a)))
			return HI_NOT_KNOWN;
		return same ? HI_SAME : HI_DIFFERENT;
	}
	if ((a->kind == HI_MODEL_UNION) != (b->kind == HI_MODEL_UNION))
		return HI_DIFFERENT;
	if (!same && !alike(a, b))
		return HI_DIFFERENT;
	meet(at, old, new, find_way(at, pointers));
	return same ? HI_SAME : HI_RENAMED;
}

static enum hi_sameness compare_enums(const struct walk *at, uint32_t old,
				      uint32_t new, unsigned int pointers)
{
	const struct hi_model_type *a = hi_model_get_type(at->run->old, old);
	const struct hi_model_type *b = hi_model_get_type(at->run->new, new);
	enum hi_way way = find_way(at, pointers);

	if (a->is_declared || b->is_declared)
		return pointers ? HI_SAME : HI_NOT_KNOWN;
	if (!same_name(at, a, b) && a->size != b->size)
		return HI_DIFFERENT;
	/* the host has the values in its code, however it meets them */
	meet(at, old, new, way == HI_WAY_POINTER ? way : HI_WAY_VALUE);
	return same_name(at, a, b) ? HI_SAME : HI_RENAMED;
}

/* --- functions behind pointers -------------------------------------------- */

static enum hi_sameness compare_functions(const struct walk *at,
					  const struct hi_model_type *old,
					  const struct hi_model_type *new,
					  int depth)
{
	struct walk inside = *at;
	enum hi_sameness found;

	if (old->n_parts != new->n_parts ||
	    old->is_variadic != new->is_variadic)
		return HI_DIFFERENT;
	inside.in_function = at->role == HI_ROLE_MEMBER ||
					     at->role == HI_ROLE_VIRTUAL ?
				     HI_WAY_GOT :
				     HI_WAY_HANDED_OUT;
	found = walk(&inside, old->target, new->target, 0, depth);
	inside.in_function = HI_WAY_GIVEN;
	/* of a virtual function, the first is the object */
	for (size_t i = at->role == HI_ROLE_VIRTUAL; i < old->n_parts; i++)
		found = worst(found, walk(&inside, old->parts[i].type,
					  new->parts[i].type, 0, depth));
	return found;
}

static enum hi_sameness compare_member_pointers(const struct walk *at,
						const struct hi_model_type *old,
						const struct hi_model_type *new,
						int depth)
{
	enum hi_sameness found =
		walk(at, old->container, new->container, 1, depth);

	return worst(found, walk(at, old->target, new->target, 1, depth));
}

/* --- the walk -------------------------------------------------------------- */

/* Two types of different kinds. */
static enum hi_sameness compare_kinds(const struct hi_model_type *old,
				      const struct hi_model_type *new,
				      unsigned int pointers)
{
	bool enum_old = old->kind == HI_MODEL_ENUM;
	bool enum_new = new->kind == HI_MODEL_ENUM;

	if (old->kind == HI_MODEL_UNKNOWN || new->kind == HI_MODEL_UNKNOWN)
		return HI_NOT_KNOWN;
	if (((enum_old && is_integer(new)) || (enum_new && is_integer(old))) &&
	    old->size == new->size)
		return HI_RENAMED;
	/* a pointer to anything is as good as one to something */
	if (pointers &&
	    (old->kind == HI_MODEL_VOID || new->kind == HI_MODEL_VOID))
		return HI_RENAMED;
	return HI_DIFFERENT;
}

static enum hi_sameness compare_peeled(const struct walk *at, uint32_t old,
				       uint32_t new, unsigned int pointers,
				       int depth)
{
	const struct hi_model_type *a = hi_model_get_type(at->run->old, old);
	const struct hi_model_type *b = hi_model_get_type(at->run->new, new);
	enum hi_sameness found;

	if (is_pointer(a) && is_pointer(b)) {
		found = walk(at, a->target, b->target, pointers + 1, depth);
		/* before version 4, DWARF has one kind of reference only */
		return worst(found,
			     (a->kind == HI_MODEL_POINTER) ==
					     (b->kind == HI_MODEL_POINTER) ?
				     HI_SAME :
				     HI_RENAMED);
	}
	if (hi_model_is_aggregate(a) && hi_model_is_aggregate(b))
		return compare_aggregates(at, old, new, pointers);
	if (a->kind != b->kind)
		return compare_kinds(a, b, pointers);
	switch (a->kind) {
	case HI_MODEL_VOID:
		return HI_SAME;
	case HI_MODEL_BASE:
		return compare_bases(a, b, pointers);
	case HI_MODEL_ENUM:
		return compare_enums(at, old, new, pointers);
	case HI_MODEL_ARRAY:
	case HI_MODEL_VECTOR:
		found = walk(at, a->target, b->target, pointers, depth);
		return a->count == b->count ? found : HI_DIFFERENT;
	case HI_MODEL_FUNCTION:
		return compare_functions(at, a, b, depth);
	case HI_MODEL_MEMBER_POINTER:
		return compare_member_pointers(at, a, b, depth);
	default:
		return HI_NOT_KNOWN;
	}
}

static enum hi_sameness walk(const struct walk *at, uint32_t old, uint32_t new,
			     unsigned int pointers, int depth)
{
	struct alias a, b;
	struct walk here = *at;
	unsigned int mask = ~0U;
	enum hi_sameness found;
	bool is_result;

	if (depth == DEPTH_MAX)
		return HI_NOT_KNOWN;
	a = read_alias(at->run->old, old);
	b = read_alias(at->run->new, new);
	here.is_one_typedef = hi_drift_is_one_typedef(a.name, b.name);
	found = compare_peeled(&here, hi_model_peel(at->run->old, old),
			       hi_model_peel(at->run->new, new), pointers,
			       depth + 1);
	/* of two declarations, each compiler takes another one's */
	is_result = at->role == HI_ROLE_RESULT &&
		    at->in_function == HI_WAY_VALUE;
	if (!depth && is_result)
		return found;
	/* the host's is a copy */
	if (!depth && at->role == HI_ROLE_PARAMETER)
		mask = 1U << HI_MODEL_RESTRICT;
	if (found == HI_SAME && ((a.qualifiers ^ b.qualifiers) & mask ||
				 (!here.is_one_typedef && !is_result)))
		return HI_RENAMED;
	return found;
}

enum hi_sameness hi_drift_walk(struct hi_drift_run *run, uint32_t old,
			       uint32_t new, uint32_t from, enum hi_role role)
{
	struct walk at = { .run = run,
			   .from = from,
			   .role = role,
			   .in_function = HI_WAY_VALUE };

	return walk(&at, old, new, 0, 0);
}
