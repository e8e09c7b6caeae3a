/*
 * The inside of a struct, class, union or enum in two builds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/drift_parts.h"

static bool is_field(const struct hi_model_part *part)
{
	return part->kind == HI_PART_MEMBER || part->kind == HI_PART_BASE;
}

/* Of a bit-field; one that is as wide as its type, and aligned as that is, is like any
   other member, which is what clang says of it. */
static uint32_t get_bits(const struct hi_model *model,
			 const struct hi_model_part *part)
{
	uint64_t whole = part->bits ? 8 * hi_model_get_size(model, part->type) :
				      0;

	return part->bits == whole &&
			       (!whole || part->value % (int64_t)whole == 0) ?
		       0 :
		       part->bits;
}

/* What of TYPE, in MODEL, is where LIKE is in another one. */
static const struct hi_model_part *find_at(const struct hi_model *model,
					   const struct hi_model_type *type,
					   const struct hi_model *other,
					   const struct hi_model_part *like)
{
	uint32_t bits = get_bits(other, like);

	for (size_t i = 0; i < type->n_parts; i++)
		if (type->parts[i].kind == like->kind &&
		    type->parts[i].value == like->value &&
		    get_bits(model, &type->parts[i]) == bits)
			return &type->parts[i];
	return NULL;
}

static void say_place(struct hi_buf *buf, int64_t bits)
{
	if (bits % 8)
		hi_buf_printf(buf, "%lld.%d", (long long)bits / 8,
			      (int)(bits % 8));
	else
		hi_buf_printf(buf, "%lld", (long long)bits / 8);
}

static const char *get_word(const struct hi_model_part *part)
{
	return part->kind == HI_PART_BASE ? "base" : "member";
}

/* --- members and bases ------------------------------------------------------ */

static void compare_field(struct hi_layout *layout,
			  const struct hi_model_part *old,
			  const struct hi_model_part *new)
{
	struct hi_drift_run *run = layout->run;
	const char *name = hi_layout_get_name(run->old, old);
	enum hi_sameness found = hi_layout_compare_types(layout, old, new);
	uint32_t old_bits = get_bits(run->old, old);
	uint32_t new_bits = get_bits(run->new, new);

	if (found == HI_NOT_KNOWN)
		run->pairs[layout->place].is_unknown = true;
	if (old->value != new->value || old->is_virtual != new->is_virtual) {
		struct hi_buf *buf = hi_layout_begin(&layout->breaks);

		hi_buf_printf(buf, "%s %s moved from offset ", get_word(old),
			      name);
		say_place(buf, old->value);
		hi_buf_text(buf, " to ");
		say_place(buf, new->value);
		layout->grew_only = false;
	}
	if (old_bits != new_bits) {
		hi_buf_printf(hi_layout_begin(&layout->breaks),
			      "%s %s changed from %u to %u bits", get_word(old),
			      name, old->bits, new->bits);
		layout->grew_only = layout->moved_only = false;
	}
	if (found == HI_DIFFERENT || found == HI_RENAMED) {
		struct hi_buf *buf = hi_layout_begin(found == HI_DIFFERENT ?
							     &layout->breaks :
							     &layout->harmless);

		hi_buf_printf(buf, "%s %s ", get_word(old), name);
		hi_drift_say_changed(run, old->type, new->type, buf);
		if (found == HI_DIFFERENT)
			layout->grew_only = layout->moved_only = false;
	}
}

/* A member that has both names in place of another was renamed. */
static bool was_renamed(struct hi_layout *layout,
			const struct hi_model_part *old)
{
	struct hi_drift_run *run = layout->run;
	const struct hi_model_part *new =
		find_at(run->new, layout->new, run->old, old);
	const char *name = hi_layout_get_name(run->old, old), *now;

	if (!new)
		return false;
	now = hi_layout_get_name(run->new, new);
	/* what moved here had a place of its own before */
	if (hi_layout_find_named(run->old, layout->old, old->kind, now))
		return false;
	if (hi_layout_compare_types(layout, old, new) == HI_DIFFERENT)
		return false;
	/* what has no name is called after what is in it, which changes too */
	if (strcmp(name, now) != 0 &&
	    (old->kind == HI_PART_BASE || *old->name || *new->name))
		hi_buf_printf(hi_layout_begin(&layout->harmless),
			      "%s %s is now called %s", get_word(old), name,
			      now);
	return true;
}

