#include "injector/publish.h"

#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "injector/apply.h"
#include "injector/reliance.h"
#include "injector/remote.h"

#define JUMP      0xe9
#define STEPS_MAX 8

int hi_publish_add(struct hi_publish *publish, struct hi_function *function,
		   struct hi_build *build, size_t index)
{
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(build->symtab, &n);
	struct hi_patch *patch;

	if ((publish->n_patches & (publish->n_patches - 1)) == 0) {
		struct hi_patch *grown = reallocarray(
			publish->patches,
			publish->n_patches ? publish->n_patches * 2 : 1,
			sizeof(*grown));

		if (!grown)
			return -1;
		publish->patches = grown;
	}
	patch = &publish->patches[publish->n_patches++];
	memset(patch, 0, sizeof(*patch));
	patch->function = function;
	patch->build = build;
	patch->index = index;
	patch->entry_remote = build->base_remote + symbols[index].addr_link;
	patch->jump_at = build->prologues[index].jump_at;
	return 0;
}

/* The homes that the new build replaces for the first time. */
static int collect_homes(struct hi_publish *publish, struct hi_worker *worker,
			 const struct hi_build *next)
{
	for (size_t i = 0; i < worker->n_functions; i++) {
		struct hi_function *function = worker->functions[i];

		if (!function->next_symbol || function->home == next ||
		    function->patched || !function->patchable)
			continue;
		if (hi_publish_add(publish, function, function->home,
				   hi_build_function_index(function->home,
							   function->symbol)) <
		    0)
			return -1;
	}
	return 0;
}

static bool needs_all(const struct hi_build *build,
		      const struct hi_freeze *inside)
{
	return !build->patched &&
	       ((build->has_constructors && !hi_build_is_first(build)) ||
		(inside && hi_freeze_is_inside(inside, build)));
}

/* Several functions may have one entry; they stand together. */
static size_t find_first(const struct hi_symbol *symbols, size_t index)
{
	while (index > 0 &&
	       symbols[index - 1].addr_link == symbols[index].addr_link)
		index--;
	return index;
}

/* Those of BUILD's entries that have a patch point, by the index of the first
   function there. */
static bool *mark_taken(const struct hi_publish *publish,
			const struct hi_build *build,
			const struct hi_symbol *symbols, size_t n)
{
	bool *taken = calloc(n + 1, sizeof(*taken));

	for (size_t i = 0; taken && i < publish->n_patches; i++)
		if (publish->patches[i].build == build)
			taken[find_first(symbols, publish->patches[i].index)] =
				true;
	return taken;
}

/* Every entry of BUILD, also those whose home is elsewhere. */
static int collect_build(struct hi_publish *publish, struct hi_build *build)
{
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(build->symtab, &n);
	bool *HI_FREE taken = mark_taken(publish, build, symbols, n);

	if (!taken)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct hi_function *function = build->functions[i];
		size_t first = find_first(symbols, i);

		if (!function || !function->next_symbol ||
		    !build->prologues[i].patchable ||
		    (build->entries && build->entries[i].redirected) ||
		    taken[first])
			continue;
		taken[first] = true;
		if (hi_publish_add(publish, function, build, i) < 0)
			return -1;
	}
	return 0;
}

/*
 * A relinked operand may lie in the bytes; then they differ from the file. In build #1
 * only those are that name a function (bind.h).
 */
static bool is_relinked(const struct hi_build *build, uint64_t start_link,
			size_t len)
{
	for (size_t i = 0; i < build->sites.n_sites; i++) {
		const struct hi_site *site = &build->sites.sites[i];
		uint64_t place = site->place_link;

		if (hi_build_is_first(build) && site->kind != HI_SITE_FUNCTION)
			continue;
		if (place + 4 > start_link && place < start_link + len)
			return true;
	}
	return false;
}

