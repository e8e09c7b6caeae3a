/*
 * The part of a reload that happens in the host while it runs: its loader maps the
 * build, constructors run, references are joined to what lives.
 */
#include "injector/ifunc.h"
#include "injector/imprint.h"
#include "injector/priority.h"
#include "injector/reload_parts.h"

int hi_candidate_start_load(struct hi_candidate *candidate, bool alone,
			    struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	int code = hi_build_silence(candidate->build, err);

	if (code == 0)
		code = hi_loader_start(reload->loader, reload->worker,
				       candidate->build, alone, err);
	candidate->started = code == 0;
	return code;
}

static int write_plan(const struct hi_candidate *candidate,
		      struct hi_plan *plan, int code, struct hi_err *err)
{
	if (code == 0)
		code = hi_imprint(candidate->reload->host, candidate->build,
				  plan, err);
	hi_plan_done(plan);
	return code;
}

static int construct(struct hi_candidate *candidate, struct hi_err *err)
{
	struct hi_plan plan = HI_PLAN_INIT;
	int code = hi_relink_isolate(&candidate->relink,
				     candidate->reload->host, &plan, err);

	code = write_plan(candidate, &plan, code, err);
	candidate->begun = code == 0;
	if (code == 0)
		code = hi_ifunc_resolve(&candidate->relink,
					candidate->reload->loader, err);
	if (code == 0 && candidate->build->has_constructors)
		code = hi_loader_construct(candidate->reload->loader, err);
	return code;
}

/*
 * The host may have closed the worker, or reloads it in its own way. While it has
 * opened and closed nothing, only the new build has been added.
 */
static int look_around(const struct hi_candidate *candidate, struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	const struct hi_image_header *header =
		hi_image_get_header(candidate->build->image);
	uint64_t base = candidate->build->base_remote;

	if (!reload->loader->load.foreign) {
		hi_unwinder_add(reload->unwinder, candidate->build->path,
				base + header->load_start_link,
				base + header->span_link);
		return 0;
	}
	hi_unwinder_stale(reload->unwinder);
	hi_stacks_stale(reload->stacks);
	return hi_reload_check(reload, err);
}

int hi_candidate_load(struct hi_candidate *candidate, struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	struct hi_plan plan = HI_PLAN_INIT;
	bool raised = hi_priority_raise(HI_PRIORITY_SELF);
	int code = candidate->started ?
			   0 :
			   hi_candidate_start_load(candidate, false, err);

	if (code == 0)
		code = hi_loader_await(reload->loader, reload->worker,
				       candidate->build, err);
	if (raised)
		hi_priority_lower(HI_PRIORITY_SELF);
	if (code < 0)
		return code;
	candidate->mapped = true;
	code = look_around(candidate, err);
	if (code == 0)
		code = hi_loader_reserve(reload->loader, reload->worker, err);
	if (code < 0)
		return code;
	hi_worker_take_slots(reload->worker);
	hi_worker_place(reload->worker, candidate->build);
	code = hi_relink_read(&candidate->relink, reload->host, err);
	if (code == 0 && (candidate->build->has_constructors ||
			  hi_ifunc_is_needed(reload->worker, candidate->build)))
		code = construct(candidate, err);
	if (code == 0)
		code = hi_relink_join(&candidate->relink, reload->host, &plan,
				      err);
	return write_plan(candidate, &plan, code, err);
}