static void compare_old_field(struct hi_layout *layout,
			      const struct hi_model_part *old)
{
	struct hi_drift_run *run = layout->run;
	const char *name = hi_layout_get_name(run->old, old);
	const struct hi_model_part *new =
		hi_layout_find_named(run->new, layout->new, old->kind, name);

	if (new) {
		compare_field(layout, old, new);
		return;
	}
	if (was_renamed(layout, old))
		return;
	hi_buf_printf(hi_layout_begin(&layout->breaks), "%s %s is gone",
		      get_word(old), *name ? name : "without a name");
	layout->grew_only = layout->moved_only = false;
}

/* Whether a part that was there, and still is, begins where PART does. */
static bool shares_place(const struct hi_layout *layout,
			 const struct hi_model_part *part)
{
	for (size_t i = 0; i < layout->old->n_parts; i++) {
		const struct hi_model_part *old = &layout->old->parts[i];
		const struct hi_model_part *twin =
			is_field(old) && old->value == part->value ?
				hi_layout_find_named(
					layout->run->new, layout->new,
					old->kind,
					hi_layout_get_name(layout->run->old,
							   old)) :
				NULL;

		if (twin && twin->value == old->value)
			return true;
	}
	return false;
}

/* Whether a new part is another view of what is there, or nothing at all. */
static bool holds_nothing(const struct hi_layout *layout,
			  const struct hi_model_part *new)
{
	const struct hi_model *model = layout->run->new;
	const struct hi_model_type *type =
		hi_model_get_type(model, hi_model_peel(model, new->type));

	return layout->new->kind == HI_MODEL_UNION ||
	       shares_place(layout, new) ||
	       hi_drift_is_view(layout->run, layout->old, layout->new, new) ||
	       (type->kind == HI_MODEL_ARRAY &&
		type->count == HI_MODEL_ENDLESS) ||
	       (new->kind == HI_PART_BASE && !type->n_parts);
}

/* Whether a new part stands where an old one was renamed. */
static bool takes_place(const struct hi_layout *layout,
			const struct hi_model_part *new)
{
	const struct hi_model_part *old =
		find_at(layout->run->old, layout->old, layout->run->new, new);

	return old &&
	       !hi_layout_find_named(layout->run->new, layout->new, old->kind,
				     hi_layout_get_name(layout->run->old, old));
}

static void compare_new_field(struct hi_layout *layout,
			      const struct hi_model_part *new)
{
	const char *name = hi_layout_get_name(layout->run->new, new);
	bool in_padding = layout->old->size == layout->new->size;
	struct hi_buf *buf;

	if (hi_layout_find_named(layout->run->old, layout->old, new->kind,
				 name) ||
	    takes_place(layout, new))
		return;
	buf = hi_layout_begin(!in_padding                ? &layout->breaks :
			      holds_nothing(layout, new) ? &layout->harmless :
							   &layout->added);
	hi_buf_printf(buf, "%s %s was added at offset ", get_word(new),
		      *name ? name : "without a name");
	say_place(buf, new->value);
	layout->moved_only = false;
}

static void compare_sizes(struct hi_layout *layout)
{
	const struct hi_model_type *old = layout->old, *new = layout->new;

	if (old->size != new->size) {
		hi_buf_printf(hi_layout_begin(&layout->breaks),
			      "%s from %llu to %llu bytes",
			      old->size < new->size ? "grew" : "shrank",
			      (unsigned long long)old->size,
			      (unsigned long long)new->size);
		layout->grew_only = layout->grew_only && old->size < new->size;
	}
	hi_layout_compare_aligns(layout);
}

/* --- findings --------------------------------------------------------------- */

static void say_layout(struct hi_layout *layout, const char *root)
{
	char effect[200];

	/* what took the place of something else is part of the same change */
	if (layout->breaks.len && layout->added.len) {
		hi_buf_text(hi_layout_begin(&layout->breaks),
			    hi_buf_str(&layout->added));
		hi_buf_clear(&layout->added);
	}
	if (layout->grew_only && layout->old->size < layout->new->size)
		snprintf(effect, sizeof(effect),
			 "the host allocates %llu bytes, the library uses %llu",
			 (unsigned long long)layout->old->size,
			 (unsigned long long)layout->new->size);
	else
		snprintf(effect, sizeof(effect),
			 "the host and the library see different things in "
			 "the same bytes");
	if (layout->table.len)
		hi_drift_add(layout->run, "vtable", root, HI_INCOMPATIBLE,
			     &layout->table,
			     "calls of the host through the old table reach "
			     "other functions",
			     layout->place);
	if (layout->breaks.len)
		hi_drift_add(layout->run, "layout", root, HI_INCOMPATIBLE,
			     &layout->breaks, effect, layout->place);
	if (layout->added.len)
		hi_drift_add(layout->run, "member-added", root, HI_COMPATIBLE,
			     &layout->added,
			     "what is made by code that was compiled before "
			     "has no value there",
			     layout->place);
	if (layout->harmless.len)
		hi_drift_add(layout->run, "layout-compatible", root,
			     HI_COMPATIBLE, &layout->harmless, "",
			     layout->place);
}

