/*
 * The types of two exports of one name.
 */
#include <stdlib.h>
#include <string.h>

#include "elfscan/drift_parts.h"

/* --- functions ------------------------------------------------------------ */

static bool is_constructor(const char *name)
{
	/* _ZN3FooC1Ev: Itanium C++ ABI 5.1.4.3 */
	return strncmp(name, "_ZN", 3) == 0 &&
	       (strstr(name, "C1E") || strstr(name, "C2E"));
}

static void compare_parameter(struct hi_drift_run *run,
			      const struct hi_model_export *export,
			      const struct hi_model_part *old,
			      const struct hi_model_part *new, size_t number,
			      uint32_t place)
{
	enum hi_role role = number == 1 && is_constructor(export->name) ?
				    HI_ROLE_THIS :
				    HI_ROLE_PARAMETER;
	enum hi_sameness found =
		hi_drift_walk(run, old->type, new->type, place, role);
	struct hi_buf text = HI_BUF_INIT;

	if (found == HI_NOT_KNOWN)
		run->pairs[place].is_unknown = true;
	if (found == HI_DIFFERENT || found == HI_RENAMED) {
		hi_buf_printf(&text, "parameter %zu ", number);
		hi_drift_say_changed(run, old->type, new->type, &text);
		hi_drift_add_export(
			run,
			found == HI_DIFFERENT ? "parameter-type" :
						"parameter-spelling",
			export,
			found == HI_DIFFERENT ? HI_INCOMPATIBLE : HI_COMPATIBLE,
			&text,
			found == HI_DIFFERENT ?
				"the function reads what the host did not pass" :
				"",
			place);
		text = (struct hi_buf)HI_BUF_INIT;
	}
	if (*old->name && *new->name && strcmp(old->name, new->name) != 0) {
		hi_buf_printf(&text,
			      "parameter %zu was called '%s' and is "
			      "called '%s'",
			      number, old->name, new->name);
		hi_drift_add_export(run, "parameter-name", export,
				    HI_COMPATIBLE, &text, "", place);
	}
}

/* Whether the symbol tells what the function takes (Itanium C++ ABI 5.1.5); that of an
   old name of Rust tells no more than a hash. */
static bool has_parameters(const char *name)
{
	const char *hash = strstr(name, "17h");

	return !strncmp(name, "_Z", 2) &&
	       !(hash && strspn(hash + 3, "0123456789abcdef") == 16);
}

static size_t count_own(const struct hi_model_type *type)
{
	bool is_method = type->n_parts && !strcmp(type->parts[0].name, "this");

	return type->n_parts - is_method;
}

/* clang does not describe all that a function takes without looking at it: then one of
   the two descriptions is not whole, as they are of one symbol. */
static bool is_in_part(const struct hi_model_export *export,
		       const struct hi_model_type *old,
		       const struct hi_model_type *new)
{
	return has_parameters(export->name) && count_own(old) != count_own(new);
}

static void compare_count(struct hi_drift_run *run,
			  const struct hi_model_export *export,
			  const struct hi_model_type *old,
			  const struct hi_model_type *new, uint32_t place)
{
	/* what the host passes is looked at, if not by a name */
	bool lists = new->is_variadic && !old->is_variadic &&
		     old->n_parts > new->n_parts;
	struct hi_buf text = HI_BUF_INIT;

	if (old->n_parts != new->n_parts && !lists) {
		hi_buf_printf(&text, "took %zu parameter%s and takes %zu",
			      old->n_parts, old->n_parts == 1 ? "" : "s",
			      new->n_parts);
		hi_drift_add_export(
			run, "parameter-count", export, HI_INCOMPATIBLE, &text,
			old->n_parts < new->n_parts ?
				"the function reads a parameter that the host did "
				"not pass" :
				"what the host passes is no longer looked at",
			place);
	} else if (old->is_variadic != new->is_variadic) {
		hi_buf_printf(&text, "%s more parameters than it names",
			      new->is_variadic ? "now takes" :
						 "no longer takes");
		hi_drift_add_export(
			run, "parameter-variadic", export, HI_INCOMPATIBLE,
			&text,
			new->is_variadic ?
				"the host does not say in %al how many vector "
				"registers it uses" :
				"what the host passes is no longer looked at",
			place);
	}
}

static void compare_result(struct hi_drift_run *run,
			   const struct hi_model_export *export,
			   const struct hi_model_type *old,
			   const struct hi_model_type *new, uint32_t place)
{
	enum hi_sameness found = hi_drift_walk(run, old->target, new->target,
					       place, HI_ROLE_RESULT);
	struct hi_buf text = HI_BUF_INIT;
	bool breaks = found == HI_DIFFERENT;

	if (found == HI_NOT_KNOWN)
		run->pairs[place].is_unknown = true;
	if (found != HI_DIFFERENT && found != HI_RENAMED)
		return;
	/* who expected nothing does not look */
	if (hi_model_get_type(run->old, hi_model_peel(run->old, old->target))
			    ->kind == HI_MODEL_VOID &&
	    !hi_model_is_aggregate(hi_model_get_type(
		    run->new, hi_model_peel(run->new, new->target))))
		breaks = false;
	hi_buf_text(&text, "the result ");
	hi_drift_say_changed(run, old->target, new->target, &text);
	hi_drift_add_export(
		run, found == HI_RENAMED ? "return-spelling" : "return-type",
		export, breaks ? HI_INCOMPATIBLE : HI_COMPATIBLE, &text,
		breaks ? "the host reads a result that the function did not "
			 "return" :
			 "",
		place);
}

