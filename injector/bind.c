#include "injector/bind.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/dynsym.h"
#include "injector/bind_parts.h"
#include "injector/reach.h"
#include "injector/remote.h"

void hi_used_done(struct hi_used *used)
{
	for (size_t i = 0; i < used->n; i++)
		free(used->names[i]);
	free(used->names);
	free(used->program);
	memset(used, 0, sizeof(*used));
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

bool hi_used_mentions(const struct hi_used *used, const char *name)
{
	struct hi_image *image = NULL;
	size_t len = strlen(name) + 1;
	const uint8_t *text = NULL;
	GElf_Shdr section;
	bool found = false;

	if (!used->program ||
	    hi_image_open_any(used->program, &image, NULL) < 0)
		return false;
	if (hi_image_find_section(image, ".rodata", &section))
		text = hi_image_find_bytes(image, section.sh_addr,
					   section.sh_size);
	found = text && memmem(text, section.sh_size, name, len);
	hi_image_free(image);
	return found;
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

/* Whether VALUE is still the object's own lazy binding stub. */
static bool is_unbound(const struct hi_bound_object *object, uint64_t value)
{
	const struct hi_image_header *header =
		hi_image_get_header(object->image);

	return value >= object->base_remote + header->load_start_link &&
	       value < object->base_remote + header->span_link;
}

static const struct hi_symbol *find_unversioned(const struct hi_build *build,
						const char *name)
{
	const struct hi_symbol *symbol =
		hi_symtab_find_exported(build->symtab, name, NULL);

	return symbol && symbol->version[0] == '\0' ? symbol : NULL;
}

static struct hi_function *find_exported(const struct hi_worker *worker,
					 const struct hi_reloc *reloc)
{
	const struct hi_build *build = worker->builds[0];
	const struct hi_symbol *symbol = hi_symtab_find_exported(
		build->symtab, reloc->name,
		reloc->version[0] ? reloc->version : NULL);

	/* a library without versions satisfies a versioned reference */
	if (!symbol)
		symbol = find_unversioned(build, reloc->name);
	if (!symbol || symbol->type != HI_SYM_FUNC)
		return NULL;
	return build->functions[hi_build_function_index(build, symbol)];
}

/* A slot that lazy binding is to fill with the worker's function. */
static struct hi_function *find_unbound(const struct hi_bound_object *object,
					const struct hi_reloc *reloc)
{
	struct hi_function *function;

	if (!object->elsewhere || reloc->defined)
		return NULL;
	function = find_exported(object->worker, reloc);
	if (!function || object->elsewhere[hi_build_function_index(
				 function->home, function->symbol)])
		return NULL;
	return function;
}

bool hi_bind_needs_poke(const struct hi_bound_object *object,
			uint64_t place_link)
{
	enum hi_data_kind kind =
		hi_image_get_data_kind(object->image, place_link);

	return kind != HI_DATA_STATE && kind != HI_DATA_GOT;
}

/* Whether ld.so has led a reference of build #1 to SYMBOL to the copy. */
static bool is_led_to(const struct hi_bound_object *object,
		      const struct hi_symbol *symbol, uint64_t copy_remote)
{
	const struct hi_build *build = object->worker->builds[0];

	for (size_t i = 0; i < build->n_relocs; i++) {
		const struct hi_reloc *reloc = &build->relocs[i];
		uint64_t value;

		if (reloc->type == R_X86_64_64 && reloc->defined &&
		    reloc->sym_link == symbol->addr_link &&
		    hi_remote_read(object->host,
				   build->base_remote + reloc->place_link,
				   &value, 8, NULL) == 0 &&
		    value - (uint64_t)reloc->addend == copy_remote)
			return true;
	}
	return false;
}

/* The executable has a copy of a variable, and knows its size. */
static void take_copy(const struct hi_bound_object *object,
		      const struct hi_reloc *reloc)
{
	const struct hi_build *build = object->worker->builds[0];
	const struct hi_symbol *symbol =
		hi_symtab_find_exported(build->symtab, reloc->name, NULL);
	uint64_t copy_remote = object->base_remote + reloc->place_link;
	struct hi_variable *variable;

	if (!symbol)
		return;
	add_used(object->used, reloc->name);
	symbol = hi_symtab_find_variable_at(build->symtab, symbol->addr_link);
	variable = symbol ? build->variables[hi_build_variable_index(build,
								     symbol)] :
			    NULL;
	/* what text names was found before (adopt.h); data may have changed since */
	if (variable && is_led_to(object, symbol, copy_remote))
		variable->home_remote = copy_remote;
}

static void bind_reloc(const struct hi_bound_object *object,
		       const struct hi_reloc *reloc)
{
	bool slot = reloc->type == R_X86_64_JUMP_SLOT;
	uint64_t place = object->base_remote + reloc->place_link;
	struct hi_function *function;
	uint64_t value;

	if (reloc->type == R_X86_64_COPY && !object->is_worker)
		take_copy(object, reloc);
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
	if (!function && slot && is_unbound(object, value))
		function = find_unbound(object, reloc);
	if (!function || (!slot && function->patchable))
		return;
	hi_plan_add_word(object->plan, place, function->slot.trampoline_remote,
			 value, hi_bind_needs_poke(object, reloc->place_link));
}

/* `lea` of an entry that cannot be overwritten, in the worker's own text. */
static void bind_sites(const struct hi_bound_object *object)
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

static int bind_object(struct hi_bound_object *object, struct hi_err *err)
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

/* Which of the worker's functions the object defines as well. */
static int note_definitions(struct hi_bound_object *object, struct hi_err *err)
{
	const struct hi_dynsym *dynsym = hi_image_get_dynsym(object->image);
	const struct hi_build *build = object->worker->builds[0];

	(void)err;
	if (hi_linkmap_find(object->order, object->base_remote) >
	    hi_linkmap_find(object->order, build->base_remote))
		return 0;
	for (size_t i = 0; i < dynsym->n; i++) {
		Elf64_Sym sym = hi_dynsym_get(dynsym, i);
		const struct hi_symbol *symbol;

		if (sym.st_shndx == SHN_UNDEF && sym.st_value == 0)
			continue;
		symbol = hi_symtab_find_exported(
			build->symtab, hi_dynsym_get_name(dynsym, i), NULL);
		if (symbol && symbol->type == HI_SYM_FUNC)
			object->elsewhere[hi_build_function_index(
				build, symbol)] = true;
	}
	return 0;
}

/* Call VISIT for every object that is mapped, the worker perhaps excepted. */
void hi_bind_visit_objects(struct hi_bound_object *object,
			   const struct hi_maps *maps, bool worker_too,
			   int (*visit)(struct hi_bound_object *,
					struct hi_err *))
{
	const struct hi_build *first = object->worker->builds[0];
	const char *last = "";

	for (size_t i = 0; i < maps->n_maps; i++) {
		const struct hi_map *map = &maps->maps[i];
		struct hi_err ignored;
		char path[PATH_MAX];

		if (!starts_object(map) || strcmp(map->path, last) == 0)
			continue;
		last = map->path;
		object->is_worker = map->start == first->base_remote;
		object->image = first->image;
		object->base_remote = first->base_remote;
		if (object->is_worker && worker_too)
			(void)!visit(object, &ignored);
		if (object->is_worker)
			continue;
		hi_reach_file(object->host->pid, map, path);
		if (hi_image_open_any(path, &object->image, &ignored) < 0)
			continue;
		object->base_remote =
			map->start -
			hi_image_get_header(object->image)->load_start_link;
		(void)!visit(object, &ignored);
		hi_image_free(object->image);
	}
}

int hi_bind(const struct hi_worker *worker, const struct hi_host *host,
	    const struct hi_maps *maps, bool early, struct hi_plan *plan,
	    struct hi_used *ret_used, struct hi_err *err)
{
	struct hi_bound_object object = {
		.worker = worker, .host = host, .plan = plan, .used = ret_used
	};
	bool *HI_FREE elsewhere = NULL;
	struct hi_linkmap *HI_FREE order = NULL;
	char program[64];
	size_t n;

	hi_symtab_get_functions(worker->builds[0]->symtab, &n);
	elsewhere = calloc(n + 1, sizeof(*elsewhere));
	if (!elsewhere)
		return hi_fail(err, HI_E_NOMEM, "no memory to bind the host");
	object.elsewhere = elsewhere;
	object.order = order = malloc(sizeof(*order));
	if (early && order && hi_linkmap_read(host, maps, order, NULL) == 0)
		hi_bind_visit_objects(&object, maps, false, note_definitions);
	else
		object.elsewhere = NULL;
	hi_bind_visit_objects(&object, maps, true, bind_object);
	snprintf(program, sizeof(program), "/proc/%d/exe", host->pid);
	/* a name inside mounts of its own is none here */
	ret_used->program = realpath(program, NULL);
	if (!ret_used->program)
		ret_used->program = strdup(program);
	if (ret_used->n)
		qsort(ret_used->names, ret_used->n, sizeof(*ret_used->names),
		      by_name);
	if (plan->failed)
		return hi_fail(err, HI_E_NOMEM, "no memory to bind the host");
	return 0;
}
