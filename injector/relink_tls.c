/*
 * Thread-locals: the GOT pair (module, offset) of the general-dynamic model,
 * the module-wide pair and the 4-byte offsets of the local-dynamic model, the
 * distance from the thread pointer of the initial-exec model, and TLS
 * descriptors.
 */
#include "injector/relink_parts.h"

#include <elf.h>
#include <string.h>

#include "injector/remote.h"

/* glibc keeps static TLS directly below the thread pointer. */
#define STATIC_TLS_MAX (1UL << 20)

bool hi_relink_is_tls(const struct hi_reloc *reloc)
{
	return reloc->type == R_X86_64_DTPMOD64 ||
	       reloc->type == R_X86_64_DTPOFF64 ||
	       reloc->type == R_X86_64_TPOFF64 ||
	       reloc->type == R_X86_64_TLSDESC;
}

static const struct hi_symbol *find_tls(const struct hi_build *build,
					uint64_t offset)
{
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_variables(build->symtab, &n);

	for (size_t i = 0; i < n; i++)
		if (symbols[i].type == HI_SYM_TLS &&
		    offset >= symbols[i].addr_link &&
		    (offset < symbols[i].addr_link + symbols[i].size ||
		     offset == symbols[i].addr_link))
			return &symbols[i];
	return NULL;
}

static const struct hi_variable *find_variable(
	const struct hi_build *build, uint64_t offset,
	const struct hi_symbol **ret_symbol)
{
	const struct hi_symbol *symbol = find_tls(build, offset);

	*ret_symbol = symbol;
	return symbol ?
		       build->variables[hi_build_variable_index(build, symbol)] :
		       NULL;
}

/* The build that a thread-local is at home in; the new build when it is new. */
static const struct hi_build *home_of(const struct hi_relink *relink,
				      uint64_t offset, uint64_t *ret_offset)
{
	const struct hi_symbol *symbol;
	const struct hi_variable *variable =
		find_variable(relink->build, offset, &symbol);

	*ret_offset = offset;
	if (!variable || variable->home == relink->build)
		return relink->build;
	*ret_offset = variable->symbol->addr_link + offset - symbol->addr_link;
	return variable->home;
}

/* --- before the load --- */

/* What the local-dynamic operands of one function agree on. */
struct ld_group {
	const struct hi_build *home;
	const struct hi_symbol *first; /* an operand's variable */
};

static void judge_mixed(const struct hi_site *site, const struct hi_symbol *one,
			const struct hi_symbol *other,
			struct hi_reasons *reasons)
{
	hi_reasons_add(reasons, "state-tls",
		       site->function ? site->function->name : "", "",
		       "%s() reaches the kept thread-local %s and the new %s "
		       "through one base address",
		       site->function ? site->function->name : "code",
		       one ? one->base : "?", other ? other->base : "?");
	hi_reasons_hint(reasons, "compile the worker with "
				 "-ftls-model=global-dynamic, or pass "
				 "--state=fresh");
}

static void judge_operand(const struct hi_relink *relink,
			  const struct hi_site *site, struct ld_group *group,
			  struct hi_reasons *reasons)
{
	uint64_t moved;
	const struct hi_build *home =
		home_of(relink, site->target_link, &moved);
	const struct hi_symbol *symbol =
		find_tls(relink->build, site->target_link);

	if (site->ambiguous && (moved != site->target_link || !symbol)) {
		if (symbol) {
			hi_reasons_add(reasons, "state-tls", symbol->name, "",
				       "thread-local %s has moved, and its "
				       "use in %s() cannot be told from other "
				       "operands",
				       symbol->base,
				       site->function ? site->function->name :
							"code");
			hi_reasons_hint(reasons, HI_EMIT_RELOCS_HINT);
		}
		return;
	}
	if (!group->home) {
		group->home = home;
		group->first = symbol;
	} else if (group->home != home) {
		bool first_kept = group->home != relink->build;

		judge_mixed(site, first_kept ? group->first : symbol,
			    first_kept ? symbol : group->first, reasons);
	}
}

/* Sites of one base, or of one function where the base is not known. */
static bool same_group(const struct hi_site *a, const struct hi_site *b)
{
	if (a->base_place_link && b->base_place_link)
		return a->base_place_link == b->base_place_link;
	return a->function == b->function;
}

static const struct hi_build *judge_group(const struct hi_relink *relink,
					  const struct hi_site *base,
					  struct hi_reasons *reasons)
{
	const struct hi_sites *sites = &relink->build->sites;
	struct ld_group group = { NULL, NULL };

