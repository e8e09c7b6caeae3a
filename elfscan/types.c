#include "elfscan/types_parts.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	KIND_VOID,
	KIND_POINTER,
	KIND_BASE,
	KIND_ENUM,
	KIND_AGGREGATE,
	KIND_UNION,
	KIND_ARRAY,
	KIND_OTHER, /* compared by its tag and size */
};

struct side {
	const Dwarf_Die *written; /* as the source names it; NULL is void */
	Dwarf_Die die;            /* without typedefs and qualifiers */
	enum kind kind;
	int64_t size; /* -1 where there is none */
};

static enum hi_type_verdict compare(struct hi_types *types,
				    const Dwarf_Die *old, const Dwarf_Die *new,
				    struct hi_type_difference *difference,
				    int depth);

bool hi_type_of(Dwarf_Die *die, Dwarf_Die *ret_type)
{
	Dwarf_Attribute attr;
	Dwarf_Die type;

	if (!dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attr),
			       &type))
		return false;
	*ret_type = type;
	return true;
}

bool hi_type_peel(const Dwarf_Die *die, Dwarf_Die *ret_die, bool *ret_unknown)
{
	Dwarf_Attribute attr;
	Dwarf_Die at = *die, full;

	for (int i = 0; i < HI_TYPE_DEPTH_MAX; i++) {
		int tag = dwarf_tag(&at);

		if (tag == DW_TAG_typedef || tag == DW_TAG_template_alias ||
		    hi_type_is_qualifier(tag)) {
			if (!hi_type_of(&at, &at))
				return false;
			continue;
		}
		if (dwarf_formref_die(dwarf_attr(&at, DW_AT_signature, &attr),
				      &full))
			at = full;
		*ret_die = at;
		return true;
	}
	*ret_die = at;
	*ret_unknown = true;
	return true;
}

/* --- what was compared before -------------------------------------------- */

struct hi_type_pair {
	const void *old;
	const void *new;
	enum hi_type_verdict verdict;
};

/* The pair's place in the table, or where it would go. */
static struct hi_type_pair *find_pair(const struct hi_types *types,
				      const Dwarf_Die *old,
				      const Dwarf_Die *new)
{
	uint64_t hash = (uintptr_t)old->addr * 0x9e3779b97f4a7c15 ^
			(uintptr_t) new->addr * 0xc2b2ae3d27d4eb4f;
	size_t mask = types->cap_pairs - 1;
	size_t at = (hash >> 32) & mask;

	while (types->pairs[at].old && (types->pairs[at].old != old->addr ||
					types->pairs[at].new != new->addr))
		at = (at + 1) & mask;
	return &types->pairs[at];
}

static bool grow_pairs(struct hi_types *types)
{
	struct hi_types grown = { .n_pairs = types->n_pairs };

	grown.cap_pairs = types->cap_pairs ? 2 * types->cap_pairs : 256;
	grown.pairs = calloc(grown.cap_pairs, sizeof(*grown.pairs));
	if (!grown.pairs)
		return false;
	for (size_t i = 0; i < types->cap_pairs; i++) {
		const struct hi_type_pair *pair = &types->pairs[i];
		Dwarf_Die old = { .addr = (void *)pair->old };
		Dwarf_Die new = { .addr = (void *)pair->new };

		if (pair->old)
			*find_pair(&grown, &old, &new) = *pair;
	}
	free(types->pairs);
	*types = grown;
	return true;
}

/* Out of memory: the pair is compared again next time. */
static void remember(struct hi_types *types, const struct side *old,
		     const struct side *new, enum hi_type_verdict verdict)
{
	struct hi_type_pair *pair;

	if (2 * types->n_pairs >= types->cap_pairs && !grow_pairs(types))
		return;
	pair = find_pair(types, &old->die, &new->die);
	types->n_pairs += !pair->old;
	*pair = (struct hi_type_pair){ old->die.addr, new->die.addr, verdict };
}

