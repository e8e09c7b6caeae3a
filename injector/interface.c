#include "injector/interface.h"

#include <pthread.h>

#include "elfscan/model_new.h"
#include "elfscan/unchanged.h"
#include "injector/worker.h"

/* --- models ---------------------------------------------------------------- */

/* Variables that builds share are one: worker.h. */
static uint64_t get_key(void *context, const struct hi_symbol *symbol)
{
	const struct hi_build *build = context;
	const struct hi_variable *variable =
		build->variables[hi_build_variable_index(build, symbol)];

	return variable && !variable->identity ? (uintptr_t)variable : 0;
}

struct reading {
	struct hi_build *build;
	struct hi_err err;
	int code;
};

static void *read_model(void *context)
{
	struct reading *reading = context;
	struct hi_build *build = reading->build;
	struct hi_model_kept kept = { get_key, build };

	reading->code = build->model ?
				0 :
				hi_model_new_from(build->image, build->symtab,
						  &kept, &build->model,
						  &reading->err);
	return NULL;
}

static int read_models(struct hi_build *old, struct hi_build *new,
		       struct hi_err *err)
{
	struct reading first = { .build = old }, second = { .build = new };
	pthread_t thread;
	bool has_thread = !old->model &&
			  pthread_create(&thread, NULL, read_model, &first) ==
				  0;

	if (!has_thread)
		(void)read_model(&first);
	(void)read_model(&second);
	if (has_thread)
		pthread_join(thread, NULL);
	*err = first.code < 0 ? first.err : second.err;
	return first.code < 0 ? first.code : second.code;
}

static bool is_unchanged(struct hi_build *old, struct hi_build *new)
{
	struct hi_model_kept kept[] = { { get_key, old }, { get_key, new } };
	struct hi_unchanged_side sides[] = {
		{ old->image, old->symtab, old->units, &kept[0] },
		{ new->image, new->symtab, new->units, &kept[1] },
	};

	return hi_is_unchanged(&sides[0], &sides[1]);
}

int hi_interface_compare(struct hi_build *old, struct hi_build *new,
			 const struct hi_drift_options *options,
			 struct hi_drift *ret_drift, struct hi_err *err)
{
	int code;

	*ret_drift = (struct hi_drift){ 0 };
	if (is_unchanged(old, new))
		return 0;
	code = read_models(old, new, err);
	if (code < 0)
		return code;
	return hi_drift_find(old->model, new->model, options, ret_drift, err);
}