static void compare_fields(struct hi_layout *layout)
{
	const struct hi_model_type *old = layout->old, *new = layout->new;
	bool same = hi_drift_has_same_parts(old, new);

	for (size_t i = 0; i < old->n_parts; i++) {
		if (!is_field(&old->parts[i]))
			continue;
		if (same)
			compare_field(layout, &old->parts[i], &new->parts[i]);
		else
			compare_old_field(layout, &old->parts[i]);
	}
	for (size_t i = 0; i < new->n_parts && !same; i++)
		if (is_field(&new->parts[i]))
			compare_new_field(layout, &new->parts[i]);
	if (!same)
		hi_layout_compare_variants(layout);
	hi_layout_compare_virtuals(layout);
}

static void compare_passing(struct hi_layout *layout, const char *root)
{
	enum hi_passing old = layout->old->passing, new = layout->new->passing;
	struct hi_buf text = HI_BUF_INIT;

	if (!old || !new || old == new)
		return;
	hi_buf_printf(
		&text,
		"%s: its objects are passed and returned %s, no longer %s",
		new == HI_BY_REFERENCE ?
			"copying or destroying it has come to run code" :
			"copying and destroying it runs no code any more",
		new == HI_BY_REFERENCE ? "by reference" : "by value",
		new == HI_BY_REFERENCE ? "by value" : "by reference");
	hi_drift_add(layout->run, "passing", root, HI_INCOMPATIBLE, &text,
		     new == HI_BY_REFERENCE ?
			     "the function takes what the host passes for an "
			     "address" :
			     "the function takes the address that the host "
			     "passes for the object",
		     layout->place);
}

static void compare_aggregates(struct hi_layout *layout, const char *root)
{
	const struct hi_model_type *old = layout->old, *new = layout->new;
	bool is_flat;

	layout->flat_old = *old;
	layout->flat_new = *new;
	is_flat = hi_drift_flatten(layout->run, &layout->flat_old,
				   &layout->flat_new);
	if (is_flat) {
		layout->old = &layout->flat_old;
		layout->new = &layout->flat_new;
	}
	compare_sizes(layout);
	compare_fields(layout);
	compare_passing(layout, root);
	layout->run->pairs[layout->place].is_resized = old->size != new->size;
	layout->run->pairs[layout->place].is_grown = layout->grew_only &&
						     old->size < new->size;
	layout->run->pairs[layout->place].is_moved = layout->moved_only &&
						     layout->breaks.len;
	say_layout(layout, root);
	if (is_flat) {
		free(layout->flat_old.parts);
		free(layout->flat_new.parts);
	}
}

void hi_drift_compare_pair(struct hi_drift_run *run, uint32_t place)
{
	const struct hi_pair *pair = &run->pairs[place];
	struct hi_layout layout = {
		.run = run,
		.place = place,
		.old = hi_model_get_type(run->old, pair->old),
		.new = hi_model_get_type(run->new, pair->new),
		.breaks = HI_BUF_INIT,
		.harmless = HI_BUF_INIT,
		.added = HI_BUF_INIT,
		.table = HI_BUF_INIT,
		.grew_only = true,
		.moved_only = true,
	};
	struct hi_buf root = HI_BUF_INIT;

	hi_drift_name(run->old, pair->old, &root);
	if (layout.old->kind == HI_MODEL_ENUM)
		hi_layout_compare_enums(&layout, hi_buf_str(&root));
	else
		compare_aggregates(&layout, hi_buf_str(&root));
	hi_buf_done(&root);
	hi_buf_done(&layout.breaks);
	hi_buf_done(&layout.harmless);
	hi_buf_done(&layout.added);
	hi_buf_done(&layout.table);
}