/* What stands there must be what the file says: no breakpoint, no other hook. */
static void check_bytes(const struct hi_host *host, struct hi_publish *publish)
{
	for (size_t i = 0; i < publish->n_patches; i++) {
		struct hi_patch *patch = &publish->patches[i];
		size_t len = patch->jump_at + HI_JUMP_LEN;
		uint64_t link = patch->entry_remote - patch->build->base_remote;
		const uint8_t *file =
			hi_image_find_bytes(patch->build->image, link, len);

		if (hi_remote_read(host, patch->entry_remote, patch->before,
				   len, NULL) < 0 ||
		    !file ||
		    (memcmp(file, patch->before, len) != 0 &&
		     !is_relinked(patch->build, link, len))) {
			patch->skipped = true;
			publish->n_skipped++;
		}
	}
}

/* Room for what becomes of the entries. */
static int reserve_entries(const struct hi_publish *publish, struct hi_err *err)
{
	for (size_t i = 0; i < publish->n_patches; i++) {
		struct hi_build *build = publish->patches[i].build;
		size_t n;

		hi_symtab_get_functions(build->symtab, &n);
		if (!build->entries && !publish->patches[i].skipped)
			build->entries = calloc(n + 1, sizeof(struct hi_entry));
		if (!build->entries && !publish->patches[i].skipped)
			return hi_fail(err, HI_E_NOMEM,
				       "no memory for patch points");
	}
	return 0;
}

int hi_publish_prepare_home(struct hi_function *function,
			    const struct hi_host *host,
			    struct hi_publish *ret_publish, struct hi_err *err)
{
	struct hi_publish publish = { NULL, 0, HI_PLAN_INIT, 0 };
	int code = 0;

	if (!function->patched && function->patchable &&
	    hi_publish_add(&publish, function, function->home,
			   hi_build_function_index(function->home,
						   function->symbol)) < 0)
		return hi_fail(err, HI_E_NOMEM, "no memory for patch points");
	check_bytes(host, &publish);
	code = reserve_entries(&publish, err);
	if (code < 0)
		hi_publish_done(&publish);
	else
		*ret_publish = publish;
	return code;
}

int hi_publish_prepare(struct hi_worker *worker, const struct hi_host *host,
		       struct hi_build *next, const struct hi_freeze *inside,
		       struct hi_publish *ret_publish, struct hi_err *err)
{
	struct hi_publish publish = { NULL, 0, HI_PLAN_INIT, 0 };
	int failed = collect_homes(&publish, worker, next);

	for (size_t i = 0; i < worker->n_active && failed == 0; i++)
		if (needs_all(worker->active[i], inside))
			failed = collect_build(&publish, worker->active[i]);
	if (failed < 0) {
		hi_publish_done(&publish);
		return hi_fail(err, HI_E_NOMEM, "no memory for patch points");
	}
	check_bytes(host, &publish);
	failed = hi_reliance_judge(&publish, worker, host, next, inside, err);
	if (failed == 0)
		failed = reserve_entries(&publish, err);
	if (failed < 0) {
		hi_publish_done(&publish);
		return failed;
	}
	*ret_publish = publish;
	return 0;
}

/* Step a stopped thread out of bytes that are about to change. */
static bool step_out(struct hi_look *look, uint64_t start, uint64_t end)
{
	for (int i = 0; i < STEPS_MAX; i++) {
		uint64_t pc = look->start.regs.rip;
		struct hi_stop stop;

		if (pc <= start || pc >= end)
			return true;
		hi_tracee_step(look->tid);
		stop = hi_tracee_await(look->tid);
		if (stop.kind == HI_STOP_ENDED ||
		    hi_tracee_get_regs(look->tid, &look->start.regs, NULL) < 0)
			return true;
	}
	return false;
}

static int clear_entry(struct hi_patch *patch, struct hi_freeze *freeze,
		       bool force, struct hi_err *err)
{
	uint64_t start = patch->entry_remote;
	uint64_t end = start + patch->jump_at + HI_JUMP_LEN;
	const struct hi_look *look;

	for (size_t i = 0; i < freeze->n_looks; i++)
		if (freeze->looks[i].held)
			(void)step_out(&freeze->looks[i], start, end);
	look = hi_freeze_find_between(freeze, start, end);
	if (!look)
		return 0;
	patch->skipped = !patch->undo;
	if (force && patch->skipped)
		return 0;
	return hi_fail(err, HI_E_BUSY, "thread %d is at the entry of %s()",
		       look->tid, patch->function->symbol->name);
}