/* A difference is not recalled: it needs its words each time. */
static bool recall(const struct hi_types *types, const struct side *old,
		   const struct side *new, enum hi_type_verdict *ret_verdict)
{
	const struct hi_type_pair *pair;

	if (!types->cap_pairs)
		return false;
	pair = find_pair(types, &old->die, &new->die);
	if (!pair->old || pair->verdict == HI_TYPE_DIFFERS)
		return false;
	*ret_verdict = pair->verdict;
	return true;
}

void hi_types_done(struct hi_types *types)
{
	free(types->pairs);
	*types = (struct hi_types){ 0 };
}

/* --- the words ----------------------------------------------------------- */

static bool same_text(const struct hi_buf *a, const struct hi_buf *b)
{
	return !strcmp(hi_buf_str(a), hi_buf_str(b));
}

/* One name even without typedefs: what can be said is the size. */
static void say_resized(const struct side *old, const struct side *new,
			struct hi_type_difference *difference)
{
	if (old->size != new->size)
		hi_buf_printf(&difference->text, "%s from %lld to %lld bytes",
			      old->size < new->size ? "grew" : "shrank",
			      (long long)old->size, (long long)new->size);
	else
		hi_buf_text(&difference->text, "changed its representation");
}

/* "changed from 'int' to 'float'". */
static enum hi_type_verdict say_changed(const struct side *old,
					const struct side *new,
					struct hi_type_difference *difference)
{
	struct hi_buf before = HI_BUF_INIT, after = HI_BUF_INIT;

	hi_type_name(old->written, &before);
	hi_type_name(new->written, &after);
	difference->same_name = same_text(&before, &after);
	if (difference->same_name) {
		/* a typedef that leads elsewhere */
		hi_buf_clear(&before);
		hi_buf_clear(&after);
		hi_type_name(old->kind ? &old->die : NULL, &before);
		hi_type_name(new->kind ? &new->die : NULL, &after);
	}
	if (same_text(&before, &after))
		say_resized(old, new, difference);
	else
		hi_buf_printf(&difference->text, "changed from '%s' to '%s'",
			      hi_buf_str(&before), hi_buf_str(&after));
	hi_buf_done(&before);
	hi_buf_done(&after);
	return HI_TYPE_DIFFERS;
}

/* --- structs, classes, unions -------------------------------------------- */

static enum hi_type_verdict worse(enum hi_type_verdict a,
				  enum hi_type_verdict b)
{
	return a > b ? a : b;
}

static void say_layout(struct hi_type_difference *difference)
{
	difference->same_name = true;
	hi_buf_text(&difference->text, "changed its layout: ");
}

static const char *get_label(const struct hi_member *member)
{
	return *member->name ? member->name : "without a name";
}

static const struct hi_member *find_member(const struct hi_members *members,
					   const char *name)
{
	for (size_t i = 0; *name && i < members->n; i++) {
		if (!strcmp(members->list[i].name, name))
			return &members->list[i];
	}
	return NULL;
}

static void say_moved(const struct hi_member *old, const struct hi_member *new,
		      struct hi_type_difference *difference)
{
	bool bits = old->n_bits || new->n_bits;
	int unit = bits ? 1 : 8;

	say_layout(difference);
	hi_buf_printf(&difference->text, "member %s moved from %s %lld to %lld",
		      get_label(old), bits ? "bit" : "offset",
		      (long long)old->bit / unit, (long long)new->bit / unit);
}

/* A member that is found by its name at another place. */
static bool find_moved(const struct hi_members *old,
		       const struct hi_members *new,
		       struct hi_type_difference *difference)
{
	for (size_t i = 0; i < old->n; i++) {
		const struct hi_member *twin;

		if (i < new->n && !strcmp(old->list[i].name, new->list[i].name))
			twin = &new->list[i];
		else
			twin = find_member(new, old->list[i].name);
		if (!twin || twin->bit == old->list[i].bit)
			continue;
		say_moved(&old->list[i], twin, difference);
		return true;
	}
	return false;
}

