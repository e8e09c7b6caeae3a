#include "injector/relink.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "injector/ifunc.h"
#include "injector/relink_parts.h"

void hi_relink_done(struct hi_relink *relink)
{
	free(relink->bound);
	free(relink->meant);
	relink->bound = NULL;
	relink->meant = NULL;
}

bool hi_relink_is_ours(const struct hi_relink *relink, uint64_t address_remote)
{
	return hi_build_covers(relink->build, address_remote) ||
	       hi_worker_find_build(relink->worker, address_remote);
}

struct hi_function *hi_relink_find_entry(const struct hi_relink *relink,
					 uint64_t addr_link)
{
	const struct hi_build *build = relink->build;
	const struct hi_symbol *symbol =
		hi_symtab_find_function_at(build->symtab, addr_link);

	if (!symbol || symbol->addr_link != addr_link ||
	    symbol->type == HI_SYM_IFUNC)
		return NULL;
	return build->functions[hi_build_function_index(build, symbol)];
}

struct hi_variable *hi_relink_find_state(const struct hi_relink *relink,
					 uint64_t addr_link,
					 const struct hi_symbol **ret_symbol)
{
	const struct hi_build *build = relink->build;
	const struct hi_symbol *symbol =
		hi_symtab_find_variable_at(build->symtab, addr_link);

	if (!symbol && addr_link > 0)
		symbol = hi_symtab_find_variable_at(build->symtab,
						    addr_link - 1);
	*ret_symbol = symbol;
	if (!symbol)
		return NULL;
	return build->variables[hi_build_variable_index(build, symbol)];
}

/* Where a reference to the build's own ADDR_LINK is to lead. */
static uint64_t join_address(const struct hi_relink *relink, uint64_t addr_link)
{
	const struct hi_symbol *symbol = NULL;
	const struct hi_function *function =
		hi_relink_find_entry(relink, addr_link);
	const struct hi_variable *variable;

	if (function)
		return function->address_remote;
	variable = hi_relink_find_state(relink, addr_link, &symbol);
	if (variable && variable->home_remote)
		return variable->home_remote + addr_link - symbol->addr_link;
	return relink->build->base_remote + addr_link;
}

/* What a constructor gets in place of exit(3) and its like; 0: the real one. */
static uint64_t find_stand_in(const struct hi_relink *relink,
			      const struct hi_reloc *reloc)
{
	const struct hi_shim_stand_in *all = relink->shim->stand_ins;

	for (size_t i = 0; i < HI_SHIM_STAND_INS_MAX && all[i].name[0]; i++)
		if (!reloc->defined && strcmp(reloc->name, all[i].name) == 0)
			return all[i].address_remote;
	return 0;
}

static bool is_symbolic(const struct hi_reloc *reloc)
{
	return reloc->type == R_X86_64_JUMP_SLOT ||
	       reloc->type == R_X86_64_GLOB_DAT || reloc->type == R_X86_64_64;
}

static bool is_state_object(const struct hi_relink *relink,
			    const struct hi_reloc *reloc)
{
	return reloc->sym_type != STT_FUNC &&
	       reloc->sym_type != STT_GNU_IFUNC &&
	       hi_image_get_data_kind(relink->build->image, reloc->sym_link) ==
		       HI_DATA_STATE;
}

static uint64_t own_value(const struct hi_relink *relink,
			  const struct hi_reloc *reloc)
{
	uint64_t addend = reloc->type == R_X86_64_64 ? (uint64_t)reloc->addend :
						       0;

	return relink->build->base_remote + reloc->sym_link + addend;
}

/* What the place holds while resolvers and constructors run. */
static uint64_t isolate_value(const struct hi_relink *relink,
			      const struct hi_reloc *reloc, uint64_t bound)
{
	uint64_t stand_in;

	if (!is_symbolic(reloc))
		return bound;
	stand_in = find_stand_in(relink, reloc);
	if (stand_in)
		return stand_in;
	if (!reloc->defined || reloc->sym_type == STT_GNU_IFUNC ||
	    reloc->sym_bind == STB_GNU_UNIQUE)
		return bound;
	/* a copy that the executable holds is live as well */
	if (is_state_object(relink, reloc))
		return own_value(relink, reloc);
	return hi_relink_is_ours(relink, bound) ? own_value(relink, reloc) :
						  bound;
}

