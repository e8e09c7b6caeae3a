#include "injector/build.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "elfscan/dynsym.h"

/* frame_dummy, which every library has, sets up nothing that a build needs. */
static bool find_constructors(const struct hi_build *build)
{
	struct hi_constructors made;

	hi_build_get_constructors(build, &made);
	for (uint64_t i = 0; i < made.n_init_array; i++) {
		uint64_t place = made.init_array_link + i * 8;
		const struct hi_symbol *symbol = NULL;

		for (size_t r = 0; r < build->n_relocs; r++)
			if (build->relocs[r].place_link == place)
				symbol = hi_symtab_find_function_at(
					build->symtab,
					(uint64_t)build->relocs[r].addend +
						build->relocs[r].sym_link);
		if (!symbol || !symbol->compiler_made)
			return true;
	}
	return false;
}

static struct hi_build *build_new(const char *path, unsigned int number,
				  struct hi_err *err)
{
	struct hi_build *build = calloc(1, sizeof(*build));

	if (build)
		build->path = strdup(path);
	if (!build || !build->path) {
		free(build);
		hi_fail(err, HI_E_NOMEM, "no memory for %s", path);
		return NULL;
	}
	build->number = number;
	return build;
}

/* CODE is how the image was opened. */
static int open_build(struct hi_build *build, int code,
		      struct hi_build **ret_build, struct hi_err *err)
{
	if (code == 0)
		code = hi_reloc_read(build->image, &build->relocs,
				     &build->n_relocs, err);
	if (code < 0) {
		hi_build_free(build);
		return code;
	}
	*ret_build = build;
	return 0;
}

int hi_build_open(const char *path, const char *original, unsigned int number,
		  struct hi_build **ret_build, struct hi_err *err)
{
	struct hi_build *build = build_new(path, number, err);
	int code;

	if (!build)
		return HI_E_NOMEM;
	code = hi_image_open_copy(path, original, &build->image, err);
	return open_build(build, code, ret_build, err);
}

int hi_build_open_snapshot(struct hi_snapshot *snapshot, const char *original,
			   unsigned int number, struct hi_build **ret_build,
			   struct hi_err *err)
{
	struct hi_build *build =
		build_new(hi_snapshot_get_path(snapshot), number, err);
	size_t len;
	uint8_t *bytes;
	int code;

	if (!build)
		return HI_E_NOMEM;
	bytes = hi_snapshot_take_bytes(snapshot, &len);
	code = hi_image_open_bytes(bytes, len, original, &build->image, err);
	return open_build(build, code, ret_build, err);
}

int hi_build_open_bytes(const char *path, const uint8_t *bytes, size_t len,
			const char *original, unsigned int number,
			struct hi_build **ret_build, struct hi_err *err)
{
	struct hi_build *build = build_new(path, number, err);
	int code;

	if (!build) {
		munmap((void *)bytes, len);
		return HI_E_NOMEM;
	}
	code = hi_image_open_bytes(bytes, len, original, &build->image, err);
	return open_build(build, code, ret_build, err);
}

int hi_build_scan(struct hi_build *build, struct hi_err *err)
{
	size_t n_functions, n_variables;
	int code = hi_symtab_new(build->image, &build->symtab, err);

	if (code < 0)
		return code;
	hi_symtab_get_functions(build->symtab, &n_functions);
	hi_symtab_get_variables(build->symtab, &n_variables);
	build->functions = calloc(n_functions + 1, sizeof(void *));
	build->variables = calloc(n_variables + 1, sizeof(void *));
	if (!build->functions || !build->variables)
		return hi_fail(err, HI_E_NOMEM, "no memory for %s",
			       build->path);
	build->has_constructors = find_constructors(build);
	return 0;
}

static bool needs_same(const struct hi_image_header *one,
		       const struct hi_image_header *other)
{
	size_t i = 0;

	while (one->needed[i] && other->needed[i] &&
	       strcmp(one->needed[i], other->needed[i]) == 0)
		i++;
	return !one->needed[i] && !other->needed[i];
}

bool hi_build_loads_alike(const struct hi_build *build,
			  const struct hi_build *current)
{
	const struct hi_dynsym *dynsym = hi_image_get_dynsym(build->image);
	struct hi_image_dyn dyn;

	if (!needs_same(hi_image_get_header(build->image),
			hi_image_get_header(current->image)))
		return false;
	if (hi_image_find_dyn(build->image, DT_FLAGS_1, &dyn) &&
	    (dyn.value & DF_1_NODELETE))
		return false;
	/* ld.so never unloads the definer of a unique symbol */
	for (size_t i = 1; i < dynsym->n; i++)
		if (ELF64_ST_BIND(hi_dynsym_get(dynsym, i).st_info) ==
		    STB_GNU_UNIQUE)
			return false;
	return true;
}