	for (size_t i = 0; i < sites->n_sites; i++) {
		const struct hi_site *site = &sites->sites[i];
		struct hi_site probe = *base;

		probe.base_place_link = base->place_link;
		if (site->kind == HI_SITE_TLS && same_group(site, &probe))
			judge_operand(relink, site, &group, reasons);
	}
	return group.home ? group.home : relink->build;
}

/*
 * A thread-local of the initial-exec model is reached by its distance from the
 * thread pointer, which exists only where its home is in static TLS; that is
 * known once the host was asked (module 0: not yet).
 */
static bool is_static(const struct hi_build *build)
{
	return build->tls.block &&
	       build->tls.block < build->tls.thread_pointer &&
	       build->tls.thread_pointer - build->tls.block < STATIC_TLS_MAX;
}

void hi_relink_judge_tls(const struct hi_relink *relink,
			 struct hi_reasons *reasons)
{
	const struct hi_sites *sites = &relink->build->sites;

	for (size_t i = 0; i < sites->n_sites; i++)
		if (sites->sites[i].kind == HI_SITE_TLS_BASE)
			judge_group(relink, &sites->sites[i], reasons);
}

/* --- the writes --- */

static uint64_t word_in_file(const struct hi_build *build, uint64_t at_link)
{
	uint64_t word = 0;
	const uint8_t *bytes = hi_image_find_bytes(build->image, at_link, 8);

	if (bytes)
		memcpy(&word, bytes, 8);
	return word;
}

static void add(const struct hi_relink *relink, struct hi_plan *plan,
		uint64_t place_link, uint64_t value)
{
	bool code = hi_image_get_data_kind(relink->build->image, place_link) ==
		    HI_DATA_RELRO;

	hi_plan_add_word(plan, relink->build->base_remote + place_link, value,
			 value, code);
}

static bool is_ld_pair(const struct hi_build *build, uint64_t place_link)
{
	for (size_t i = 0; i < build->sites.n_sites; i++)
		if (build->sites.sites[i].kind == HI_SITE_TLS_BASE &&
		    build->sites.sites[i].target_link == place_link)
			return true;
	return false;
}

/*
 * The offset in the new build's block that a relocation is about; false when it
 * is about a symbol of another library.
 */
static bool own_offset(const struct hi_build *build,
		       const struct hi_reloc *reloc, uint64_t *ret_offset)
{
	if (reloc->name[0] != '\0') {
		if (!reloc->defined)
			return false;
		*ret_offset = reloc->sym_link + (uint64_t)reloc->addend;
		return true;
	}
	*ret_offset = reloc->type == R_X86_64_DTPMOD64 ?
			      word_in_file(build, reloc->place_link + 8) :
			      (uint64_t)reloc->addend;
	return true;
}

/* A TLS descriptor of an older build for the same place, to be copied. */
static int copy_descriptor(const struct hi_relink *relink,
			   const struct hi_host *host,
			   const struct hi_build *home, uint64_t offset,
			   uint64_t pair[2], struct hi_err *err)
{
	for (size_t i = 0; i < home->n_relocs; i++) {
		const struct hi_reloc *reloc = &home->relocs[i];
		uint64_t at;

		if (reloc->type != R_X86_64_TLSDESC ||
		    !own_offset(home, reloc, &at) || at != offset)
			continue;
		return hi_remote_read(host,
				      home->base_remote + reloc->place_link,
				      pair, 16, err);
	}
	(void)relink;
	hi_fail(err, HI_E_RELINK,
		"build #%u reaches its thread-locals in another way (TLS "
		"descriptors) than build #%u",
		relink->build->number, home->number);
	hi_err_hint(err, "compile every build with the same -mtls-dialect, or "
			 "pass --state=fresh");
	return HI_E_RELINK;
}

static int join_descriptor(const struct hi_relink *relink,
			   const struct hi_host *host, struct hi_plan *plan,
			   const struct hi_reloc *reloc,
			   const struct hi_build *home, uint64_t offset,
			   struct hi_err *err)
{
	uint64_t pair[2];
	int code = copy_descriptor(relink, host, home, offset, pair, err);

	if (code < 0)
		return code;
	add(relink, plan, reloc->place_link, pair[0]);
	add(relink, plan, reloc->place_link + 8, pair[1]);
	return 0;
}