/* A function's symbol, defined by the build, that no other object interposes. */
static uint64_t join_function(const struct hi_relink *relink,
			      const struct hi_reloc *reloc, uint64_t bound)
{
	uint64_t entry_link = reloc->sym_link;
	const struct hi_function *function = NULL;
	bool ifunc = hi_ifunc_is_own(reloc);

	if (ifunc) {
		function = hi_ifunc_find_lead(relink->build, reloc);
		/* one that nobody leads: what the resolver picked */
		if (!function && !hi_build_covers(relink->build, bound))
			return bound;
		entry_link = bound - relink->build->base_remote;
	}
	if (!function)
		function = hi_relink_find_entry(relink, entry_link);
	if (!function)
		return ifunc ? bound : own_value(relink, reloc);
	if (reloc->type == R_X86_64_JUMP_SLOT)
		return function->slot.trampoline_remote;
	if (reloc->type == R_X86_64_64)
		return function->address_remote + (uint64_t)reloc->addend;
	return function->address_remote;
}

/* What the place holds once the build is live. */
static uint64_t join_value(const struct hi_relink *relink,
			   const struct hi_reloc *reloc, uint64_t bound)
{
	uint64_t addend = reloc->type == R_X86_64_64 ? (uint64_t)reloc->addend :
						       0;

	if (reloc->type == R_X86_64_RELATIVE)
		return join_address(relink, (uint64_t)reloc->addend);
	if (reloc->type == R_X86_64_IRELATIVE)
		return join_function(relink, reloc, bound);
	if (!is_symbolic(reloc) || !reloc->defined ||
	    reloc->sym_bind == STB_GNU_UNIQUE ||
	    !hi_relink_is_ours(relink, bound - addend))
		return bound;
	if (reloc->sym_type == STT_FUNC || reloc->sym_type == STT_GNU_IFUNC)
		return join_function(relink, reloc, bound);
	/* state, type information, or the build's own read-only data */
	return join_address(relink, reloc->sym_link) + addend;
}

int hi_relink_read(struct hi_relink *relink, const struct hi_host *host,
		   struct hi_err *err)
{
	relink->bound = calloc(relink->build->n_relocs + 1, 8);
	if (!relink->bound)
		return hi_fail(err, HI_E_NOMEM, "no memory to relink");
	return hi_relink_read_words(relink->build, host, relink->bound, err);
}

/* Memory that ld.so has made read-only, or that never was writable. */
static bool needs_poke(const struct hi_relink *relink, uint64_t place_link)
{
	enum hi_data_kind kind =
		hi_image_get_data_kind(relink->build->image, place_link);

	return kind != HI_DATA_STATE && kind != HI_DATA_GOT;
}

static void add_word(const struct hi_relink *relink, struct hi_plan *plan,
		     const struct hi_reloc *reloc, uint64_t before,
		     uint64_t value)
{
	if (value != before)
		hi_plan_add_word(plan,
				 relink->build->base_remote + reloc->place_link,
				 value, before,
				 needs_poke(relink, reloc->place_link));
}

int hi_relink_isolate(struct hi_relink *relink, const struct hi_host *host,
		      struct hi_plan *plan, struct hi_err *err)
{
	for (size_t i = 0; i < relink->build->n_relocs; i++) {
		const struct hi_reloc *reloc = &relink->build->relocs[i];
		uint64_t bound = relink->bound[i];

		if (hi_relink_is_tls(reloc))
			continue;
		add_word(relink, plan, reloc, bound,
			 isolate_value(relink, reloc, bound));
	}
	relink->isolated = true;
	return hi_relink_isolate_tls(relink, host, plan, err);
}

