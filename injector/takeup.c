#include "injector/takeup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/phrase.h"
#include "injector/private_folder.h"
#include "injector/reach.h"
#include "injector/remote.h"

#define JUMP 0xe9

struct check {
	struct hi_worker *worker;
	const struct hi_host *host;
	const struct hi_maps *maps;
	struct hi_plan *plan;
	struct hi_plan *slots; /* the part of it that is written last */
};

/* --- builds ------------------------------------------------------------------ */

static const struct hi_map *find_map(const struct check *check,
				     const struct hi_build *build)
{
	const struct hi_image_header *header =
		hi_image_get_header(build->image);
	const struct hi_map *map = hi_maps_find(
		check->maps, build->base_remote + header->load_start_link);

	return map && strcmp(map->path, hi_reach_inside(build->path)) == 0 ?
		       map :
		       NULL;
}

static int check_build(const struct check *check, const struct hi_build *build,
		       struct hi_err *err)
{
	const struct hi_map *map = find_map(check, build);
	struct stat st;

	if (map && !map->deleted && stat(build->path, &st) == 0 &&
	    st.st_ino == map->inode)
		return 0;
	return hi_fail(err, HI_E_HOST, "build #%u is not mapped where it was",
		       build->number);
}

static int check_builds(const struct check *check, struct hi_err *err)
{
	const struct hi_worker *worker = check->worker;
	int code = 0;

	/* later ones stay mapped for good */
	if (!find_map(check, worker->builds[0]))
		return hi_fail(err, HI_E_CLOSED, "the host has closed %s",
			       worker->name);
	for (size_t i = 0; i < worker->n_builds && code == 0; i++)
		if (!worker->builds[i]->retired)
			code = check_build(check, worker->builds[i], err);
	return code;
}

/* --- slots ------------------------------------------------------------------- */

/* In a build that was published, but not recorded any more. */
static bool is_unrecorded(const struct check *check, uint64_t address)
{
	const struct hi_map *map = hi_maps_find(check->maps, address);

	return map && (map->prot & PROT_EXEC) &&
	       (hi_private_folder_has(map->path) ||
		hi_worker_find_build(check->worker, address));
}

/* The one that was killed held it (hold.h). */
static bool is_held(const struct check *check, uint64_t address)
{
	const struct hi_map *map = hi_maps_find(check->maps, address);

	return map && (map->prot & PROT_EXEC) &&
	       strcmp(hi_phrase_base_name(map->path), HI_SHIM_FILE) == 0;
}

static int check_slot(const struct check *check, struct hi_function *function,
		      struct hi_err *err)
{
	uint64_t value;

	if (!function->slot.trampoline_remote)
		return 0;
	if (hi_remote_read(check->host, function->slot.slot_remote, &value,
			   sizeof(value), NULL) < 0)
		return hi_fail(err, HI_E_HOST, "its table is not mapped");
	if (value == function->current_remote)
		return 0;
	if (is_held(check, value)) {
		function->held_remote = value;
		return 0;
	}
	if (!is_unrecorded(check, value))
		return hi_fail(err, HI_E_HOST,
			       "its table leads %s() to a place that is not "
			       "known",
			       function->symbol->name);
	hi_plan_add_word(check->slots, function->slot.slot_remote,
			 function->current_remote, value, false);
	return 0;
}

/* --- patch points ------------------------------------------------------------ */

/* What bind has written into the text of build #1. */
static void add_bound_sites(const struct check *check,
			    const struct hi_build *build, uint64_t at_link,
			    uint8_t *bytes)
{
	for (size_t i = 0; i < build->sites.n_sites; i++) {
		const struct hi_site *site = &build->sites.sites[i];
		const struct hi_function *function;
		int32_t field;

		if (site->kind != HI_SITE_FUNCTION ||
		    site->place_link + 4 <= at_link ||
		    site->place_link >= at_link + HI_JUMP_LEN)
			continue;
		function = hi_worker_find_home(
			check->worker, build->base_remote + site->target_link);
		if (!function || function->patchable)
			continue;
		field = (int32_t)(function->slot.trampoline_remote -
				  build->base_remote - site->next_link);
		for (uint64_t b = 0; b < 4; b++)
			if (site->place_link + b - at_link < HI_JUMP_LEN)
				bytes[site->place_link + b - at_link] =
					(uint8_t)((uint32_t)field >> (8 * b));
	}
}

/* What stood there: later builds were relinked in their copies. */
static bool get_original(const struct check *check,
			 const struct hi_build *build, int fd, uint64_t at_link,
			 uint8_t bytes[HI_JUMP_LEN])
{
	size_t len;
	const uint8_t *file = hi_image_get_file(build->image, &len);
	const uint8_t *at =
		hi_image_find_bytes(build->image, at_link, HI_JUMP_LEN);

	if (!at)
		return false;
	memcpy(bytes, at, HI_JUMP_LEN);
	if (hi_build_is_first(build))
		add_bound_sites(check, build, at_link, bytes);
	else
		return pread(fd, bytes, HI_JUMP_LEN, at - file) == HI_JUMP_LEN;
	return true;
}

static void make_jump(const struct hi_function *function, uint64_t at_remote,
		      uint8_t jump[HI_JUMP_LEN])
{
	int32_t distance = (int32_t)(function->slot.trampoline_remote -
				     (at_remote + HI_JUMP_LEN));

	jump[0] = JUMP;
	memcpy(jump + 1, &distance, sizeof(distance));
}