void hi_build_drop_facts(struct hi_build *build)
{
	hi_sites_done(&build->sites);
	free(build->prologues);
	build->prologues = NULL;
	hi_build_drop_text(build);
	free(build->relocs);
	build->relocs = NULL;
	build->n_relocs = 0;
	hi_build_drop_units(build);
	hi_bodies_free(build->bodies);
	build->bodies = NULL;
	hi_symtab_free(build->symtab);
	build->symtab = NULL;
	free(build->entries);
	build->entries = NULL;
	free(build->functions);
	build->functions = NULL;
	free(build->variables);
	build->variables = NULL;
}

void hi_build_free(struct hi_build *build)
{
	if (!build)
		return;
	hi_build_drop_facts(build);
	hi_image_free(build->image);
	free(build->path);
	free(build);
}

int hi_build_read_text(struct hi_build *build, const struct hi_build *before,
		       struct hi_err *err)
{
	int code;

	if (build->prologues)
		return 0;
	code = hi_text_new(build->image, build->symtab,
			   before ? before->text : NULL, &build->text, err);
	if (code == 0)
		code = hi_sites_find(build->text, build->relocs,
				     build->n_relocs, &build->sites, err);
	if (code == 0)
		code = hi_prologue_check_all(build->text, build->relocs,
					     build->n_relocs, &build->prologues,
					     err);
	return code;
}

void hi_build_drop_text(struct hi_build *build)
{
	hi_text_free(build->text);
	build->text = NULL;
}

int hi_build_read_units(struct hi_build *build,
			const struct hi_build *const before[2],
			struct hi_err *err)
{
	const struct hi_units *units[2] = { NULL, NULL };

	if (build->units_read)
		return 0;
	build->units_read = true;
	for (int i = 0; i < 2; i++)
		if (before[i])
			units[i] = before[i]->units;
	return hi_units_new(build->image, build->symtab, units, 2,
			    &build->units, err);
}

void hi_build_drop_units(struct hi_build *build)
{
	hi_model_free(build->model);
	build->model = NULL;
	hi_units_free(build->units);
	build->units = NULL;
}

struct hi_build_facts hi_build_get_facts(const struct hi_build *build)
{
	struct hi_build_facts facts = { build->image, build->symtab,
					build->relocs, build->n_relocs,
					build->units };

	return facts;
}

size_t hi_build_function_index(const struct hi_build *build,
			       const struct hi_symbol *symbol)
{
	size_t n;

	return (size_t)(symbol - hi_symtab_get_functions(build->symtab, &n));
}

size_t hi_build_variable_index(const struct hi_build *build,
			       const struct hi_symbol *symbol)
{
	size_t n;

	return (size_t)(symbol - hi_symtab_get_variables(build->symtab, &n));
}

bool hi_build_is_first(const struct hi_build *build)
{
	return build->number == 1 && !build->again;
}

bool hi_build_covers(const struct hi_build *build, uint64_t address_remote)
{
	const struct hi_image_header *header =
		hi_image_get_header(build->image);

	return address_remote >= build->base_remote + header->load_start_link &&
	       address_remote < build->base_remote + header->span_link;
}

bool hi_build_covers_text(const struct hi_build *build, uint64_t address_remote)
{
	size_t n;
	const struct hi_range *text =
		hi_image_get_text_ranges(build->image, &n);
	uint64_t at = address_remote - build->base_remote;

	for (size_t i = 0; i < n; i++)
		if (at >= text[i].start && at < text[i].end)
			return true;
	return false;
}

void hi_build_get_constructors(const struct hi_build *build,
			       struct hi_constructors *ret_constructors)
{
	struct hi_image_dyn dyn;

	memset(ret_constructors, 0, sizeof(*ret_constructors));
	if (hi_image_find_dyn(build->image, DT_INIT, &dyn))
		ret_constructors->init_link = dyn.value;
	if (hi_image_find_dyn(build->image, DT_INIT_ARRAY, &dyn))
		ret_constructors->init_array_link = dyn.value;
	if (hi_image_find_dyn(build->image, DT_INIT_ARRAYSZ, &dyn))
		ret_constructors->n_init_array = dyn.value / 8;
}
