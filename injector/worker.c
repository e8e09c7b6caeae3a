#include "injector/worker.h"

#include <stdlib.h>
#include <string.h>

#include "injector/worker_parts.h"

int hi_worker_new(const char *path, struct hi_worker **ret_worker,
		  struct hi_err *err)
{
	struct hi_worker *worker = calloc(1, sizeof(*worker));
	const char *slash;

	if (worker) {
		worker->path = strdup(path);
		worker->table = hi_table_new();
	}
	if (!worker || !worker->path || !worker->table) {
		hi_worker_free(worker);
		return hi_fail(err, HI_E_NOMEM, "no memory for %s", path);
	}
	slash = strrchr(worker->path, '/');
	worker->name = slash ? slash + 1 : worker->path;
	*ret_worker = worker;
	return 0;
}

void hi_worker_reset(struct hi_worker *worker)
{
	for (size_t i = 0; i < worker->n_functions; i++)
		free(worker->functions[i]);
	for (size_t i = 0; i < worker->n_variables; i++)
		free(worker->variables[i]);
	for (size_t i = 0; i < worker->n_builds; i++)
		hi_build_free(worker->builds[i]);
	hi_worker_forget_parted(worker);
	free(worker->functions);
	free(worker->variables);
	free(worker->builds);
	free(worker->places);
	free(worker->active);
	hi_table_free(worker->table);
	hi_build_free(worker->prepared);
	worker->prepared = NULL;
	worker->functions = NULL;
	worker->variables = NULL;
	worker->builds = NULL;
	worker->places = NULL;
	worker->active = NULL;
	worker->n_functions = worker->n_variables = worker->n_builds = 0;
	worker->n_active = 0;
	worker->current = NULL;
	worker->has_aside = worker->said_full = false;
	worker->refused_by = NULL;
	worker->n_thinned = 0;
	worker->tls_pair_home = NULL;
	worker->table = hi_table_new();
}

void hi_worker_free(struct hi_worker *worker)
{
	if (!worker)
		return;
	hi_worker_reset(worker);
	hi_table_free(worker->table);
	free(worker->path);
	free(worker);
}

int hi_worker_append(void ***array, size_t *n, void *element)
{
	if ((*n & (*n - 1)) == 0) {
		void **grown =
			reallocarray(*array, *n ? *n * 2 : 1, sizeof(void *));

		if (!grown)
			return -1;
		*array = grown;
	}
	(*array)[(*n)++] = element;
	return 0;
}

void hi_worker_place(struct hi_worker *worker, struct hi_build *build)
{
	for (size_t i = 0; i < worker->n_functions; i++) {
		struct hi_function *function = worker->functions[i];

		if (function->home != build)
			continue;
		function->home_remote =
			build->base_remote + function->symbol->addr_link;
		function->address_remote =
			function->patchable ||
					!function->slot.trampoline_remote ?
				function->home_remote :
				function->slot.trampoline_remote;
	}
	for (size_t i = 0; i < worker->n_variables; i++) {
		struct hi_variable *variable = worker->variables[i];

		if (variable->home == build &&
		    variable->symbol->type != HI_SYM_TLS)
			variable->home_remote = build->base_remote +
						variable->symbol->addr_link;
	}
}

int hi_worker_add_build(struct hi_worker *worker, struct hi_build *build)
{
	const struct hi_image_header *header =
		hi_image_get_header(build->image);
	size_t at = worker->n_builds;
	struct hi_place place = { build->base_remote + header->load_start_link,
				  build->base_remote + header->span_link,
				  build };
	struct hi_place *places =
		reallocarray(worker->places, at + 1, sizeof(*places));

	if (!places)
		return -1;
	worker->places = places;
	if (hi_worker_append((void ***)&worker->active, &worker->n_active,
			     build) < 0)
		return -1;
	if (hi_worker_append((void ***)&worker->builds, &worker->n_builds,
			     build) < 0) {
		worker->n_active--;
		return -1;
	}
	while (at > 0 && places[at - 1].start > place.start)
		at--;
	memmove(&places[at + 1], &places[at],
		(worker->n_builds - 1 - at) * sizeof(*places));
	places[at] = place;
	build->serial = (unsigned int)worker->n_builds;
	return 0;
}

