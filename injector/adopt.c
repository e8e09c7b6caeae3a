#include "injector/adopt.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/apply.h"
#include "injector/pin.h"
#include "injector/reach.h"

const struct hi_map *hi_adopt_find(const struct hi_maps *maps,
				   const struct hi_worker *worker)
{
	const struct hi_map *map = hi_reach_find(maps, worker->path);

	if (!map && worker->other_ino)
		map = hi_maps_find_inode(maps, worker->other_dev,
					 worker->other_ino);
	return map && map->offset == 0 ? map : NULL;
}

/*
 * The file that the host has may have been replaced, or have no name here. A link
 * gives what was reached its name back.
 */
static int link_mapped(const struct hi_worker *worker,
		       const struct hi_snapshots *snapshots,
		       const struct hi_map *map, const char *mapped,
		       char **ret_path, struct hi_err *err)
{
	char *HI_FREE link = NULL;

	if (asprintf(&link, "%s/%s", hi_snapshots_get_folder(snapshots),
		     worker->name) < 0) {
		link = NULL;
		return hi_fail(err, HI_E_NOMEM, "no memory for a path");
	}
	if (hi_reach_is_file_of(mapped, map) && symlink(mapped, link) == 0 &&
	    access(link, R_OK) == 0) {
		*ret_path = hi_take_ptr(&link);
		return 0;
	}
	unlink(link);
	hi_fail(err, HI_E_HOST,
		"%s was replaced before hotinject could look at the build "
		"that the host runs",
		map->path);
	hi_err_hint(err, "start the host again; root can do without");
	return HI_E_HOST;
}

/* A copy of the file that is mapped, wherever it is. */
static int copy_mapped(struct hi_worker *worker, struct hi_snapshots *snapshots,
		       const struct hi_host *host, const struct hi_map *map,
		       char **ret_copy, struct hi_content *ret_content,
		       struct hi_err *err)
{
	char *HI_FREE path = NULL;
	char reached[PATH_MAX];
	struct stat st;
	int code = 0;

	hi_reach_file(host->pid, map, reached);
	worker->replaced = !hi_reach_is_file_of(worker->path, map);
	if (strcmp(reached, map->path) != 0 ||
	    !hi_reach_is_file_of(reached, map))
		code = link_mapped(worker, snapshots, map, reached, &path, err);
	if (code < 0)
		return code;
	if (stat(path ? path : map->path, &st) == 0) {
		worker->first_dev = st.st_dev;
		worker->first_ino = st.st_ino;
	}
	code = hi_snapshot_take(snapshots, path ? path : map->path, 1, ret_copy,
				ret_content, err);
	if (path)
		unlink(path);
	return code;
}

static uint64_t get_base(const struct hi_build *build, const struct hi_map *map)
{
	return map->start - hi_image_get_header(build->image)->load_start_link;
}

static int take_build(struct hi_worker *worker, struct hi_snapshots *snapshots,
		      const struct hi_host *host, const struct hi_map *map,
		      struct hi_build **ret_build, struct hi_err *err)
{
	char *HI_FREE copy = NULL;
	struct hi_content content;
	int code =
		copy_mapped(worker, snapshots, host, map, &copy, &content, err);

	if (code == 0)
		code = hi_build_open(copy, worker->path, 1, ret_build, err);
	if (code == 0)
		code = hi_build_scan(*ret_build, err);
	if (code < 0) {
		if (copy)
			hi_snapshot_drop(snapshots, copy);
		hi_build_free(hi_take_ptr(ret_build));
		return code;
	}
	worker->last_number = 1;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): code is 0 */
	(*ret_build)->content = content;
	(*ret_build)->base_remote = get_base(*ret_build, map);
	return 0;
}

/*
 * Where the build's own references to an exported variable lead: to that of another
 * object, if ld.so has found one before. That is its home.
 */
static void find_copied_homes(const struct hi_worker *worker,
			      const struct hi_host *host)
{
	const struct hi_build *build = worker->builds[0];

	for (size_t i = 0; i < build->n_relocs; i++) {
		const struct hi_reloc *reloc = &build->relocs[i];
		const struct hi_symbol *symbol;
		struct hi_variable *variable;
		uint64_t value;

		if (reloc->type != R_X86_64_GLOB_DAT || !reloc->defined)
			continue;
		symbol = hi_symtab_find_variable_at(build->symtab,
						    reloc->sym_link);
		if (!symbol || symbol->addr_link != reloc->sym_link)
			continue;
		variable =
			build->variables[hi_build_variable_index(build, symbol)];
		if (variable &&
		    hi_remote_read(host, build->base_remote + reloc->place_link,
				   &value, 8, NULL) == 0 &&
		    value)
			variable->home_remote = value;
	}
}

