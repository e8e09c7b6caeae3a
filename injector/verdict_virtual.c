#include "injector/verdict_virtual.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "common/own.h"
#include "elfscan/closure.h"
#include "elfscan/demangle.h"
#include "elfscan/dies.h"

struct pair {
	const struct hi_symbol *old, *new;
};

struct tables {
	const struct hi_build *old, *new;
	struct hi_reasons *reasons;
	struct hi_dies was, is;
	struct pair *pairs; /* functions in tables */
	size_t n_pairs, cap_pairs;
	const void **judged; /* entries of types */
	size_t n_judged, cap_judged;
};

/* Whether the type is looked at for the first time; each has many functions. */
static bool is_new_type(struct tables *tables, const Dwarf_Die *type)
{
	for (size_t i = 0; i < tables->n_judged; i++)
		if (tables->judged[i] == type->addr)
			return false;
	if (hi_grow(&tables->judged, tables->n_judged, &tables->cap_judged,
		    sizeof(void *)))
		tables->judged[tables->n_judged++] = type->addr;
	return true;
}

static bool is_told(const struct hi_reasons *reasons, const char *symbol)
{
	for (size_t i = 0; i < reasons->n; i++)
		if (!strcmp(reasons->list[i].symbol, symbol))
			return true;
	return false;
}

static void hint(struct hi_reasons *reasons)
{
	hi_reasons_hint(reasons, "start the host again, or pass "
				 "--on-drift=accept when no such object "
				 "outlives the old code");
}

/* --- what the objects hold ------------------------------------------------------ */

/*
 * Whether the function in a table at PLACE_LINK is called for an object of its own: in
 * Rust by its name, else by the table, which is one of virtual functions, or a variable
 * of C that holds functions for whoever has such objects.
 */
static bool is_in_table(const struct hi_build *build, uint64_t place_link,
			const struct hi_symbol *function)
{
	const struct hi_symbol *table;

	/* of both schemes of names: what implements a trait */
	if (strstr(function->name, "$u20$as$u20$") ||
	    !strncmp(function->name, "_RNvX", 5))
		return hi_image_get_data_kind(build->image, place_link) ==
		       HI_DATA_RELRO;
	table = hi_symtab_find_variable_at(build->symtab, place_link);
	if (!table || !strncmp(function->name, "_R", 2))
		return false;
	return strncmp(function->name, "_ZN", 3) != 0 ||
	       !strncmp(table->name, "_ZTV", 4);
}

static void judge_receiver(struct tables *tables, const struct pair *pair)
{
	struct hi_receiver old, new;
	struct hi_buf root = HI_BUF_INIT;
	char *HI_FREE name = NULL;
	Dwarf_Die was, is;

	if (!hi_dies_get(&tables->was, pair->old, &was) ||
	    !hi_dies_get(&tables->is, pair->new, &is) ||
	    !hi_receiver_find(&was, &old) || !hi_receiver_find(&is, &new) ||
	    !is_new_type(tables, &new.type) ||
	    hi_receiver_layout(&old) == hi_receiver_layout(&new))
		return;
	hi_buf_printf(&root, "%s %s", new.keyword, new.name);
	name = hi_demangle(pair->new->name);
	if (is_told(tables->reasons, hi_buf_str(&root)))
		;
	else if (old.size != new.size)
		hi_reasons_add(tables->reasons, "layout", hi_buf_str(&root), "",
			       "%s from %lu to %lu bytes; objects that exist "
			       "keep the old layout; reached from %s",
			       old.size < new.size ? "grew" : "shrank",
			       old.size, new.size, name ? name : "");
	else
		hi_reasons_add(tables->reasons, "layout", hi_buf_str(&root), "",
			       "has other members; objects that exist keep "
			       "the old layout; reached from %s",
			       name ? name : "");
	hint(tables->reasons);
	hi_buf_done(&root);
}

