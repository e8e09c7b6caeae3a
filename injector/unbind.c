/*
 * What bind.c has bound, led to the worker itself again.
 */
#include <elf.h>
#include <stdlib.h>

#include "common/own.h"
#include "injector/bind_parts.h"
#include "injector/remote.h"

static const struct hi_function *find_by_trampoline(
	const struct hi_worker *worker, uint64_t trampoline_remote)
{
	for (size_t i = 0; i < worker->n_functions; i++)
		if (worker->functions[i]->slot.trampoline_remote ==
		    trampoline_remote)
			return worker->functions[i];
	return NULL;
}

static int unbind_object(struct hi_bound_object *object, struct hi_err *err)
{
	struct hi_reloc *HI_FREE relocs = NULL;
	size_t n = 0;
	int code = hi_reloc_read(object->image, &relocs, &n, err);

	for (size_t i = 0; i < n && code == 0; i++) {
		uint64_t place = object->base_remote + relocs[i].place_link;
		const struct hi_function *function;
		uint64_t value;

		if (hi_remote_read(object->host, place, &value, 8, NULL) < 0 ||
		    !hi_table_covers(object->worker->table, value))
			continue;
		function = find_by_trampoline(object->worker, value);
		if (function)
			hi_plan_add_word(object->plan, place,
					 function->home_remote, value,
					 hi_bind_needs_poke(
						 object, relocs[i].place_link));
	}
	return code;
}

/* Whether anybody could hold the function's trampoline as its address. */
static bool is_address(const struct hi_worker *worker,
		       const struct hi_function *function)
{
	const struct hi_build *build = worker->builds[0];
	uint64_t at = function->symbol->addr_link;

	if (function->symbol->exported)
		return true;
	for (size_t i = 0; i < build->sites.n_sites; i++)
		if (build->sites.sites[i].kind == HI_SITE_FUNCTION &&
		    build->sites.sites[i].target_link == at)
			return true;
	for (size_t i = 0; i < build->n_relocs; i++)
		if ((build->relocs[i].type == R_X86_64_RELATIVE &&
		     (uint64_t)build->relocs[i].addend == at) ||
		    (build->relocs[i].defined &&
		     build->relocs[i].sym_link == at))
			return true;
	return false;
}

int hi_unbind(const struct hi_worker *worker, const struct hi_host *host,
	      const struct hi_maps *maps, struct hi_plan *plan,
	      struct hi_err *err)
{
	struct hi_bound_object object = { .worker = worker,
					  .host = host,
					  .plan = plan };

	for (size_t i = 0; i < worker->n_functions; i++) {
		const struct hi_function *function = worker->functions[i];

		if (!function->patchable && is_address(worker, function))
			return hi_fail(err, HI_E_BUSY,
				       "the host may have kept the address of "
				       "%s(), which is too small to be "
				       "patched",
				       function->symbol->name);
	}
	hi_bind_visit_objects(&object, maps, true, unbind_object);
	return plan->failed ? hi_fail(err, HI_E_NOMEM,
				      "no memory to unbind the host") :
			      0;
}
