#include "injector/ifunc.h"

#include <elf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/dynsym.h"
#include "injector/apply.h"
#include "injector/ifunc_parts.h"

bool hi_ifunc_is(const struct hi_symbol *symbol)
{
	return symbol->type == HI_SYM_IFUNC;
}

static bool has_symbols(const struct hi_build *build)
{
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(build->symtab, &n);

	for (size_t i = 0; i < n; i++)
		if (hi_ifunc_is(&symbols[i]))
			return true;
	return false;
}

bool hi_ifunc_is_own(const struct hi_reloc *reloc)
{
	return reloc->type == R_X86_64_IRELATIVE ||
	       (reloc->defined && reloc->sym_type == STT_GNU_IFUNC);
}

static uint64_t resolver_of(const struct hi_reloc *reloc)
{
	return reloc->type == R_X86_64_IRELATIVE ? (uint64_t)reloc->addend :
						   reloc->sym_link;
}

bool hi_ifunc_is_needed(const struct hi_worker *worker,
			const struct hi_build *build)
{
	for (size_t i = 0; i < build->n_relocs; i++)
		if (hi_ifunc_is_own(&build->relocs[i]))
			return true;
	return has_symbols(build) || has_symbols(worker->builds[0]);
}

struct hi_function *hi_ifunc_find_lead(const struct hi_build *build,
				       const struct hi_reloc *reloc)
{
	struct hi_function *lead = NULL;
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(build->symtab, &n);

	for (size_t i = 0; i < n; i++) {
		if (!hi_ifunc_is(&symbols[i]) ||
		    symbols[i].addr_link != resolver_of(reloc) ||
		    (reloc->name[0] &&
		     strcmp(symbols[i].name, reloc->name) != 0))
			continue;
		/* several functions of one resolver, which cannot be told apart */
		if (lead && lead != build->functions[i])
			return NULL;
		lead = build->functions[i];
	}
	return lead;
}

/* --- the resolvers of a build --- */

static int by_value(const void *a, const void *b)
{
	const uint64_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

static void resolvers_done(struct hi_resolvers *resolvers)
{
	free(resolvers->link);
	free(resolvers->picks);
}

static int collect(const struct hi_build *build, struct hi_resolvers *resolvers,
		   struct hi_err *err)
{
	size_t n_symbols, n = 0;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(build->symtab, &n_symbols);
	uint64_t *link = calloc(n_symbols + build->n_relocs + 1, 8);

	if (!link)
		return hi_fail(err, HI_E_NOMEM, "no memory for resolvers");
	for (size_t i = 0; i < n_symbols; i++)
		if (hi_ifunc_is(&symbols[i]))
			link[n++] = symbols[i].addr_link;
	for (size_t i = 0; i < build->n_relocs; i++)
		if (hi_ifunc_is_own(&build->relocs[i]))
			link[n++] = resolver_of(&build->relocs[i]);
	qsort(link, n, 8, by_value);
	resolvers->build = build;
	resolvers->link = link;
	resolvers->n = 0;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || link[i] != link[i - 1])
			link[resolvers->n++] = link[i];
	resolvers->picks = calloc(resolvers->n + 1, 8);
	if (!resolvers->picks)
		return hi_fail(err, HI_E_NOMEM, "no memory for resolvers");
	for (size_t i = 0; i < resolvers->n; i++)
		resolvers->picks[i] = build->base_remote + link[i];
	return 0;
}

uint64_t hi_resolvers_find(const struct hi_resolvers *resolvers,
			   uint64_t resolver_link)
{
	const uint64_t *found = bsearch(&resolver_link, resolvers->link,
					resolvers->n, 8, by_value);

	return found ? resolvers->picks[found - resolvers->link] : 0;
}

/* What the user calls the function that resolver AT is for. */
static const char *name_of(const void *context, size_t at)
{
	const struct hi_resolvers *resolvers = context;
	const struct hi_symbol *resolver = NULL;
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(resolvers->build->symtab, &n);

	for (size_t i = 0; i < n; i++) {
		if (at >= resolvers->n ||
		    symbols[i].addr_link != resolvers->link[at])
			continue;
		if (hi_ifunc_is(&symbols[i]))
			return symbols[i].name;
		resolver = &symbols[i];
	}
	return resolver ? resolver->name : "a function without a name";
}

static int run_resolvers(struct hi_resolvers *resolvers,
			 struct hi_loader *loader, struct hi_err *err)
{
	return hi_loader_resolve(loader, resolvers->picks, resolvers->n,
				 name_of, resolvers, err);
}