/* A write of the jump that was cut short (publish.h). */
static bool is_begun(const uint8_t *now, const uint8_t *original,
		     const uint8_t *jump)
{
	return (now[0] == JUMP || now[0] == original[0]) &&
	       (memcmp(now + 1, original + 1, HI_JUMP_LEN - 1) == 0 ||
		memcmp(now + 1, jump + 1, HI_JUMP_LEN - 1) == 0);
}

static int note_entry(struct hi_build *build, size_t index, uint64_t entry,
		      const uint8_t *original, struct hi_err *err)
{
	size_t n;

	hi_symtab_get_functions(build->symtab, &n);
	if (!build->entries)
		build->entries = calloc(n + 1, sizeof(struct hi_entry));
	if (!build->entries)
		return hi_fail(err, HI_E_NOMEM, "no memory for patch points");
	build->entries[index].redirected = true;
	memcpy(build->entries[index].before, original, HI_JUMP_LEN);
	if (build->functions[index]->home_remote == entry)
		build->functions[index]->patched = true;
	return 0;
}

/* What stands at one entry, and what belongs there. */
struct entry {
	struct hi_build *build;
	size_t index;
	uint64_t entry_remote, at_remote; /* of the function; of the jump */
	uint8_t now[HI_JUMP_LEN], original[HI_JUMP_LEN];
};

/* For one of the functions that have this entry: true when that explains it. */
static bool judge_entry(const struct check *check, const struct entry *entry,
			const struct hi_function *function, bool *ret_stands)
{
	uint8_t jump[HI_JUMP_LEN];

	make_jump(function, entry->at_remote, jump);
	/* a jump to where it comes from would never end */
	*ret_stands = memcmp(entry->now, jump, sizeof(jump)) == 0 &&
		      (function->held_remote ||
		       function->current_remote != entry->entry_remote);
	if (*ret_stands)
		return true;
	if (!is_begun(entry->now, entry->original, jump))
		return false;
	hi_plan_add(check->plan, entry->at_remote, entry->original, entry->now,
		    HI_JUMP_LEN, true);
	return true;
}

/* Aliases share an entry, which leads to the trampoline of one of them. */
static int judge_all(const struct check *check, const struct entry *entry,
		     struct hi_err *err)
{
	struct hi_build *build = entry->build;
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(build->symtab, &n);
	bool stands = false, found = false;

	for (size_t i = 0; i < n && !found; i++)
		if (build->functions[i] &&
		    symbols[i].addr_link == symbols[entry->index].addr_link)
			found = judge_entry(check, entry, build->functions[i],
					    &stands);
	/* what else stands there is somebody else's */
	return stands ? note_entry(build, entry->index, entry->entry_remote,
				   entry->original, err) :
			0;
}

static int check_entry(const struct check *check, struct hi_build *build,
		       size_t index, int fd, struct hi_err *err)
{
	size_t n;
	uint64_t link =
		hi_symtab_get_functions(build->symtab, &n)[index].addr_link;
	struct entry entry = { .build = build, .index = index };
	uint64_t at_link = link + build->prologues[index].jump_at;

	entry.entry_remote = build->base_remote + link;
	entry.at_remote = build->base_remote + at_link;
	if (!get_original(check, build, fd, at_link, entry.original) ||
	    hi_remote_read(check->host, entry.at_remote, entry.now, HI_JUMP_LEN,
			   NULL) < 0 ||
	    memcmp(entry.now, entry.original, HI_JUMP_LEN) == 0)
		return 0;
	return judge_all(check, &entry, err);
}

static int check_entries(const struct check *check, struct hi_build *build,
			 struct hi_err *err)
{
	int HI_CLOSE fd = open(build->path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	int code = 0;

	hi_symtab_get_functions(build->symtab, &n);
	for (size_t i = 0; i < n && code == 0; i++)
		if (build->functions[i] && build->prologues[i].patchable)
			code = check_entry(check, build, i, fd, err);
	return code;
}

/*
 * The reverse of publish.c: an entry that is what its slot leads to from now on must
 * lead there no more.
 */
static void append_slots(const struct check *check)
{
	for (size_t i = 0; i < check->slots->n_writes; i++) {
		const struct hi_write *write = &check->slots->writes[i];

		hi_plan_add(check->plan, write->to_remote, write->bytes,
			    write->before, write->len, write->code);
	}
	check->plan->failed |= check->slots->failed;
}

int hi_takeup_check(struct hi_worker *worker, const struct hi_host *host,
		    const struct hi_maps *maps, struct hi_plan *plan,
		    struct hi_err *err)
{
	struct hi_plan slots = HI_PLAN_INIT;
	const struct check check = { worker, host, maps, plan, &slots };
	int code = check_builds(&check, err);

	for (size_t i = 0; i < worker->n_functions && code == 0; i++)
		code = check_slot(&check, worker->functions[i], err);
	for (size_t i = 0; i < worker->n_active && code == 0; i++)
		code = check_entries(&check, worker->active[i], err);
	append_slots(&check);
	hi_plan_done(&slots);
	if (code == 0 && plan->failed)
		code = hi_fail(err, HI_E_NOMEM, "no memory to mend the table");
	return code;
}