static void make_jump(struct hi_patch *patch)
{
	uint64_t next = patch->entry_remote + patch->jump_at + HI_JUMP_LEN;
	int32_t distance =
		(int32_t)(patch->function->slot.trampoline_remote - next);

	patch->after[0] = JUMP;
	memcpy(patch->after + 1, &distance, sizeof(distance));
}

static void add_patches(struct hi_publish *publish, bool undo)
{
	for (size_t i = 0; i < publish->n_patches; i++) {
		struct hi_patch *patch = &publish->patches[i];

		if (patch->undo != undo || patch->skipped)
			continue;
		if (!undo)
			make_jump(patch);
		hi_plan_add(&publish->plan,
			    patch->entry_remote + patch->jump_at, patch->after,
			    patch->before + patch->jump_at, HI_JUMP_LEN, true);
	}
}

/*
 * The host may be left to itself after each single write: that is the order.
 *
 *     undo   old code that runs relies on its own callee, and must not meet the
 *            new one. Its entry leads to itself again while the slot still leads to
 *            what it led to: both may be called.
 *     slots  they lead to the new build, in which nothing is overwritten: a call
 *            that comes through an older entry ends there.
 *     jumps  until its slot is written, an entry may be what the slot leads to,
 *            and a jump there would lead to itself. Afterwards what an entry leads
 *            to is newer than the entry, so a call comes to an end however many
 *            of them it passes.
 *
 * What is taken back (apply.h) goes through the same in reverse.
 */
static void make_plan(struct hi_publish *publish,
		      const struct hi_worker *worker,
		      const struct hi_build *next)
{
	add_patches(publish, true);
	for (size_t i = 0; i < worker->n_functions; i++) {
		const struct hi_function *function = worker->functions[i];

		if (next && function->next_symbol)
			hi_plan_add_word(
				&publish->plan, function->slot.slot_remote,
				next->base_remote +
					function->next_symbol->addr_link,
				function->held_remote ?
					function->held_remote :
					function->current_remote,
				false);
	}
	add_patches(publish, false);
}

static void mark_patched(const struct hi_publish *publish,
			 struct hi_worker *worker, const struct hi_build *next,
			 const struct hi_freeze *freeze)
{
	for (size_t i = 0; next && i < worker->n_active; i++)
		if (needs_all(worker->active[i], freeze))
			worker->active[i]->patched = true;
	for (size_t i = 0; i < publish->n_patches; i++) {
		const struct hi_patch *patch = &publish->patches[i];
		struct hi_function *function = patch->function;
		struct hi_entry *entry;

		if (patch->skipped || patch->undo)
			patch->build->patched = false;
		if (patch->skipped)
			continue;
		entry = &patch->build->entries[patch->index];
		entry->redirected = !patch->undo;
		memcpy(entry->before, patch->before + patch->jump_at,
		       HI_JUMP_LEN);
		if (patch->entry_remote == function->home_remote)
			function->patched = !patch->undo;
	}
}

int hi_publish_commit(struct hi_publish *publish, struct hi_worker *worker,
		      struct hi_host *host, const struct hi_build *next,
		      struct hi_freeze *freeze, bool force, struct hi_err *err)
{
	int code = 0;

	for (size_t i = 0; i < publish->n_patches && code == 0; i++)
		if (!publish->patches[i].skipped)
			code = clear_entry(&publish->patches[i], freeze, force,
					   err);
	if (code < 0)
		return code;
	make_plan(publish, worker, next);
	code = hi_apply(host, &publish->plan, err);
	if (code == 0)
		mark_patched(publish, worker, next, freeze);
	return code;
}

void hi_publish_done(struct hi_publish *publish)
{
	free(publish->patches);
	hi_plan_done(&publish->plan);
	memset(publish, 0, sizeof(*publish));
}
