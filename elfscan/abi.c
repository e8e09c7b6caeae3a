#include "elfscan/abi.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/dies.h"
#include "elfscan/signature.h"

struct comparison {
	const struct hi_build_facts *old;
	const struct hi_build_facts *new;
	bool (*is_used)(void *context, const char *symbol);
	void *context;
	struct hi_dies old_dies;
	struct hi_dies new_dies;
	struct hi_types types;
	struct hi_abi_findings findings;
	struct hi_err *err;
	int code;
	/* what a callback's finding is about */
	const struct hi_symbol *symbol;
	const struct hi_symbol *new_symbol; /* NULL: it is gone */
};

static void fail(struct comparison *comparison)
{
	comparison->code = hi_fail(comparison->err, HI_E_NOMEM,
				   "out of memory for the comparison of "
				   "interfaces");
}

/* Where the new symbol is declared: "worker.c:12", for free(). */
static char *get_where(const struct comparison *comparison)
{
	const char *file;
	Dwarf_Die die;
	char *where;
	int line;

	if (!comparison->new_symbol ||
	    !hi_dies_get(&comparison->new_dies, comparison->new_symbol, &die))
		return strdup("");
	file = hi_dies_get_file(&die);
	if (!file || dwarf_decl_line(&die, &line))
		return strdup("");
	if (asprintf(&where, "%s:%d", basename(file), line) < 0)
		return NULL;
	return where;
}

static void add(struct comparison *comparison, const char *kind,
		const char *text)
{
	struct hi_abi_findings *findings = &comparison->findings;
	struct hi_abi_finding *list, *finding;

	list = realloc(findings->list, (findings->n + 1) * sizeof(*list));
	if (!list) {
		fail(comparison);
		return;
	}
	findings->list = list;
	finding = &list[findings->n++];
	finding->kind = kind;
	finding->symbol = strdup(comparison->symbol->name);
	finding->text = strdup(text);
	finding->where = get_where(comparison);
	if (!finding->symbol || !finding->text || !finding->where)
		fail(comparison);
}

static void add_signature(void *context, const char *kind, const char *text)
{
	add(context, kind, text);
}

static bool is_used(const struct comparison *comparison,
		    const struct hi_symbol *symbol)
{
	return comparison->is_used(comparison->context, symbol->name);
}

static bool is_function(const struct hi_symbol *symbol)
{
	return symbol->type == HI_SYM_FUNC || symbol->type == HI_SYM_IFUNC;
}

/* A resolver has the address, not the function that is called. */
static bool has_signature(const struct hi_symbol *symbol)
{
	return symbol->type == HI_SYM_FUNC;
}

static const char *get_kind(const struct hi_symbol *symbol)
{
	if (is_function(symbol))
		return "a function";
	return symbol->type == HI_SYM_TLS ? "a thread-local variable" :
					    "a variable";
}

/* What a reference to OLD would be bound to in the new build, or NULL. */
static const struct hi_symbol *find_twin(const struct comparison *comparison,
					 const struct hi_symbol *old)
{
	const struct hi_symtab *symtab = comparison->new->symtab;
	const struct hi_symbol *found =
		hi_symtab_find_exported(symtab, old->name, old->version);

	if (found || !old->default_version)
		return found;
	/* a version script came or went: who linked against one is served by
	   the other */
	found = hi_symtab_find_exported(symtab, old->name,
					*old->version ? "" : NULL);
	return found && found->default_version ? found : NULL;
}

static void compare_symbols(struct comparison *comparison,
			    const struct hi_symbol *old,
			    const struct hi_symbol *new)
{
	char text[160];

	if (!new) {
		if (is_used(comparison, old))
			add(comparison, "symbol-removed",
			    "the host uses it and the new build does not "
			    "define it");
		return;
	}
	if (strcmp(get_kind(old), get_kind(new)) != 0) {
		snprintf(text, sizeof(text), "was %s and is now %s",
			 get_kind(old), get_kind(new));
		add(comparison, "symbol-kind", text);
	} else if (!is_function(old) && old->size != new->size &&
		   is_used(comparison, old)) {
		snprintf(text, sizeof(text),
			 "changed from %llu to %llu bytes; the host has a copy "
			 "or knows the size",
			 (unsigned long long)old->size,
			 (unsigned long long)new->size);
		add(comparison, "object-size", text);
	}
}

static void compare_variables(struct comparison *comparison, Dwarf_Die *old,
			      Dwarf_Die *new)
{
	struct hi_type_difference difference = { 0 };
	enum hi_type_verdict verdict;
	Dwarf_Die before, after;

	if (!hi_type_of(old, &before) || !hi_type_of(new, &after))
		return;
	verdict = hi_type_compare(&comparison->types, &before, &after,
				  &difference);
	if (verdict == HI_TYPE_DIFFERS)
		add(comparison, "variable-type", hi_buf_str(&difference.text));
	hi_buf_done(&difference.text);
}