static int join_initial_exec(const struct hi_relink *relink,
			     struct hi_plan *plan, const struct hi_reloc *reloc,
			     const struct hi_build *home, uint64_t offset,
			     struct hi_err *err)
{
	if (!is_static(home)) {
		hi_fail(err, HI_E_RELINK,
			"the thread-locals of build #%u are not in static TLS, "
			"which the initial-exec model of build #%u needs",
			home->number, relink->build->number);
		hi_err_hint(err, "compile without "
				 "-ftls-model=initial-exec, or pass "
				 "--state=fresh");
		return HI_E_RELINK;
	}
	add(relink, plan, reloc->place_link,
	    home->tls.block + offset - home->tls.thread_pointer);
	return 0;
}

/* One relocation; JOIN reaches the homes, otherwise the build's own block. */
static int write_reloc(const struct hi_relink *relink,
		       const struct hi_host *host, struct hi_plan *plan,
		       const struct hi_reloc *reloc, bool join,
		       struct hi_err *err)
{
	const struct hi_build *build = relink->build;
	const struct hi_build *home = build;
	uint64_t offset, moved;

	if (!own_offset(build, reloc, &offset))
		return 0;
	moved = offset;
	if (join)
		home = home_of(relink, offset, &moved);
	switch (reloc->type) {
	case R_X86_64_DTPMOD64:
		if (is_ld_pair(build, reloc->place_link))
			return 0;
		add(relink, plan, reloc->place_link, home->tls.module);
		if (reloc->name[0] == '\0')
			add(relink, plan, reloc->place_link + 8, moved);
		return 0;
	case R_X86_64_DTPOFF64:
		add(relink, plan, reloc->place_link, moved);
		return 0;
	case R_X86_64_TPOFF64:
		return home == build && !is_static(build) ?
			       0 :
			       join_initial_exec(relink, plan, reloc, home,
						 moved, err);
	default:
		return home == build ? 0 :
				       join_descriptor(relink, host, plan,
						       reloc, home, moved, err);
	}
}

static int write_relocs(const struct hi_relink *relink,
			const struct hi_host *host, struct hi_plan *plan,
			bool join, struct hi_err *err)
{
	const struct hi_build *build = relink->build;
	int code = 0;

	for (size_t i = 0; i < build->n_relocs && code == 0; i++)
		if (hi_relink_is_tls(&build->relocs[i]))
			code = write_reloc(relink, host, plan,
					   &build->relocs[i], join, err);
	return code;
}

int hi_relink_isolate_tls(const struct hi_relink *relink,
			  const struct hi_host *host, struct hi_plan *plan,
			  struct hi_err *err)
{
	return write_relocs(relink, host, plan, false, err);
}

/*
 * The pair (module of HOME, 0), made in two table slots on first use. It is written for
 * each build that needs it: the write for the one before may have been undone.
 */
static uint64_t get_pair(const struct hi_relink *relink,
			 const struct hi_build *home, struct hi_plan *plan)
{
	struct hi_worker *worker = relink->worker;
	uint64_t before = home->tls.module;

	if (worker->tls_pair_home != home) {
		worker->tls_pair_home = home;
		worker->tls_pair_remote =
			hi_table_take(worker->table).slot_remote;
		(void)hi_table_take(worker->table);
		before = 0;
	}
	hi_plan_add_word(plan, worker->tls_pair_remote, home->tls.module,
			 before, false);
	return worker->tls_pair_remote;
}

/* The offset in a local-dynamic operand: an absolute field. */
static void set_offset(const struct hi_relink *relink, struct hi_plan *plan,
		       const struct hi_site *site, uint64_t offset)
{
	int32_t field = (int32_t)offset;
	int32_t before = (int32_t)site->target_link;

	if (field != before)
		hi_plan_add(plan, relink->build->base_remote + site->place_link,
			    &field, &before, 4, true);
}

int hi_relink_join_tls(const struct hi_relink *relink,
		       const struct hi_host *host, struct hi_plan *plan,
		       struct hi_err *err)
{
	const struct hi_sites *sites = &relink->build->sites;
	struct hi_reasons ignored = { NULL, 0, 0, "" };
	int code = write_relocs(relink, host, plan, true, err);

	for (size_t i = 0; i < sites->n_sites && code == 0; i++) {
		const struct hi_site *site = &sites->sites[i];
		const struct hi_build *home;
		uint64_t moved;

		if (site->kind == HI_SITE_TLS && !site->ambiguous) {
			home_of(relink, site->target_link, &moved);
			set_offset(relink, plan, site, moved);
		}
		if (site->kind != HI_SITE_TLS_BASE)
			continue;
		home = judge_group(relink, site, &ignored);
		if (home != relink->build)
			code = hi_relink_set_field(relink, plan, site,
						   get_pair(relink, home, plan),
						   err);
	}
	hi_reasons_done(&ignored);
	return code;
}