static enum hi_type_verdict compare_member(
	struct hi_types *types, const struct hi_member *old,
	const struct hi_member *new, struct hi_type_difference *difference,
	int depth)
{
	struct hi_type_difference inner = { 0 };
	enum hi_type_verdict verdict;

	if (old->bit != new->bit) {
		say_layout(difference);
		hi_buf_printf(&difference->text, "member %s is in place of %s",
			      get_label(new), get_label(old));
		return HI_TYPE_DIFFERS;
	}
	if (old->n_bits != new->n_bits) {
		say_layout(difference);
		hi_buf_printf(&difference->text,
			      "member %s has another number of bits",
			      get_label(new));
		return HI_TYPE_DIFFERS;
	}
	verdict = compare(types, &old->type, &new->type, &inner, depth);
	if (verdict == HI_TYPE_DIFFERS) {
		say_layout(difference);
		hi_buf_printf(&difference->text, "member %s %s", get_label(new),
			      hi_buf_str(&inner.text));
	}
	hi_buf_done(&inner.text);
	return verdict;
}

static enum hi_type_verdict compare_members(
	struct hi_types *types, const struct hi_members *old,
	const struct hi_members *new, struct hi_type_difference *difference,
	int depth)
{
	enum hi_type_verdict verdict = HI_TYPE_SAME;
	size_t i;

	if (find_moved(old, new, difference))
		return HI_TYPE_DIFFERS;
	for (i = 0; i < old->n && i < new->n; i++) {
		verdict = worse(verdict, compare_member(types, &old->list[i],
							&new->list[i],
							difference, depth));
		if (verdict == HI_TYPE_DIFFERS)
			return verdict;
	}
	if (old->n == new->n)
		return verdict;
	say_layout(difference);
	hi_buf_printf(&difference->text, "member %s is %s",
		      get_label(old->n > i ? &old->list[i] : &new->list[i]),
		      old->n > i ? "gone" : "new");
	return HI_TYPE_DIFFERS;
}

/* All start at one place: a member's counterpart has its name, else its type. */
static enum hi_type_verdict compare_alternatives(
	struct hi_types *types, const struct hi_members *old,
	const struct hi_members *new, struct hi_type_difference *difference,
	int depth)
{
	enum hi_type_verdict verdict = HI_TYPE_SAME;

	for (size_t i = 0; i < old->n; i++) {
		const struct hi_member *member = &old->list[i];
		const struct hi_member *twin = find_member(new, member->name);
		struct hi_type_difference no_matter = { 0 };
		enum hi_type_verdict one = HI_TYPE_DIFFERS;

		if (twin) {
			one = compare_member(types, member, twin, difference,
					     depth);
		} else {
			for (size_t j = 0; j < new->n &&one; j++)
				one = compare(types, &member->type,
					      &new->list[j].type, &no_matter,
					      depth);
			hi_buf_done(&no_matter.text);
			if (one == HI_TYPE_DIFFERS) {
				say_layout(difference);
				hi_buf_printf(&difference->text,
					      "member %s is gone",
					      get_label(member));
			}
		}
		verdict = worse(verdict, one);
		if (verdict == HI_TYPE_DIFFERS)
			break;
	}
	return verdict;
}

static bool is_declared_only(Dwarf_Die *die)
{
	return dwarf_hasattr(die, DW_AT_declaration) != 0;
}

/* A class with a destructor or copy constructor is passed by its address. */
static bool is_passed_otherwise(struct side *old, struct side *new)
{
	Dwarf_Attribute attr;
	Dwarf_Word before, after;

	return !dwarf_formudata(dwarf_attr(&old->die, DW_AT_calling_convention,
					   &attr),
				&before) &&
	       !dwarf_formudata(dwarf_attr(&new->die, DW_AT_calling_convention,
					   &attr),
				&after) &&
	       before != after;
}

static enum hi_type_verdict compare_inside(
	struct hi_types *types, struct side *old, struct side *new,
	struct hi_type_difference *difference, int depth)
{
	struct hi_members before, after;
	enum hi_type_verdict verdict;

	hi_members_read(&old->die, &before);
	hi_members_read(&new->die, &after);
	if (old->kind == KIND_UNION)
		verdict = compare_alternatives(types, &before, &after,
					       difference, depth);
	else
		verdict = compare_members(types, &before, &after, difference,
					  depth);
	if (before.unknown || after.unknown)
		verdict = worse(verdict, HI_TYPE_UNKNOWN);
	hi_members_done(&before);
	hi_members_done(&after);
	return verdict;
}

