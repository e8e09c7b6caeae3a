#include "injector/retire.h"

#include <sys/statvfs.h>

#include "injector/thin.h"

void hi_retire_note(struct hi_worker *worker, const struct hi_freeze *freeze)
{
	for (size_t i = 0; i < worker->n_active; i++)
		worker->active[i]->inside =
			hi_freeze_is_inside(freeze, worker->active[i]);
}

/* Something of the builds that lives on. */
static void mark_needed(const struct hi_worker *worker, bool keep_state)
{
	for (size_t i = 0; i < worker->n_active; i++)
		worker->active[i]->needed = worker->active[i]->typed = false;
	for (size_t i = 0; i < worker->n_functions; i++) {
		const struct hi_function *function = worker->functions[i];

		function->home->needed = true;
		if (function->current)
			function->current->needed = true;
	}
	for (size_t i = 0; i < worker->n_variables; i++) {
		const struct hi_variable *variable = worker->variables[i];

		variable->home->needed = true;
		variable->seen->needed = true;
		/* it may come back */
		if (keep_state && !variable->identity)
			variable->seen->typed = true;
	}
}

/* --- the copies ----------------------------------------------------------------- */

static uint64_t count_disk(const struct hi_worker *worker)
{
	uint64_t len = 0;

	for (size_t i = 0; i < worker->n_builds; i++) {
		struct hi_build *build = worker->builds[i];

		if (!build->disk_len)
			build->disk_len = hi_thin_measure(build);
		len += build->disk_len;
	}
	return len;
}

static uint64_t get_room(const struct hi_worker *worker)
{
	struct statvfs mount;

	/* ramfs and the like do not say */
	if (statvfs(worker->current->path, &mount) < 0 || mount.f_blocks == 0)
		return UINT64_MAX;
	return (uint64_t)mount.f_bavail * mount.f_frsize;
}

/* Of what others leave to the builds. */
static uint64_t get_limit(const struct hi_worker *worker)
{
	uint64_t room = get_room(worker), held = count_disk(worker);
	uint64_t share = room / HI_RETIRE_SHARE + held / HI_RETIRE_SHARE;

	return share < HI_RETIRE_DISK_LEN ? share : HI_RETIRE_DISK_LEN;
}

/* Whether nothing is read there that could be taken out. */
static bool let_go(const struct hi_worker *worker, const struct hi_build *build)
{
	struct hi_units *units = worker->current->units;

	return !units || !hi_units_need(units, build->image) ||
	       hi_units_move(units, build->image);
}

static void thin(struct hi_worker *worker, struct hi_build *build)
{
	enum hi_copy to = build->typed ? HI_COPY_TYPES : HI_COPY_CODE;

	if (build->copy < to && !build->shared &&
	    (to < HI_COPY_CODE || let_go(worker, build))) {
		hi_thin(build, to);
		worker->n_thinned += to == HI_COPY_CODE;
	}
	if (build->retired && let_go(worker, build))
		hi_image_close(build->image);
}

/* What all hold in the end: at most LIMIT, as far as that can be. */
static uint64_t fit(struct hi_worker *worker, uint64_t limit, bool busy)
{
	uint64_t held = count_disk(worker);

	/* the oldest first; to the last two somebody may go back soon */
	for (size_t i = 1; i + 2 < worker->n_builds; i++) {
		struct hi_build *build = worker->builds[i];
		bool old = i + HI_RETIRE_WHOLE < worker->n_builds;

		if ((!old && held <= limit) || (busy && build->inside))
			continue;
		held -= build->disk_len;
		thin(worker, build);
		held += build->disk_len;
	}
	return held;
}

void hi_retire_make_room(struct hi_worker *worker, uint64_t len)
{
	if (!worker->current || get_room(worker) >= len)
		return;
	mark_needed(worker, true);
	(void)fit(worker, 0, true);
}

static bool is_thin(void *context, uint64_t start_remote)
{
	const struct hi_build *build =
		hi_worker_find_build(context, start_remote);

	return build && build->copy == HI_COPY_CODE;
}

void hi_retire_close(struct hi_worker *worker, struct hi_unwinder *unwinder)
{
	if (worker->n_thinned < HI_RETIRE_CLOSE)
		return;
	worker->n_thinned = 0;
	hi_unwinder_close_old(unwinder, is_thin, worker);
}

/* --- the builds ----------------------------------------------------------------- */

bool hi_retire(struct hi_worker *worker, struct hi_build *previous,
	       bool keep_state, bool busy, struct hi_retire_disk *ret_disk)
{
	/* build #1 is what every build is compared with */
	if (!hi_build_is_first(previous))
		hi_image_rest(previous->image);
	mark_needed(worker, keep_state);
	/* the newest are all active */
	for (size_t i = 1; i + HI_RETIRE_AFTER < worker->n_active;) {
		struct hi_build *build = worker->active[i];

		if (build->needed || (busy && build->inside)) {
			i++;
			continue;
		}
		hi_worker_retire(worker, build);
		hi_build_drop_facts(build);
		hi_image_rest(build->image);
	}
	ret_disk->limit = get_limit(worker);
	ret_disk->held = fit(worker, ret_disk->limit, busy);
	return ret_disk->held <= ret_disk->limit;
}
