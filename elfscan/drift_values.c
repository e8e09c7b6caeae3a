/*
 * Parts that are a name and a number: the variants of an enum of Rust, the slots of
 * virtual functions, enumerators.
 */
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/demangle.h"
#include "elfscan/drift_parts.h"

struct hi_buf *hi_layout_begin(struct hi_buf *buf)
{
	if (buf->len)
		hi_buf_text(buf, "; ");
	return buf;
}

const char *hi_layout_get_name(const struct hi_model *model,
			       const struct hi_model_part *part)
{
	return part->kind == HI_PART_BASE || !*part->name ?
		       hi_model_get_type(model, part->type)->name :
		       part->name;
}

const struct hi_model_part *hi_layout_find_named(
	const struct hi_model *in, const struct hi_model_type *type,
	enum hi_model_part_kind kind, const char *name)
{
	for (size_t i = 0; *name && i < type->n_parts; i++)
		if (type->parts[i].kind == kind &&
		    !strcmp(hi_layout_get_name(in, &type->parts[i]), name))
			return &type->parts[i];
	return NULL;
}

/* --- variants -------------------------------------------------------------- */

void hi_layout_compare_variants(struct hi_layout *layout)
{
	const struct hi_model_type *old = layout->old, *new = layout->new;

	for (size_t i = 0; i < old->n_parts; i++) {
		const struct hi_model_part *part = &old->parts[i], *twin;

		if (part->kind != HI_PART_VARIANT)
			continue;
		twin = hi_layout_find_named(layout->run->new, new, part->kind,
					    part->name);
		/* of what is gone the member speaks */
		if (!twin || twin->value == part->value)
			continue;
		hi_buf_printf(hi_layout_begin(&layout->breaks),
			      "variant %s changed from %lld to %lld",
			      part->name, (long long)part->value,
			      (long long)twin->value);
		layout->grew_only = layout->moved_only = false;
	}
}

/* --- virtual functions ------------------------------------------------------ */

static void say_virtual(struct hi_layout *layout, const char *name,
			const char *what)
{
	char *HI_FREE plain = hi_demangle(name);

	hi_buf_printf(hi_layout_begin(&layout->table), "virtual function %s %s",
		      plain ? plain : name, what);
}

/* A function in the same slot: its name says the types of its parameters. One that
   is exported speaks for itself. */
static void compare_virtual(struct hi_layout *layout,
			    const struct hi_model_part *old,
			    const struct hi_model_part *new)
{
	struct hi_drift_run *run = layout->run;
	struct hi_buf what = HI_BUF_INIT;
	size_t n;

	(void)hi_model_find_named(run->old, old->name, &n);
	if (hi_drift_walk(run, old->type, new->type, layout->place,
			  HI_ROLE_VIRTUAL) == HI_DIFFERENT &&
	    !n) {
		hi_drift_say_changed(run, old->type, new->type, &what);
		say_virtual(layout, old->name, hi_buf_str(&what));
	}
	hi_buf_done(&what);
}

/* The function LIKE in TYPE: of several of its name, and of those that have none, the
   one in its slot. */
static const struct hi_model_part *find_virtual(
	const struct hi_model *in, const struct hi_model_type *type,
	const struct hi_model_part *like)
{
	for (size_t i = 0; i < type->n_parts; i++)
		if (type->parts[i].kind == HI_PART_VIRTUAL &&
		    type->parts[i].value == like->value &&
		    !strcmp(type->parts[i].name, like->name))
			return &type->parts[i];
	return hi_layout_find_named(in, type, HI_PART_VIRTUAL, like->name);
}

void hi_layout_compare_virtuals(struct hi_layout *layout)
{
	const struct hi_model_type *old = layout->old, *new = layout->new;
	char what[80];

	for (size_t i = 0; i < old->n_parts; i++) {
		const struct hi_model_part *part = &old->parts[i], *twin;

		if (part->kind != HI_PART_VIRTUAL)
			continue;
		twin = find_virtual(layout->run->new, new, part);
		if (twin && twin->value == part->value) {
			compare_virtual(layout, part, twin);
			continue;
		}
		if (twin)
			snprintf(what, sizeof(what),
				 "moved from slot %lld to %lld",
				 (long long)part->value,
				 (long long)twin->value);
		else
			snprintf(what, sizeof(what), "is gone from slot %lld",
				 (long long)part->value);
		say_virtual(layout, part->name, what);
	}
	for (size_t i = 0; i < new->n_parts; i++) {
		const struct hi_model_part *part = &new->parts[i];

		if (part->kind != HI_PART_VIRTUAL ||
		    find_virtual(layout->run->old, old, part))
			continue;
		snprintf(what, sizeof(what), "is new in slot %lld",
			 (long long)part->value);
		say_virtual(layout, part->name, what);
	}
}

/* --- enumerators --------------------------------------------------------------- */

static void compare_enumerators(struct hi_layout *layout)
{
	const struct hi_model_type *old = layout->old, *new = layout->new;
	const struct hi_model *in = layout->run->new;

	for (size_t i = 0; i < old->n_parts; i++) {
		const struct hi_model_part *part = &old->parts[i];
		const struct hi_model_part *twin =
			hi_layout_find_named(in, new, part->kind, part->name);

		if (!twin)
			hi_buf_printf(hi_layout_begin(&layout->breaks),
				      "%s is gone", part->name);
		else if (twin->value != part->value)
			hi_buf_printf(hi_layout_begin(&layout->breaks),
				      "%s changed from %lld to %lld",
				      part->name, (long long)part->value,
				      (long long)twin->value);
	}
	for (size_t i = 0; i < new->n_parts; i++)
		if (!hi_layout_find_named(layout->run->old, old,
					  HI_PART_ENUMERATOR,
					  new->parts[i].name))
			hi_buf_printf(hi_layout_begin(&layout->harmless),
				      "%s = %lld is new", new->parts[i].name,
				      (long long)new->parts[i].value);
}

void hi_layout_compare_enums(struct hi_layout *layout, const char *root)
{
	const struct hi_model_type *old = layout->old, *new = layout->new;

	if (old->size != new->size)
		hi_buf_printf(hi_layout_begin(&layout->breaks),
			      "changed from %llu to %llu bytes",
			      (unsigned long long)old->size,
			      (unsigned long long)new->size);
	if (!hi_drift_has_same_parts(old, new))
		compare_enumerators(layout);
	layout->run->pairs[layout->place].is_resized = old->size != new->size;
	if (layout->breaks.len)
		hi_drift_add(layout->run, "enum", root, HI_INCOMPATIBLE,
			     &layout->breaks,
			     "the host was compiled with the old values",
			     layout->place);
	if (layout->harmless.len)
		hi_drift_add(layout->run, "enum-compatible", root,
			     HI_COMPATIBLE, &layout->harmless, "",
			     layout->place);
}
