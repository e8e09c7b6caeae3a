/*
 * What a library exports, and what it says of itself to the loader.
 */
#include <stdlib.h>
#include <string.h>

#include "elfscan/drift_parts.h"

/* "old_call@V1": a version that is not the default one is part of the name. */
static void name_export(const struct hi_model_export *export,
			struct hi_buf *buf)
{
	hi_buf_text(buf, export->name);
	if (*export->version && !export->is_default)
		hi_buf_printf(buf, "@%s", export->version);
}

void hi_drift_add_export(struct hi_drift_run *run, const char *kind,
			 const struct hi_model_export *old,
			 enum hi_severity severity, struct hi_buf *text,
			 const char *effect, uint32_t place)
{
	struct hi_buf root = HI_BUF_INIT;

	name_export(old, &root);
	hi_drift_add(run, kind, hi_buf_str(&root), severity, text, effect,
		     place);
	hi_buf_done(&root);
}

static bool is_used(const struct hi_drift_run *run,
		    const struct hi_model_export *export)
{
	return !run->options->is_used ||
	       run->options->is_used(run->options->context, export);
}

/* --- the library ----------------------------------------------------------- */

static void compare_soname(struct hi_drift_run *run)
{
	struct hi_buf text = HI_BUF_INIT;

	if (!strcmp(run->old->soname, run->new->soname))
		return;
	hi_buf_printf(&text, "SONAME changed from '%s' to '%s'",
		      run->old->soname, run->new->soname);
	hi_drift_add(run, "soname", run->old->name, HI_INCOMPATIBLE, &text,
		     "the loader looks for the old name, so a host that was "
		     "linked with the old build does not start with this one",
		     HI_NO_PLACE);
}

static bool has_needed(const struct hi_model *model, const char *name)
{
	for (size_t i = 0; i < model->n_needed; i++)
		if (!strcmp(model->needed[i], name))
			return true;
	return false;
}

static void compare_needed(struct hi_drift_run *run,
			   const struct hi_model *from,
			   const struct hi_model *in, const char *kind,
			   const char *words)
{
	for (size_t i = 0; i < from->n_needed; i++) {
		struct hi_buf text = HI_BUF_INIT;

		if (has_needed(in, from->needed[i]))
			continue;
		hi_buf_printf(&text, "%s", words);
		hi_drift_add(run, kind, from->needed[i], HI_COMPATIBLE, &text,
			     "", HI_NO_PLACE);
	}
}

/* --- symbols --------------------------------------------------------------- */

/* Where the export of the last finding is declared; it is in one build alone. */
static void place_last(struct hi_drift_run *run, const void *old_source,
		       const void *new_source)
{
	struct hi_drift *drift = run->drift;

	if (run->failed)
		return;
	drift->findings[drift->n_findings - 1].old_source = old_source;
	drift->findings[drift->n_findings - 1].new_source = new_source;
}

static void say_removed(struct hi_drift_run *run,
			const struct hi_model_export *old)
{
	struct hi_buf text = HI_BUF_INIT;

	hi_buf_printf(&text, "is no longer exported");
	if (*old->version)
		hi_buf_printf(&text, " as version %s", old->version);
	hi_drift_add_export(
		run, "symbol-removed", old, HI_INCOMPATIBLE, &text,
		hi_model_is_function(old) ?
			"a host that calls it does not start, or ends at the call" :
			"a host that uses it does not start",
		HI_NO_PLACE);
	place_last(run, old->source, NULL);
}

static void say_added(struct hi_drift_run *run,
		      const struct hi_model_export *new)
{
	struct hi_buf text = HI_BUF_INIT;

	hi_buf_printf(&text, "is new");
	if (*new->version)
		hi_buf_printf(&text, " in version %s", new->version);
	hi_drift_add_export(run, "symbol-added", new, HI_COMPATIBLE, &text, "",
			    HI_NO_PLACE);
	place_last(run, NULL, new->source);
}

static const char *get_kind_name(const struct hi_model_export *export)
{
	switch (export->kind) {
	case HI_SYM_FUNC:
		return "function";
	case HI_SYM_IFUNC:
		return "indirect function";
	case HI_SYM_TLS:
		return "thread-local variable";
	default:
		return "variable";
	}
}

/* False when the rest of the two cannot be compared. */
static bool compare_kinds(struct hi_drift_run *run,
			  const struct hi_model_export *old,
			  const struct hi_model_export *new, uint32_t place)
{
	bool both = hi_model_is_function(old) && hi_model_is_function(new);
	struct hi_buf text = HI_BUF_INIT;

	if (old->kind == new->kind)
		return true;
	hi_buf_printf(&text, "was a %s and is a %s", get_kind_name(old),
		      get_kind_name(new));
	hi_drift_add_export(
		run, "symbol-kind", old, both ? HI_COMPATIBLE : HI_INCOMPATIBLE,
		&text,
		both ? "" :
		       "the host uses its address for what it no longer is",
		place);
	return both;
}