/* 'struct a' in place of 'struct b': the names say more than the members. */
static bool is_renamed(const struct side *old, const struct side *new)
{
	struct hi_buf before = HI_BUF_INIT, after = HI_BUF_INIT;
	bool renamed;

	hi_type_name(&old->die, &before);
	hi_type_name(&new->die, &after);
	renamed = !same_text(&before, &after);
	hi_buf_done(&before);
	hi_buf_done(&after);
	return renamed;
}

static enum hi_type_verdict compare_aggregates(
	struct hi_types *types, struct side *old, struct side *new,
	struct hi_type_difference *difference, int depth)
{
	enum hi_type_verdict verdict;

	if (is_declared_only(&old->die) || is_declared_only(&new->die))
		return HI_TYPE_UNKNOWN;
	if (recall(types, old, new, &verdict))
		return verdict;
	if (old->size != new->size)
		return say_changed(old, new, difference);
	/* a struct inside itself, which only damage can bring about, ends here */
	remember(types, old, new, HI_TYPE_UNKNOWN);
	verdict = compare_inside(types, old, new, difference, depth);
	if (verdict == HI_TYPE_DIFFERS && is_renamed(old, new)) {
		hi_buf_clear(&difference->text);
		difference->same_name = false;
		say_changed(old, new, difference);
	} else if (verdict != HI_TYPE_DIFFERS &&
		   is_passed_otherwise(old, new)) {
		difference->same_name = true;
		hi_buf_text(&difference->text, "is passed in another way");
		verdict = HI_TYPE_DIFFERS;
	}
	remember(types, old, new, verdict);
	return verdict;
}

/* --- everything else ----------------------------------------------------- */

/* Encodings that a caller cannot tell apart have one number. */
static int get_encoding(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Word encoding;
	Dwarf_Die type;

	if (dwarf_formudata(dwarf_attr(die, DW_AT_encoding, &attr),
			    &encoding)) {
		/* an enum before gcc 8 or by clang */
		if (dwarf_tag(die) != DW_TAG_enumeration_type ||
		    !hi_type_of(die, &type) ||
		    dwarf_tag(&type) != DW_TAG_base_type)
			return -1;
		return get_encoding(&type);
	}
	switch (encoding) {
	case DW_ATE_signed_char:
		return DW_ATE_signed;
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
		return DW_ATE_unsigned;
	default:
		return (int)encoding;
	}
}

static bool is_integer(Dwarf_Die *die)
{
	int encoding = get_encoding(die);

	return encoding == DW_ATE_signed || encoding == DW_ATE_unsigned;
}

/* The numbers of elements, outermost first, and what the elements are. */
#define RANKS_MAX 16

struct array {
	uint64_t counts[RANKS_MAX];
	size_t n_counts;
	Dwarf_Die element;
	bool unknown;
};

static uint64_t get_count(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Word count;

	if (!dwarf_formudata(dwarf_attr(die, DW_AT_count, &attr), &count))
		return count;
	if (!dwarf_formudata(dwarf_attr(die, DW_AT_upper_bound, &attr), &count))
		return count + 1;
	return 0;
}

static void read_array(const Dwarf_Die *die, struct array *ret_array)
{
	Dwarf_Die at = *die, child;

	*ret_array = (struct array){ .element = at };
	while (dwarf_tag(&at) == DW_TAG_array_type) {
		if (!dwarf_child(&at, &child)) {
			do {
				if (dwarf_tag(&child) != DW_TAG_subrange_type)
					continue;
				if (ret_array->n_counts == RANKS_MAX)
					ret_array->unknown = true;
				else
					ret_array->counts[ret_array->n_counts++] =
						get_count(&child);
			} while (!dwarf_siblingof(&child, &child));
		}
		if (!hi_type_of(&at, &ret_array->element) ||
		    !hi_type_peel(&ret_array->element, &at,
				  &ret_array->unknown))
			ret_array->unknown = true;
		if (ret_array->unknown)
			return;
	}
}

