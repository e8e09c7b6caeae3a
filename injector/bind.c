#include "injector/bind.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "injector/remote.h"

void hi_used_done(struct hi_used *used)
{
	for (size_t i = 0; i < used->n; i++)
		free(used->names[i]);
	free(used->names);
	used->names = NULL;
	used->n = 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool hi_used_has(const struct hi_used *used, const char *name)
{
	return used->n && bsearch(&name, used->names, used->n,
				  sizeof(*used->names), by_name);
}

static void add_used(struct hi_used *used, const char *name)
{
	char **grown;

	for (size_t i = 0; i < used->n; i++)
		if (strcmp(used->names[i], name) == 0)
			return;
	grown = reallocarray(used->names, used->n + 1, sizeof(*grown));
	if (!grown)
		return;
	used->names = grown;
	used->names[used->n] = strdup(name);
	if (used->names[used->n])
		used->n++;
}

/* One object of the host, while it is bound. */
struct object {
	const struct hi_worker *worker;
	const struct hi_host *host;
	struct hi_image *image;
	uint64_t base_remote;
	bool is_worker;
	struct hi_plan *plan;
	struct hi_used *used;
};

/* Whether VALUE is still the object's own lazy binding stub. */
static bool is_unbound(const struct object *object, uint64_t value)
{
	const struct hi_image_header *header =
		hi_image_get_header(object->image);

	return value >= object->base_remote + header->load_start_link &&
	       value < object->base_remote + header->span_link;
}

static struct hi_function *find_exported(const struct hi_worker *worker,
					 const struct hi_reloc *reloc)
{
	const struct hi_build *build = worker->builds[0];
	const struct hi_symbol *symbol = hi_symtab_find_exported(
		build->symtab, reloc->name,
		reloc->version[0] ? reloc->version : NULL);

	if (!symbol || symbol->type != HI_SYM_FUNC)
		return NULL;
	return build->functions[hi_build_function_index(build, symbol)];
}

static bool needs_poke(const struct object *object, uint64_t place_link)
{
	enum hi_data_kind kind =
		hi_image_get_data_kind(object->image, place_link);

	return kind != HI_DATA_STATE && kind != HI_DATA_GOT;
}

static void bind_reloc(const struct object *object,
		       const struct hi_reloc *reloc)
{
	bool slot = reloc->type == R_X86_64_JUMP_SLOT;
	uint64_t place = object->base_remote + reloc->place_link;
	struct hi_function *function;
	uint64_t value;

	if (!slot && reloc->type != R_X86_64_GLOB_DAT &&
	    reloc->type != R_X86_64_64 && reloc->type != R_X86_64_RELATIVE)
		return;
	if (!object->is_worker && reloc->name[0] &&
	    hi_symtab_find_exported(object->worker->builds[0]->symtab,
				    reloc->name, NULL) &&
	    !reloc->defined)
		add_used(object->used, reloc->name);
	if (hi_remote_read(object->host, place, &value, 8, NULL) < 0)
		return;
	function = hi_worker_find_home(object->worker, value);
	if (!function && slot && !reloc->defined && is_unbound(object, value))
		function = find_exported(object->worker, reloc);
	if (!function || (!slot && function->patchable))
		return;
	hi_plan_add_word(object->plan, place, function->slot.trampoline_remote,
			 value, needs_poke(object, reloc->place_link));
}

/* `lea` of an entry that cannot be overwritten, in the worker's own text. */
static void bind_sites(const struct object *object)
{
	const struct hi_build *build = object->worker->builds[0];

	for (size_t i = 0; i < build->sites.n_sites; i++) {
		const struct hi_site *site = &build->sites.sites[i];
		const struct hi_function *function;
		const uint8_t *before;
		int64_t distance;
		int32_t field;

		if (site->kind != HI_SITE_FUNCTION)
			continue;
		function = hi_worker_find_home(
			object->worker, build->base_remote + site->target_link);
		before = hi_image_find_bytes(build->image, site->place_link, 4);
		if (!function || function->patchable || !before)
			continue;
		distance = (int64_t)(function->slot.trampoline_remote -
				     build->base_remote - site->next_link);
		field = (int32_t)distance;
		if (field == distance)
			hi_plan_add(object->plan,
				    build->base_remote + site->place_link,
				    &field, before, 4, true);
	}
}

static int bind_object(struct object *object, struct hi_err *err)
{
	struct hi_reloc *HI_FREE relocs = NULL;
	size_t n = 0;
	int code = hi_reloc_read(object->image, &relocs, &n, err);

	if (code < 0)
		return code;
	for (size_t i = 0; i < n; i++)
		bind_reloc(object, &relocs[i]);
	if (object->is_worker)
		bind_sites(object);
	return 0;
}

/* The start of a mapped ELF file: offset 0 of a file with a name. */
static bool starts_object(const struct hi_map *map)
{
	return map->offset == 0 && map->path[0] == '/' && !map->deleted &&
	       !strstr(map->path, "/libhotinject.so") &&
	       !strstr(map->path, "/ld-linux-x86-64.so");
}

/*
 * The worker itself is read from its snapshot, and libraries that do not refer to it
 * are told apart by their undefined symbols alone.
 */
static void bind_map(struct object *object, const struct hi_map *map)
{
	const struct hi_build *first = object->worker->builds[0];
	struct hi_err ignored;

	if (map->start == first->base_remote) {
		object->image = first->image;
		object->base_remote = first->base_remote;
		object->is_worker = true;
		(void)!bind_object(object, &ignored);
		return;
	}
	object->is_worker = false;
	if (hi_image_open_any(map->path, &object->image, &ignored) < 0)
		return;
	object->base_remote =
		map->start -
		hi_image_get_header(object->image)->load_start_link;
	(void)!bind_object(object, &ignored);
	hi_image_free(object->image);
}

int hi_bind(const struct hi_worker *worker, const struct hi_host *host,
	    const struct hi_maps *maps, struct hi_plan *plan,
	    struct hi_used *ret_used, struct hi_err *err)
{
	struct object object = { .worker = worker,
				 .host = host,
				 .plan = plan,
				 .used = ret_used };
	const char *last = "";

	for (size_t i = 0; i < maps->n_maps; i++) {
		const struct hi_map *map = &maps->maps[i];

		if (!starts_object(map) || strcmp(map->path, last) == 0)
			continue;
		last = map->path;
		bind_map(&object, map);
	}
	if (ret_used->n)
		qsort(ret_used->names, ret_used->n, sizeof(*ret_used->names),
		      by_name);
	if (plan->failed)
		return hi_fail(err, HI_E_NOMEM, "no memory to bind the host");
	return 0;
}
