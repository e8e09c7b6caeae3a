#include "elfscan/types_parts.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

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
static void remember(struct hi_types *types, const struct hi_type_side *old,
		     const struct hi_type_side *new,
		     enum hi_type_verdict verdict)
{
	struct hi_type_pair *pair;

	if (2 * types->n_pairs >= types->cap_pairs && !grow_pairs(types))
		return;
	pair = find_pair(types, &old->die, &new->die);
	types->n_pairs += !pair->old;
	*pair = (struct hi_type_pair){ old->die.addr, new->die.addr, verdict };
}

/* A difference is not recalled: it needs its words each time. */
static bool recall(const struct hi_types *types, const struct hi_type_side *old,
		   const struct hi_type_side *new,
		   enum hi_type_verdict *ret_verdict)
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
	verdict = hi_type_compare_at(types, &old->type, &new->type, &inner,
				     depth);
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
			for (size_t j = 0; one && j < new->n; j++)
				one = hi_type_compare_at(types, &member->type,
							 &new->list[j].type,
							 &no_matter, depth);
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
static bool is_passed_otherwise(struct hi_type_side *old,
				struct hi_type_side *new)
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
	struct hi_types *types, struct hi_type_side *old,
	struct hi_type_side *new, struct hi_type_difference *difference,
	int depth)
{
	struct hi_members before, after;
	enum hi_type_verdict verdict;

	hi_members_read(&old->die, &before);
	hi_members_read(&new->die, &after);
	if (old->kind == HI_KIND_UNION)
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

static bool same_text(const struct hi_buf *a, const struct hi_buf *b)
{
	return !strcmp(hi_buf_str(a), hi_buf_str(b));
}

/* 'struct a' in place of 'struct b': the names say more than the members. */
static bool is_renamed(const struct hi_type_side *old,
		       const struct hi_type_side *new)
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

enum hi_type_verdict hi_type_compare_aggregates(
	struct hi_types *types, struct hi_type_side *old,
	struct hi_type_side *new, struct hi_type_difference *difference,
	int depth)
{
	enum hi_type_verdict verdict;

	if (is_declared_only(&old->die) || is_declared_only(&new->die))
		return HI_TYPE_UNKNOWN;
	if (recall(types, old, new, &verdict))
		return verdict;
	if (old->size != new->size)
		return hi_type_say_changed(old, new, difference);
	/* a struct inside itself, which only damage can bring about, ends here */
	remember(types, old, new, HI_TYPE_UNKNOWN);
	verdict = compare_inside(types, old, new, difference, depth);
	if (verdict == HI_TYPE_DIFFERS && is_renamed(old, new)) {
		hi_buf_clear(&difference->text);
		difference->same_name = false;
		hi_type_say_changed(old, new, difference);
	} else if (verdict != HI_TYPE_DIFFERS &&
		   is_passed_otherwise(old, new)) {
		difference->same_name = true;
		hi_buf_text(&difference->text, "is passed in another way");
		verdict = HI_TYPE_DIFFERS;
	}
	remember(types, old, new, verdict);
	return verdict;
}
