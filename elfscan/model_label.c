/*
 * Types without a name are called after what uses them: the typedef, the member or
 * the function that leads to them.
 */
#include <stdlib.h>
#include <string.h>

#include "elfscan/model.h"

#define DEPTH_MAX 32

static bool is_nameless(const struct hi_model_type *type)
{
	return (hi_model_is_aggregate(type) || type->kind == HI_MODEL_ENUM) &&
	       !*type->name;
}

/* What NUMBER is made of, below pointers, arrays and qualifiers. */
static uint32_t find_core(const struct hi_model *model, uint32_t number)
{
	for (size_t i = 0; i < model->n_types; i++) {
		const struct hi_model_type *type =
			hi_model_get_type(model, number);

		if (!hi_model_is_wrapper(type->kind))
			return number;
		number = type->target;
	}
	return HI_TYPE_NUMBER_UNKNOWN;
}

struct naming {
	struct hi_model *model;
	const char **names; /* by type: the candidate of this round */
	struct hi_buf text;
	bool changed;
};

/* Call the type below NUMBER so, if it has no name; of several the first in order. */
static void suggest(struct naming *naming, uint32_t number, const char *outer,
		    const char *inner)
{
	uint32_t core = find_core(naming->model, number);

	if (!is_nameless(&naming->model->types[core]))
		return;
	hi_buf_clear(&naming->text);
	hi_buf_printf(&naming->text, "<%s%s%s>", outer, *inner ? "::" : "",
		      inner);
	if (naming->names[core] &&
	    strcmp(naming->names[core], hi_buf_str(&naming->text)) <= 0)
		return;
	naming->names[core] =
		hi_model_copy(naming->model, hi_buf_str(&naming->text));
	naming->changed = true;
}

/* A member without a name is called after the first one inside that has one. */
static const char *get_inner_name(const struct hi_model *model,
				  const struct hi_model_part *part)
{
	const struct hi_model_type *type;

	for (int i = 0; i < DEPTH_MAX && !*part->name; i++) {
		type = hi_model_get_type(model,
					 hi_model_peel(model, part->type));
		if (!type->n_parts)
			break;
		part = &type->parts[0];
	}
	return part->name;
}

/* "<pos>" becomes "pos" where it is a part of another name. */
static void suggest_parts(struct naming *naming,
			  const struct hi_model_type *type, const char *name)
{
	char *outer = strdup(name);
	size_t len = strlen(name);

	if (!outer) {
		naming->model->failed = true;
		return;
	}
	if (len > 2 && outer[0] == '<' && outer[len - 1] == '>') {
		memmove(outer, outer + 1, len - 2);
		outer[len - 2] = '\0';
	}
	for (size_t i = 0; i < type->n_parts; i++)
		suggest(naming, type->parts[i].type, outer,
			get_inner_name(naming->model, &type->parts[i]));
	free(outer);
}

static void take_names(struct naming *naming)
{
	for (size_t i = 0; i < naming->model->n_types; i++)
		if (naming->names[i]) {
			naming->model->types[i].name = naming->names[i];
			naming->names[i] = NULL;
		}
}

static void name_by_typedefs(struct naming *naming)
{
	struct hi_model *model = naming->model;

	for (size_t i = 0; i < model->n_types; i++)
		if (model->types[i].kind == HI_MODEL_TYPEDEF &&
		    is_nameless(&model->types[model->types[i].target]))
			suggest(naming, model->types[i].target,
				model->types[i].name, "");
	take_names(naming);
}

/* From the outside in; each round names what the round before has reached. */
static void name_by_parts(struct naming *naming)
{
	struct hi_model *model = naming->model;

	do {
		naming->changed = false;
		for (size_t i = 0; i < model->n_types; i++) {
			const struct hi_model_type *type = &model->types[i];

			if (hi_model_is_aggregate(type) && *type->name)
				suggest_parts(naming, type, type->name);
		}
		take_names(naming);
	} while (naming->changed && !model->failed);
}

static void name_by_exports(struct naming *naming)
{
	struct hi_model *model = naming->model;

	for (size_t i = 0; i < model->n_exports; i++) {
		const struct hi_model_export *export = &model->exports[i];
		const struct hi_model_type *type =
			hi_model_get_type(model, export->type);

		if (type->kind != HI_MODEL_FUNCTION) {
			suggest(naming, export->type, export->name, "");
			continue;
		}
		suggest(naming, type->target, export->name, "return");
		suggest_parts(naming, type, export->name);
	}
	take_names(naming);
}

void hi_model_label(struct hi_model *model)
{
	struct naming naming = { .model = model, .text = HI_BUF_INIT };

	naming.names = calloc(model->n_types, sizeof(*naming.names));
	if (naming.names) {
		name_by_typedefs(&naming);
		name_by_parts(&naming);
		name_by_exports(&naming);
		name_by_parts(&naming);
	} else {
		model->failed = true;
	}
	hi_buf_done(&naming.text);
	free(naming.names);
}