static enum hi_type_verdict compare_arrays(
	struct hi_types *types, struct side *old, struct side *new,
	struct hi_type_difference *difference, int depth)
{
	enum hi_type_verdict verdict;
	struct array before, after;

	read_array(&old->die, &before);
	read_array(&new->die, &after);
	if (before.unknown || after.unknown)
		return HI_TYPE_UNKNOWN;
	if (before.n_counts != after.n_counts ||
	    memcmp(before.counts, after.counts,
		   before.n_counts * sizeof(*before.counts)) != 0)
		return say_changed(old, new, difference);
	verdict = compare(types, &before.element, &after.element, difference,
			  depth);
	if (verdict == HI_TYPE_DIFFERS && !difference->same_name) {
		hi_buf_clear(&difference->text);
		say_changed(old, new, difference);
	}
	return verdict;
}

static enum kind get_kind(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
	case DW_TAG_unspecified_type: /* of nullptr */
		return KIND_POINTER;
	case DW_TAG_base_type:
		return KIND_BASE;
	case DW_TAG_enumeration_type:
		return KIND_ENUM;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		return KIND_AGGREGATE;
	case DW_TAG_union_type:
		return KIND_UNION;
	case DW_TAG_array_type:
		return KIND_ARRAY;
	default:
		return KIND_OTHER;
	}
}

/* A pointer to a member function is a pair of words, one to data a word. */
static int64_t get_size(Dwarf_Die *die)
{
	Dwarf_Die type;
	bool unknown = false;

	if (dwarf_tag(die) == DW_TAG_ptr_to_member_type)
		return hi_type_of(die, &type) &&
				       hi_type_peel(&type, &type, &unknown) &&
				       dwarf_tag(&type) ==
					       DW_TAG_subroutine_type ?
			       16 :
			       8;
	return dwarf_bytesize(die);
}

/* False when the type cannot be known. */
static bool side_init(struct side *side, const Dwarf_Die *type)
{
	bool unknown = false;

	*side = (struct side){ .written = type, .size = -1 };
	if (!type || !hi_type_peel(type, &side->die, &unknown))
		return true;
	side->kind = get_kind(&side->die);
	side->size = get_size(&side->die);
	return !unknown && dwarf_tag(&side->die) != DW_TAG_invalid;
}

static bool are_same_scalars(struct side *old, struct side *new)
{
	int before, after;

	if (old->kind != new->kind)
		return old->size == new->size &&
		       ((old->kind == KIND_ENUM &&
			 new->kind == KIND_BASE &&is_integer(&new->die)) ||
			(old->kind == KIND_BASE &&
			 new->kind == KIND_ENUM &&is_integer(&old->die)));
	switch (old->kind) {
	case KIND_VOID:
	case KIND_POINTER:
		return true;
	case KIND_BASE:
	case KIND_ENUM:
		before = get_encoding(&old->die);
		after = get_encoding(&new->die);
		return old->size == new->size &&
		       (before == after || before < 0 || after < 0);
	default:
		return old->size == new->size &&dwarf_tag(&old->die) ==
		       dwarf_tag(&new->die);
	}
}

static enum hi_type_verdict compare(struct hi_types *types,
				    const Dwarf_Die *old, const Dwarf_Die *new,
				    struct hi_type_difference *difference,
				    int depth)
{
	struct side before, after;

	if (!side_init(&before, old) || !side_init(&after, new) ||
	    depth > HI_TYPE_DEPTH_MAX)
		return HI_TYPE_UNKNOWN;
	if (before.kind == after.kind) {
		if (before.kind == KIND_AGGREGATE || before.kind == KIND_UNION)
			return compare_aggregates(types, &before, &after,
						  difference, depth + 1);
		if (before.kind == KIND_ARRAY)
			return compare_arrays(types, &before, &after,
					      difference, depth + 1);
	}
	if (are_same_scalars(&before, &after))
		return HI_TYPE_SAME;
	return say_changed(&before, &after, difference);
}

enum hi_type_verdict hi_type_compare(struct hi_types *types,
				     const Dwarf_Die *old, const Dwarf_Die *new,
				     struct hi_type_difference *difference)
{
	return compare(types, old, new, difference, 0);
}