static int fill_slots(const struct hi_worker *worker,
		      const struct hi_host *host, struct hi_err *err)
{
	struct hi_plan plan = HI_PLAN_INIT;
	int code;

	for (size_t i = 0; i < worker->n_functions; i++)
		hi_plan_add_word(&plan, worker->functions[i]->slot.slot_remote,
				 worker->functions[i]->home_remote, 0, false);
	code = hi_apply(host, &plan, err);
	hi_plan_done(&plan);
	return code;
}

/* ld.so makes RELRO read-only when it has relocated an object. */
static int check_relocated(const struct hi_build *build,
			   const struct hi_maps *maps, struct hi_err *err)
{
	const struct hi_range *relro =
		&hi_image_get_header(build->image)->relro;
	const struct hi_map *map;

	if (relro->start >= relro->end)
		return 0;
	map = hi_maps_find(maps, build->base_remote + relro->start);
	if (map && !(map->prot & PROT_WRITE))
		return 0;
	return hi_fail(err, HI_E_BUSY, "the host is still loading the worker");
}

int hi_adopt_prepare(struct hi_worker *worker, struct hi_snapshots *snapshots,
		     const struct hi_host *host, const struct hi_maps *maps,
		     struct hi_err *err)
{
	const struct hi_map *map = hi_adopt_find(maps, worker);
	struct hi_build *build = worker->prepared;

	/* closed since it was seen, or the host is about to end */
	if (!map)
		return hi_fail(err, HI_E_GONE, "%s is not mapped",
			       worker->name);
	/* the same file, where it was */
	if (build && worker->first_ino == map->inode &&
	    build->base_remote == get_base(build, map))
		return 0;
	if (build) {
		hi_snapshot_drop(snapshots, build->path);
		hi_build_free(build);
		worker->prepared = NULL;
	}
	return take_build(worker, snapshots, host, map, &worker->prepared, err);
}

int hi_adopt(struct hi_worker *worker, struct hi_snapshots *snapshots,
	     struct hi_host *host, struct hi_thread *thread,
	     const struct hi_shim_place *place, const struct hi_maps *maps,
	     struct hi_err *err)
{
	const struct hi_map *map = hi_adopt_find(maps, worker);
	const struct hi_image_header *header;
	struct hi_build *build = NULL;
	int code;

	if (!map)
		return hi_fail(err, HI_E_GONE, "%s is not mapped",
			       worker->name);
	code = hi_adopt_prepare(worker, snapshots, host, maps, err);
	build = worker->prepared;
	worker->prepared = NULL;
	if (code != 0 || !build)
		return code;
	code = check_relocated(build, maps, err);
	if (code == 0)
		code = hi_pin(build, host, thread, place, maps, err);
	if (code == 0)
		code = hi_worker_adopt(worker, build, err);
	else {
		hi_snapshot_drop(snapshots, build->path);
		hi_build_free(build);
	}
	if (code < 0)
		return code;
	header = hi_image_get_header(build->image);
	code = hi_table_reserve(worker->table, host, thread, place,
				build->base_remote + header->load_start_link,
				build->base_remote + header->span_link,
				worker->n_functions, err);
	if (code == 0) {
		hi_worker_take_slots(worker);
		hi_worker_place(worker, build);
		find_copied_homes(worker, host);
		code = fill_slots(worker, host, err);
	}
	return code;
}

bool hi_adopt_still_there(const struct hi_worker *worker,
			  const struct hi_maps *maps)
{
	const struct hi_build *first = worker->builds[0];
	const struct hi_map *map = hi_maps_find(maps, first->base_remote);
	const char *inside = hi_reach_inside(first->path);
	size_t len;

	if (!map)
		return false;
	len = strlen(map->path);
	/* in a root folder of its own, the mapping has the whole name */
	return len >= strlen(inside) &&
	       strcmp(map->path + len - strlen(inside), inside) == 0;
}