/* The function that a relocation puts into a table, and that was there before. */
static const struct hi_symbol *find_target(const struct tables *tables,
					   const struct hi_reloc *reloc)
{
	const struct hi_build *build = tables->new;
	const struct hi_symbol *symbol;
	const struct hi_function *function;

	symbol = reloc->name[0] ?
			 hi_symtab_find_exported(build->symtab, reloc->name,
						 NULL) :
			 hi_symtab_find_function_at(build->symtab,
						    (uint64_t)reloc->addend);
	if (!symbol || symbol->type != HI_SYM_FUNC)
		return NULL;
	function = build->functions[hi_build_function_index(build, symbol)];
	return function && function->home != build ? symbol : NULL;
}

static void add_pair(struct tables *tables, const struct hi_symbol *function)
{
	const struct hi_build *old = tables->old, *new = tables->new;
	bool ambiguous;
	struct pair pair = {
		hi_symtab_find_same(old->symtab, new->symtab, function,
				    &ambiguous),
		function,
	};

	if (!pair.old ||
	    (old->units && new->units &&hi_units_same(old->units, pair.old,
						      new->units, pair.new)) ||
	    !hi_grow(&tables->pairs, tables->n_pairs, &tables->cap_pairs,
		     sizeof(pair)))
		return;
	tables->pairs[tables->n_pairs++] = pair;
}

static void find_pairs(struct tables *tables)
{
	const struct hi_build *build = tables->new;

	for (size_t i = 0; i < build->n_relocs; i++) {
		const struct hi_symbol *target =
			find_target(tables, &build->relocs[i]);

		if (target &&
		    is_in_table(build, build->relocs[i].place_link, target))
			add_pair(tables, target);
	}
}

static void judge_receivers(struct tables *tables)
{
	bool known = true;

	find_pairs(tables);
	if (!tables->n_pairs)
		return;
	hi_dies_init(&tables->was, tables->old->image, tables->old->units);
	hi_dies_init(&tables->is, tables->new->image, tables->new->units);
	for (size_t i = 0; i < tables->n_pairs && known; i++)
		known = hi_dies_want(&tables->was, tables->pairs[i].old,
				     NULL) == 0 &&
			hi_dies_want(&tables->is, tables->pairs[i].new, NULL) ==
				0;
	hi_dies_find(&tables->was);
	hi_dies_find(&tables->is);
	for (size_t i = 0; i < tables->n_pairs; i++)
		judge_receiver(tables, &tables->pairs[i]);
	hi_dies_done(&tables->was);
	hi_dies_done(&tables->is);
}

/* --- the tables ------------------------------------------------------------------ */

static void judge_sizes(struct tables *tables)
{
	static const char prefix[] = "vtable for ";
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_variables(tables->new->symtab, &n);

	for (size_t i = 0; i < n; i++) {
		const struct hi_symbol *same;
		char *HI_FREE name = NULL;
		bool ambiguous;

		if (strncmp(symbols[i].name, "_ZTV", 4) != 0)
			continue;
		same = hi_symtab_find_same(tables->old->symtab,
					   tables->new->symtab, &symbols[i],
					   &ambiguous);
		if (!same || same->size == symbols[i].size)
			continue;
		name = hi_demangle(symbols[i].name);
		if (!name)
			continue;
		hi_reasons_add(tables->reasons, "vtable",
			       strncmp(name, prefix, strlen(prefix)) ?
				       name :
				       name + strlen(prefix),
			       "",
			       "has %s virtual functions; objects that exist "
			       "keep the old table",
			       same->size < symbols[i].size ? "more" : "fewer");
		hint(tables->reasons);
	}
}

void hi_verdict_virtual(const struct hi_worker *worker,
			const struct hi_build *build,
			struct hi_reasons *reasons)
{
	struct tables tables = { .old = worker->current,
				 .new = build,
				 .reasons = reasons };

	/* who reads the types has found as much, and says it better */
	for (size_t i = 0; i < reasons->n; i++)
		if (!strcmp(reasons->list[i].kind, "layout") ||
		    !strcmp(reasons->list[i].kind, "vtable"))
			return;
	judge_sizes(&tables);
	if (!tables.old->units || !build->units ||
	    !hi_units_all_same(tables.old->units, build->units))
		judge_receivers(&tables);
	free(tables.pairs);
	free(tables.judged);
}