static void see_variables(struct hi_build *build)
{
	size_t n;

	hi_symtab_get_variables(build->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if (build->variables[i])
			build->variables[i]->seen = build;
}

int hi_worker_accept(struct hi_worker *worker, struct hi_build *build,
		     struct hi_err *err)
{
	if (hi_worker_add_build(worker, build) < 0)
		return hi_fail(err, HI_E_NOMEM, "no memory for build #%u",
			       build->number);
	/* the next build is compared with this one and the first */
	if (worker->current && worker->current != worker->builds[0])
		hi_build_drop_units(worker->current);
	if (worker->current)
		hi_build_drop_text(worker->current);
	worker->current = build;
	see_variables(build);
	for (size_t i = 0; i < worker->n_functions; i++) {
		struct hi_function *function = worker->functions[i];

		if (!function->next_symbol)
			continue;
		function->current = build;
		function->current_symbol = function->next_symbol;
		function->current_remote =
			build->base_remote + function->next_symbol->addr_link;
		function->held_remote = 0; /* the slot was written */
		function->next_symbol = NULL;
	}
	return 0;
}

void hi_worker_forget(struct hi_worker *worker, struct hi_build *build)
{
	while (worker->n_functions > 0 &&
	       worker->functions[worker->n_functions - 1]->home == build)
		free(worker->functions[--worker->n_functions]);
	while (worker->n_variables > 0 &&
	       worker->variables[worker->n_variables - 1]->home == build)
		free(worker->variables[--worker->n_variables]);
	for (size_t i = 0; i < worker->n_functions; i++)
		worker->functions[i]->next_symbol = NULL;
	hi_build_free(build);
}

int hi_worker_adopt(struct hi_worker *worker, struct hi_build *build,
		    struct hi_err *err)
{
	struct hi_reasons none = { NULL, 0, 0, "" };
	int code = hi_worker_match(worker, build, HI_STATE_KEEP, &none, err);

	hi_reasons_done(&none);
	if (code == 0)
		code = hi_worker_accept(worker, build, err);
	if (code == 0)
		hi_worker_place(worker, build);
	return code;
}

void hi_worker_retire(struct hi_worker *worker, struct hi_build *build)
{
	size_t n = 0;

	build->retired = true;
	for (size_t i = 0; i < worker->n_active; i++)
		if (worker->active[i] != build)
			worker->active[n++] = worker->active[i];
	worker->n_active = n;
}

struct hi_build *hi_worker_find_build(const struct hi_worker *worker,
				      uint64_t address_remote)
{
	const struct hi_place *places = worker->places;
	size_t low = 0, high = worker->n_builds;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (address_remote < places[middle].end)
			high = middle;
		else
			low = middle + 1;
	}
	return low < worker->n_builds && places[low].start <= address_remote ?
		       places[low].build :
		       NULL;
}

struct hi_function *hi_worker_find_home(const struct hi_worker *worker,
					uint64_t address_remote)
{
	const struct hi_build *build =
		hi_worker_find_build(worker, address_remote);
	const struct hi_symbol *symbol;
	struct hi_function *function;

	if (!build || build->retired)
		return NULL;
	symbol = hi_symtab_find_function_at(
		build->symtab, address_remote - build->base_remote);
	if (!symbol)
		return NULL;
	function = build->functions[hi_build_function_index(build, symbol)];
	return function && function->home_remote == address_remote ? function :
								     NULL;
}

size_t hi_worker_count_slotless(const struct hi_worker *worker)
{
	size_t n = 0;

	for (size_t i = 0; i < worker->n_functions; i++)
		n += worker->functions[i]->slot.trampoline_remote == 0;
	return n;
}

void hi_worker_take_slots(struct hi_worker *worker)
{
	for (size_t i = 0; i < worker->n_functions; i++) {
		struct hi_function *function = worker->functions[i];

		if (function->slot.trampoline_remote)
			continue;
		function->slot = hi_table_take(worker->table);
		if (!function->patchable)
			function->address_remote =
				function->slot.trampoline_remote;
	}
}