static enum hi_type_verdict compare_functions(struct comparison *comparison,
					      const struct hi_symbol *old,
					      const struct hi_symbol *new)
{
	enum hi_type_verdict verdict;
	uint8_t *memo = NULL;
	Dwarf_Die before, after;

	/* of one entry nothing can differ, but some of it be unknown */
	if (hi_dies_are_same(&comparison->old_dies, old, &comparison->new_dies,
			     new, &memo) &&
	    *memo)
		return *memo - 1;
	if (!hi_dies_get(&comparison->old_dies, old, &before) ||
	    !hi_dies_get(&comparison->new_dies, new, &after))
		return HI_TYPE_UNKNOWN;
	verdict = hi_signature_compare(&comparison->types, &before, &after,
				       add_signature, comparison);
	if (memo && verdict != HI_TYPE_DIFFERS)
		*memo = verdict + 1;
	return verdict;
}

static void compare_types(struct comparison *comparison,
			  const struct hi_symbol *old,
			  const struct hi_symbol *new)
{
	Dwarf_Die before, after;
	uint8_t *no_matter;

	if (has_signature(old) && has_signature(new)) {
		if (compare_functions(comparison, old, new) == HI_TYPE_UNKNOWN)
			comparison->findings.could_not_verify = true;
	} else if (old->type == new->type && !is_function(old) &&
		   is_used(comparison, old) && old->size == new->size &&
		   !hi_dies_are_same(&comparison->old_dies, old,
				     &comparison->new_dies, new, &no_matter) &&
		   hi_dies_get(&comparison->old_dies, old, &before) &&
		   hi_dies_get(&comparison->new_dies, new, &after)) {
		compare_variables(comparison, &before, &after);
	}
}

static void compare_one(struct comparison *comparison,
			const struct hi_symbol *old)
{
	const struct hi_symbol *new = find_twin(comparison, old);

	comparison->symbol = old;
	comparison->new_symbol = new;
	compare_symbols(comparison, old, new);
	if (new)
		compare_types(comparison, old, new);
}

static void want(struct comparison *comparison, const struct hi_symbol *old)
{
	const struct hi_symbol *new = find_twin(comparison, old);

	if (!new)
		return;
	comparison->code =
		hi_dies_want(&comparison->old_dies, old, comparison->err);
	if (comparison->code >= 0)
		comparison->code = hi_dies_want(&comparison->new_dies, new,
						comparison->err);
}

/* Inline functions and templates of C++ are exported by whoever has a copy; only
   the host's own use makes them part of an interface. */
static bool is_judged(const struct comparison *comparison,
		      const struct hi_symbol *symbol)
{
	return symbol->exported && !symbol->compiler_made &&
	       (symbol->elf_bind == STB_GLOBAL || is_used(comparison, symbol));
}

/* Call DO_ONE for everything that the old build exports. */
static void for_each_export(struct comparison *comparison,
			    void (*do_one)(struct comparison *comparison,
					   const struct hi_symbol *old))
{
	const struct hi_symtab *symtab = comparison->old->symtab;
	const struct hi_symbol *symbols;
	size_t n;

	symbols = hi_symtab_get_functions(symtab, &n);
	for (size_t i = 0; i < n && comparison->code >= 0; i++) {
		if (is_judged(comparison, &symbols[i]))
			do_one(comparison, &symbols[i]);
	}
	symbols = hi_symtab_get_variables(symtab, &n);
	for (size_t i = 0; i < n && comparison->code >= 0; i++) {
		if (is_judged(comparison, &symbols[i]))
			do_one(comparison, &symbols[i]);
	}
}

int hi_abi_compare(const struct hi_build_facts *old,
		   const struct hi_build_facts *new,
		   bool (*is_used)(void *context, const char *symbol),
		   void *context, struct hi_abi_findings *ret_findings,
		   struct hi_err *err)
{
	struct comparison comparison = {
		.old = old,
		.new = new,
		.is_used = is_used,
		.context = context,
		.err = err,
	};

	hi_dies_init(&comparison.old_dies, old->image, old->units);
	hi_dies_init(&comparison.new_dies, new->image, new->units);
	if (!old->units || !new->units)
		for_each_export(&comparison, want);
	if (comparison.code >= 0) {
		hi_dies_find(&comparison.old_dies);
		hi_dies_find(&comparison.new_dies);
		for_each_export(&comparison, compare_one);
	}
	hi_types_done(&comparison.types);
	hi_dies_done(&comparison.old_dies);
	hi_dies_done(&comparison.new_dies);
	if (comparison.code < 0) {
		hi_abi_findings_done(&comparison.findings);
		return comparison.code;
	}
	*ret_findings = comparison.findings;
	return 0;
}

void hi_abi_findings_done(struct hi_abi_findings *findings)
{
	for (size_t i = 0; i < findings->n; i++) {
		free(findings->list[i].symbol);
		free(findings->list[i].text);
		free(findings->list[i].where);
	}
	free(findings->list);
	*findings = (struct hi_abi_findings){ 0 };
}