static int join_words(const struct hi_relink *relink,
		      const struct hi_host *host, struct hi_plan *plan,
		      struct hi_err *err)
{
	size_t n = relink->build->n_relocs;
	uint64_t *HI_FREE read = NULL;
	const uint64_t *now = relink->bound;
	int code = 0;

	if (relink->isolated) { /* code of the build has run since */
		read = calloc(n + 1, 8);
		if (!read)
			return hi_fail(err, HI_E_NOMEM, "no memory to relink");
		code = hi_relink_read_words(relink->build, host, read, err);
		now = read;
	}
	for (size_t i = 0; i < n && code == 0; i++) {
		const struct hi_reloc *reloc = &relink->build->relocs[i];
		uint64_t bound = relink->bound[i];
		uint64_t expected =
			relink->isolated ? isolate_value(relink, reloc, bound) :
					   bound;

		/* a constructor has put something else there: its own affair */
		if (hi_relink_is_tls(reloc) || now[i] != expected)
			continue;
		add_word(relink, plan, reloc, now[i],
			 join_value(relink, reloc, bound));
	}
	return code;
}

static int fail_far(const struct hi_relink *relink, uint64_t target_remote,
		    struct hi_err *err)
{
	if (hi_relink_is_ours(relink, target_remote))
		return hi_fail(err, HI_E_RELINK,
			       "the new build was mapped more than 2 GiB away "
			       "from build #1, out of reach of its variables");
	hi_fail(err, HI_E_RELINK,
		"the host has a copy of a variable, which the new build cannot "
		"reach from its text");
	hi_err_hint(err, "link the worker without -Bsymbolic and protected "
			 "variables");
	return HI_E_RELINK;
}

int hi_relink_set_field(const struct hi_relink *relink, struct hi_plan *plan,
			const struct hi_site *site, uint64_t target_remote,
			struct hi_err *err)
{
	const struct hi_build *build = relink->build;
	uint64_t place_remote = build->base_remote + site->place_link;
	uint64_t next_remote = build->base_remote + site->next_link;
	int64_t distance = (int64_t)(target_remote - next_remote);
	int32_t field = (int32_t)distance;
	const uint8_t *before =
		hi_image_find_bytes(build->image, site->place_link, 4);

	if (distance != field)
		return fail_far(relink, target_remote, err);
	if (!before)
		return hi_fail(err, HI_E_INTERNAL,
			       "a text field is not in "
			       "the file");
	hi_plan_add(plan, place_remote, &field, before, 4, true);
	return 0;
}

static int join_site(const struct hi_relink *relink, const struct hi_site *site,
		     struct hi_plan *plan, struct hi_err *err)
{
	uint64_t own = relink->build->base_remote + site->target_link;
	uint64_t target;

	if (site->kind == HI_SITE_FUNCTION) {
		const struct hi_function *function =
			hi_relink_find_entry(relink, site->target_link);

		target = function ? function->address_remote : own;
	} else {
		const struct hi_symbol *symbol =
			relink->meant ?
				relink->meant[site - relink->build->sites.sites]
					.symbol :
				NULL;
		const struct hi_variable *variable =
			symbol ?
				relink->build->variables[hi_build_variable_index(
					relink->build, symbol)] :
				NULL;

		target = variable && variable->home_remote ?
				 variable->home_remote + site->target_link -
					 symbol->addr_link :
				 own;
	}
	if (target == own)
		return 0;
	return hi_relink_set_field(relink, plan, site, target, err);
}

int hi_relink_join(const struct hi_relink *relink, const struct hi_host *host,
		   struct hi_plan *plan, struct hi_err *err)
{
	const struct hi_sites *sites = &relink->build->sites;
	int code = join_words(relink, host, plan, err);

	for (size_t i = 0; i < sites->n_sites && code == 0; i++)
		if (sites->sites[i].kind <= HI_SITE_FUNCTION)
			code = join_site(relink, &sites->sites[i], plan, err);
	if (code == 0)
		code = hi_relink_join_tls(relink, host, plan, err);
	return code;
}