/*
 * What the IFUNC functions of build #1 picked when the host started: their resolvers
 * tell it again. One that fails now leaves its function to its name.
 */
static int find_first_leads(struct hi_worker *worker, struct hi_loader *loader,
			    struct hi_err *err)
{
	struct hi_build *first = worker->builds[0];
	struct hi_resolvers resolvers = { 0 };
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(first->symtab, &n);
	int code;

	if (first->resolved || !has_symbols(first))
		return 0;
	first->resolved = true;
	code = collect(first, &resolvers, err);
	if (code == 0)
		code = run_resolvers(&resolvers, loader, err);
	for (size_t i = 0; i < n && code == 0; i++)
		if (hi_ifunc_is(&symbols[i]))
			first->functions[i] = hi_worker_find_home(
				worker,
				hi_resolvers_find(&resolvers,
						  symbols[i].addr_link));
	resolvers_done(&resolvers);
	return code == HI_E_LOAD ? 0 : code;
}

/* --- the build's own words --- */

/* What ld.so has left undone; a choice of another library stays. */
static void store_picks(struct hi_relink *relink,
			const struct hi_resolvers *resolvers,
			struct hi_plan *plan)
{
	const struct hi_build *build = relink->build;

	for (size_t i = 0; i < build->n_relocs; i++) {
		const struct hi_reloc *reloc = &build->relocs[i];
		uint64_t addend = reloc->type == R_X86_64_64 ?
					  (uint64_t)reloc->addend :
					  0;
		uint64_t pick =
			hi_resolvers_find(resolvers, resolver_of(reloc));

		if (!hi_ifunc_is_own(reloc) ||
		    !(hi_build_covers(build, relink->bound[i] - addend) ||
		      hi_worker_find_build(relink->worker,
					   relink->bound[i] - addend)))
			continue;
		pick = pick ? pick + addend : 0;
		hi_plan_add_word(plan, build->base_remote + reloc->place_link,
				 pick, relink->bound[i], true);
		relink->bound[i] = pick;
	}
}

static void restore_symbol(const struct hi_build *build, uint64_t table_link,
			   const struct hi_symbol *ifunc, struct hi_plan *plan)
{
	const struct hi_dynsym *dynsym = hi_image_get_dynsym(build->image);

	for (size_t i = 0; i < dynsym->n; i++) {
		Elf64_Sym symbol = hi_dynsym_get(dynsym, i);
		unsigned char bind = ELF64_ST_BIND(symbol.st_info);
		unsigned char silent = ELF64_ST_INFO(bind, STT_FUNC);
		unsigned char loud = ELF64_ST_INFO(bind, STT_GNU_IFUNC);
		uint64_t at = build->base_remote + table_link +
			      i * sizeof(symbol) + offsetof(Elf64_Sym, st_info);

		if (symbol.st_shndx != SHN_UNDEF &&
		    symbol.st_value == ifunc->addr_link &&
		    strcmp(hi_dynsym_get_name(dynsym, i), ifunc->name) == 0)
			hi_plan_add(plan, at, &loud, &silent, 1, true);
	}
}

/* Who asks ld.so from now on is to get what the resolver picks. */
static void restore_symbols(const struct hi_build *build, struct hi_plan *plan)
{
	struct hi_image_dyn table;
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(build->symtab, &n);

	if (!hi_image_find_dyn(build->image, DT_SYMTAB, &table))
		return;
	for (size_t i = 0; i < n; i++)
		if (hi_ifunc_is(&symbols[i]) && symbols[i].exported)
			restore_symbol(build, table.value, &symbols[i], plan);
}

int hi_ifunc_resolve(struct hi_relink *relink, struct hi_loader *loader,
		     struct hi_err *err)
{
	struct hi_plan plan = HI_PLAN_INIT;
	struct hi_resolvers resolvers = { 0 };
	int code = collect(relink->build, &resolvers, err);

	if (code == 0)
		code = run_resolvers(&resolvers, loader, err);
	if (code == 0)
		code = find_first_leads(relink->worker, loader, err);
	if (code == 0)
		code = hi_ifunc_follow(relink->worker, relink->build,
				       &resolvers, err);
	if (code == 0) {
		store_picks(relink, &resolvers, &plan);
		restore_symbols(relink->build, &plan);
		code = hi_apply(loader->host, &plan, err);
	}
	hi_plan_done(&plan);
	resolvers_done(&resolvers);
	return code;
}
