/*
 * How functions take and return objects of classes of C++. A class that has a copy
 * constructor, move constructor or destructor that does something, or a part that has,
 * is in memory, wherever its bytes would fit (Itanium C++ ABI 3.1.2.3). It is asked
 * only of classes that a function takes or returns: of others it does not matter.
 */
#include <string.h>

#include "elfscan/model_parts.h"

#define DEPTH_MAX 32
#define LOOKS_MAX 1000 /* damaged types may go in circles */

struct judging {
	const struct hi_model *model;
	int looks, depth;
};

static enum hi_answer judge(struct judging *judging, uint32_t number);

/* libstdc++ has compiled std::string: clang describes it nowhere else. */
static enum hi_answer judge_declared(const struct hi_model_type *type)
{
	static const char string[] = "std::__cxx11::basic_string<";

	return strncmp(type->name, string, strlen(string)) == 0 ?
		       HI_ANSWER_YES :
		       HI_ANSWER_UNKNOWN;
}

static enum hi_answer judge_part(struct judging *judging,
				 const struct hi_model_part *part)
{
	if (part->kind == HI_PART_VIRTUAL || part->is_virtual)
		return HI_ANSWER_YES;
	if (part->kind != HI_PART_MEMBER && part->kind != HI_PART_BASE)
		return HI_ANSWER_NO;
	return strcmp(part->name, "_vptr") ? judge(judging, part->type) :
					     HI_ANSWER_YES;
}

static enum hi_answer judge_class(struct judging *judging,
				  const struct hi_model_type *type)
{
	enum hi_answer answer = type->copying;

	if (type->is_declared)
		return judge_declared(type);
	if (type->is_copying_said)
		return answer;
	if (judging->depth == DEPTH_MAX)
		return HI_ANSWER_UNKNOWN;
	judging->depth++;
	for (size_t i = 0; i < type->n_parts && answer != HI_ANSWER_YES; i++)
		answer = hi_copying_join(answer,
					 judge_part(judging, &type->parts[i]));
	judging->depth--;
	return answer;
}

static enum hi_answer judge(struct judging *judging, uint32_t number)
{
	const struct hi_model_type *type;

	do {
		if (++judging->looks > LOOKS_MAX)
			return HI_ANSWER_UNKNOWN;
		type = hi_model_get_type(judging->model,
					 hi_model_peel(judging->model, number));
		number = type->target;
	} while (type->kind == HI_MODEL_ARRAY);
	return hi_model_is_aggregate(type)    ? judge_class(judging, type) :
	       type->kind == HI_MODEL_UNKNOWN ? HI_ANSWER_UNKNOWN :
						HI_ANSWER_NO;
}

static void mark(struct hi_model *model, uint32_t number)
{
	struct judging judging = { .model = model };
	uint32_t peeled = hi_model_peel(model, number);
	struct hi_model_type *type = &model->types[peeled];

	if (!hi_model_is_aggregate(type) || !type->is_cplus || type->passing)
		return;
	switch (judge(&judging, peeled)) {
	case HI_ANSWER_NO:
		type->passing = HI_BY_VALUE;
		break;
	case HI_ANSWER_YES:
		type->passing = HI_BY_REFERENCE;
		break;
	default:
		break;
	}
}

void hi_model_mark_passing(struct hi_model *model)
{
	for (size_t i = 0; i < model->n_types; i++) {
		const struct hi_model_type *type = &model->types[i];

		if (type->kind != HI_MODEL_FUNCTION || !type->is_used)
			continue;
		mark(model, type->target);
		for (size_t j = 0; j < type->n_parts; j++)
			mark(model, type->parts[j].type);
	}
}