/* Of what C++ may compile in several units, LTO makes some global, and compilers make
   some unique. */
static bool is_vague(const struct hi_model_export *export)
{
	return export->is_unique || !strncmp(export->name, "_Z", 2);
}

static void compare_linkage(struct hi_drift_run *run,
			    const struct hi_model_export *old,
			    const struct hi_model_export *new, uint32_t place)
{
	struct hi_buf text = HI_BUF_INIT;

	/* compilers have their ways with what they make themselves */
	if (hi_model_is_made(old->name))
		return;
	if (old->is_weak != new->is_weak && !is_vague(old) && !is_vague(new)) {
		hi_buf_printf(&text, "became %s",
			      new->is_weak ? "weak" : "global");
		hi_drift_add_export(run, "symbol-binding", old, HI_COMPATIBLE,
				    &text, "", place);
		text = (struct hi_buf)HI_BUF_INIT;
	}
	if (old->is_protected != new->is_protected) {
		hi_buf_printf(&text, "became %s",
			      new->is_protected ?
				      "protected: the library's own calls no "
				      "longer reach a host's function of this "
				      "name" :
				      "open to interposition");
		hi_drift_add_export(run, "symbol-visibility", old,
				    HI_COMPATIBLE, &text, "", place);
		text = (struct hi_buf)HI_BUF_INIT;
	}
	if (!*old->version != !*new->version) {
		hi_drift_compare_versions(run, old, new, place);
	} else if (old->is_default != new->is_default) {
		hi_buf_printf(&text, "is %s the default version %s",
			      new->is_default ? "now" : "no longer",
			      new->version);
		hi_drift_add(run, "symbol-version", old->name, HI_COMPATIBLE,
			     &text, "", place);
	}
}

/* --- all of them ----------------------------------------------------------- */

static void compare_one(struct hi_drift_run *run,
			const struct hi_model_export *old,
			const struct hi_model_export *new)
{
	uint32_t place =
		hi_drift_add_pair(run, (uint32_t)(old - run->old->exports),
				  (uint32_t)(new - run->new->exports), true);

	if (run->failed)
		return;
	if (old->key) {
		hi_drift_compare_kept(run, old, new, place);
		return;
	}
	if (!compare_kinds(run, old, new, place))
		return;
	compare_linkage(run, old, new, place);
	if (hi_model_is_function(old))
		hi_drift_compare_functions(run, old, new, place);
	else
		hi_drift_compare_variables(run, old, new, place);
}

/* Inline functions and templates of C++: hosts bring their own. */
static bool is_inline(const struct hi_model_export *export)
{
	return (export->is_weak || export->is_unique) &&
	       strncmp(export->name, "_Z", 2) == 0;
}

/* Not every compiler makes or exports them, as no host refers to them. Construction
   vtables (_ZTC) are for the constructors that the same unit holds. The thunk for a
   result of its own type (_ZTc) comes and goes with the function, or with a base. */
static bool is_idle(const struct hi_model_export *export)
{
	return export->is_abstract || is_inline(export) ||
	       !strncmp(export->name, "_ZTC", 4) ||
	       !strncmp(export->name, "_ZTc", 4) ||
	       hi_model_is_dispatcher(export->name);
}

/* Of what is gone. */
static bool is_missed(const struct hi_drift_run *run,
		      const struct hi_model_export *old)
{
	return !old->key && (run->options->is_used || !is_idle(old));
}

/* Whether an export of the old build became this one. */
static bool has_twin(const struct hi_drift_run *run,
		     const struct hi_model_export *new)
{
	size_t n;
	const struct hi_model_export *old =
		hi_model_find_named(run->old, new->name, &n);

	for (size_t i = 0; i < n; i++)
		if (hi_drift_find_twin(run->new, &old[i]) == new)
			return true;
	return false;
}

void hi_drift_compare_exports(struct hi_drift_run *run)
{
	const struct hi_model *old = run->old, *new = run->new;

	compare_soname(run);
	compare_needed(run, old, new, "needed-removed", "is no longer needed");
	compare_needed(run, new, old, "needed-added", "is needed as well");
	for (size_t i = 0; i < old->n_exports && !run->failed; i++) {
		const struct hi_model_export *twin =
			hi_drift_find_twin(new, &old->exports[i]);

		if (!old->exports[i].key && !is_used(run, &old->exports[i]))
			continue;
		if (twin)
			compare_one(run, &old->exports[i], twin);
		else if (is_missed(run, &old->exports[i]))
			say_removed(run, &old->exports[i]);
	}
	for (size_t i = 0; i < new->n_exports && !run->failed; i++)
		if (!new->exports[i].key && !is_idle(&new->exports[i]) &&
		    !has_twin(run, &new->exports[i]))
			say_added(run, &new->exports[i]);
}