void hi_drift_compare_functions(struct hi_drift_run *run,
				const struct hi_model_export *old,
				const struct hi_model_export *new,
				uint32_t place)
{
	const struct hi_model_type *a = hi_model_get_type(run->old, old->type);
	const struct hi_model_type *b = hi_model_get_type(run->new, new->type);
	bool both = a->kind == HI_MODEL_FUNCTION &&
		    b->kind == HI_MODEL_FUNCTION;

	run->drift->n_functions++;
	if (!both) {
		run->pairs[place].is_unknown = !hi_model_is_made(old->name);
		return;
	}
	if (is_in_part(old, a, b))
		run->pairs[place].is_unknown = true;
	else
		compare_count(run, old, a, b, place);
	/* of another number of parameters, which is which cannot be said */
	for (size_t i = 0; i < a->n_parts && a->n_parts == b->n_parts; i++)
		compare_parameter(run, old, &a->parts[i], &b->parts[i], i + 1,
				  place);
	compare_result(run, old, a, b, place);
}

/* --- variables ------------------------------------------------------------- */

static void say_resized(const struct hi_model_export *old,
			const struct hi_model_export *new, struct hi_buf *text,
			struct hi_buf *effect)
{
	unsigned long long before = old->size, after = new->size;

	hi_buf_printf(text, "%s from %llu to %llu bytes",
		      before < after ? "grew" : "shrank", before, after);
	hi_buf_printf(
		effect,
		before < after ?
			"a host that has a copy of it (a copy relocation) "
			"made room for %llu bytes, the library writes "
			"%llu" :
			"a host reads %llu bytes where there are %llu",
		before, after);
}

static void compare_writable(struct hi_drift_run *run,
			     const struct hi_model_export *old,
			     const struct hi_model_export *new, uint32_t place)
{
	struct hi_buf text = HI_BUF_INIT;

	if (old->is_writable == new->is_writable || hi_model_is_made(old->name))
		return;
	hi_buf_printf(&text, "became %s",
		      new->is_writable ? "writable" : "read-only");
	hi_drift_add_export(
		run, "object-constness", old, HI_INCOMPATIBLE, &text,
		new->is_writable ?
			"a host may hold its copy in memory that is read-only, "
			"where the library cannot write to it" :
			"a host that writes to it crashes",
		place);
}

void hi_drift_compare_kept(struct hi_drift_run *run,
			   const struct hi_model_export *old,
			   const struct hi_model_export *new, uint32_t place)
{
	struct hi_buf text = HI_BUF_INIT;

	if (hi_drift_walk(run, old->type, new->type, place, HI_ROLE_MEMBER) !=
	    HI_DIFFERENT)
		return;
	hi_drift_say_changed(run, old->type, new->type, &text);
	hi_drift_add_export(run, "variable-type", old, HI_INCOMPATIBLE, &text,
			    "what it holds would be taken for something else",
			    place);
}

void hi_drift_compare_variables(struct hi_drift_run *run,
				const struct hi_model_export *old,
				const struct hi_model_export *new,
				uint32_t place)
{
	enum hi_sameness found = hi_drift_walk(run, old->type, new->type, place,
					       HI_ROLE_VARIABLE);
	struct hi_buf text = HI_BUF_INIT, effect = HI_BUF_INIT;
	bool resized = old->size != new->size;

	run->drift->n_variables++;
	compare_writable(run, old, new, place);
	if (found == HI_NOT_KNOWN)
		run->pairs[place].is_unknown = !hi_model_is_made(old->name);
	if (found == HI_DIFFERENT || found == HI_RENAMED)
		hi_drift_say_changed(run, old->type, new->type, &text);
	if (resized) {
		if (text.len)
			hi_buf_text(&text, " and ");
		say_resized(old, new, &text, &effect);
	}
	if (found == HI_DIFFERENT)
		hi_drift_add_export(
			run, "variable-type", old, HI_INCOMPATIBLE, &text,
			resized ?
				hi_buf_str(&effect) :
				"the host and the library see different things "
				"in the same bytes",
			place);
	else if (resized)
		hi_drift_add_export(run, "object-size", old, HI_INCOMPATIBLE,
				    &text, hi_buf_str(&effect), place);
	else if (found == HI_RENAMED && old->is_writable == new->is_writable)
		hi_drift_add_export(run, "variable-spelling", old,
				    HI_COMPATIBLE, &text, "", place);
	hi_buf_done(&text);
	hi_buf_done(&effect);
}
