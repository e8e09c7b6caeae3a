/*
 * Which variables of a new build are those of the builds before.
 */
#include "injector/worker.h"

#include <stdlib.h>
#include <string.h>

#include "injector/locals.h"
#include "injector/worker_parts.h"

static bool is_state(const struct hi_build *build,
		     const struct hi_symbol *symbol)
{
	if (symbol->compiler_made)
		return false;
	if (symbol->type == HI_SYM_TLS)
		return true;
	return hi_image_get_data_kind(build->image, symbol->addr_link) ==
	       HI_DATA_STATE;
}

/* typeinfo objects and names: Itanium C++ ABI ch. 5.1.4.1, 2.9.5. */
static bool is_type_identity(const struct hi_symbol *symbol)
{
	return symbol->type == HI_SYM_OBJECT &&
	       (strncmp(symbol->name, "_ZTI", 4) == 0 ||
		strncmp(symbol->name, "_ZTS", 4) == 0);
}

static struct hi_variable *add_variable(struct hi_worker *worker,
					struct hi_build *build,
					const struct hi_symbol *symbol)
{
	struct hi_variable *variable = calloc(1, sizeof(*variable));

	if (!variable || hi_worker_append((void ***)&worker->variables,
					  &worker->n_variables, variable) < 0) {
		free(variable);
		return NULL;
	}
	variable->number = worker->n_variables - 1;
	variable->symbol = symbol;
	variable->home = build;
	variable->identity = is_type_identity(symbol);
	return variable;
}

static struct hi_variable *match_variable(const struct hi_worker *worker,
					  const struct hi_build *build,
					  const struct hi_symbol *symbol,
					  struct hi_locals *locals,
					  bool *ret_ambiguous)
{
	for (size_t i = worker->n_active; i-- > 0;) {
		const struct hi_build *old = worker->active[i];
		const struct hi_symbol *same;

		/* what it has, a newer one has, whose types are known */
		if (old->copy == HI_COPY_CODE && !is_type_identity(symbol))
			continue;
		same = hi_symtab_find_same(old->symtab, build->symtab, symbol,
					   ret_ambiguous);
		if (hi_locals_find(locals, old, build, symbol, same, &same))
			*ret_ambiguous = false;
		if (*ret_ambiguous)
			return NULL;
		if (same && old->variables[hi_build_variable_index(old, same)])
			return old
				->variables[hi_build_variable_index(old, same)];
	}
	return NULL;
}

/* What a relocation names, for comparing two builds. */
static const char *get_referent(const struct hi_build *build,
				const struct hi_reloc *reloc)
{
	const struct hi_symbol *symbol;

	if (reloc->name[0])
		return reloc->name;
	symbol = hi_symtab_find_variable_at(build->symtab,
					    (uint64_t)reloc->addend);
	return symbol ? symbol->name : "";
}

/* The next relocation inside [START, START + SIZE) from index *AT on. */
static const struct hi_reloc *next_reloc(const struct hi_build *build,
					 const struct hi_symbol *symbol,
					 size_t *at)
{
	while (*at < build->n_relocs) {
		const struct hi_reloc *reloc = &build->relocs[(*at)++];

		if (reloc->place_link >= symbol->addr_link &&
		    reloc->place_link < symbol->addr_link + symbol->size)
			return reloc;
	}
	return NULL;
}

/* Type information is shared only when name and bases are the same. */
static bool is_same_type(const struct hi_variable *variable,
			 const struct hi_build *build,
			 const struct hi_symbol *symbol)
{
	const struct hi_build *home = variable->home;
	size_t here = 0, there = 0;

	if (variable->symbol->size != symbol->size)
		return false;
	for (;;) {
		const struct hi_reloc *one =
			next_reloc(home, variable->symbol, &there);
		const struct hi_reloc *other = next_reloc(build, symbol, &here);

		if (!one || !other)
			return one == other;
		if (strcmp(get_referent(home, one),
			   get_referent(build, other)) != 0)
			return false;
	}
}

static const char *kind_name(const struct hi_symbol *symbol)
{
	return symbol->type == HI_SYM_TLS ? "thread-local" : "variable";
}

static void refuse_kind(const struct hi_symbol *symbol,
			struct hi_reasons *reasons)
{
	hi_reasons_add(reasons, "variable-kind", symbol->name, "",
		       "variable %s became %s, so its value cannot be kept",
		       symbol->base,
		       symbol->type == HI_SYM_TLS ? "thread-local" :
						    "shared by all threads");
	hi_reasons_hint(reasons, "--state=fresh accepts the build and starts "
				 "every variable anew");
}

/* Whether a variable of the new build may use the home of the old one, of its kind. */
static bool may_keep(const struct hi_variable *variable,
		     const struct hi_symbol *symbol, struct hi_reasons *reasons)
{
	const char *hint = "--state=fresh accepts the build and starts every "
			   "variable anew";

	if (variable->symbol->size != symbol->size) {
		hi_reasons_add(reasons, "variable-size", symbol->name, "",
			       "%s %s changed from %lu to %lu bytes, so its "
			       "value cannot be kept",
			       kind_name(symbol), symbol->base,
			       variable->symbol->size, symbol->size);
		hi_reasons_hint(reasons, "%s", hint);
		return false;
	}
	return true;
}

/* A variable of the current build that has the name but is of the other kind
   (thread-local or not): the user would miss its value. */
static const struct hi_symbol *find_other_kind(const struct hi_worker *worker,
					       const struct hi_symbol *symbol)
{
	const struct hi_symbol *symbols;
	size_t n;

	if (!worker->current)
		return NULL;
	symbols = hi_symtab_get_variables(worker->current->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if ((symbols[i].type == HI_SYM_TLS) !=
			    (symbol->type == HI_SYM_TLS) &&
		    worker->current->variables[i] &&
		    strcmp(symbols[i].base, symbol->base) == 0 &&
		    strcmp(symbols[i].file, symbol->file) == 0)
			return &symbols[i];
	return NULL;
}

static int match_one_variable(struct hi_worker *worker, struct hi_build *build,
			      const struct hi_symbol *symbol, size_t i,
			      enum hi_state_mode state,
			      struct hi_locals *locals,
			      struct hi_reasons *reasons, struct hi_err *err)
{
	bool ambiguous = false;
	struct hi_variable *variable = NULL;

	if (state == HI_STATE_KEEP || is_type_identity(symbol))
		variable = match_variable(worker, build, symbol, locals,
					  &ambiguous);
	if (ambiguous) {
		hi_reasons_add(
			reasons, "variable-ambiguous", symbol->name, "",
			"several variables named %s cannot be told apart",
			symbol->base);
		hi_reasons_hint(reasons, "give them different names, or pass "
					 "--state=fresh");
		return 0;
	}
	if (variable && variable->identity) {
		if (!is_same_type(variable, build, symbol))
			variable = NULL;
	} else if (variable && !may_keep(variable, symbol, reasons)) {
		return 0;
	}
	if (!variable && state == HI_STATE_KEEP &&
	    find_other_kind(worker, symbol))
		refuse_kind(symbol, reasons);
	if (!variable)
		variable = add_variable(worker, build, symbol);
	if (!variable)
		return hi_fail(err, HI_E_NOMEM, "no memory for %s",
			       symbol->name);
	build->variables[i] = variable;
	return 0;
}

static int match_variables(struct hi_worker *worker, struct hi_build *build,
			   enum hi_state_mode state, struct hi_reasons *reasons,
			   struct hi_err *err)
{
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_variables(build->symtab, &n);
	struct hi_locals locals = { NULL, 0 };
	int code = 0;

	for (size_t i = 0; i < n && code == 0; i++)
		if (is_state(build, &symbols[i]) ||
		    is_type_identity(&symbols[i]))
			code = match_one_variable(worker, build, &symbols[i], i,
						  state, &locals, reasons, err);
	hi_locals_done(&locals);
	return code;
}

/* What the verdict compares is carried over from the builds that it looks at. */
static int read_units(struct hi_worker *worker, struct hi_build *build,
		      struct hi_err *err)
{
	const struct hi_build *none[2] = { NULL, NULL };
	const struct hi_build *before[2] = { worker->current, NULL };
	int code;

	if (!worker->current)
		return 0;
	before[1] = worker->builds[0];
	code = hi_build_read_units(worker->builds[0], none, err);
	return code < 0 ? code : hi_build_read_units(build, before, err);
}

int hi_worker_match(struct hi_worker *worker, struct hi_build *build,
		    enum hi_state_mode state, struct hi_reasons *reasons,
		    struct hi_err *err)
{
	int code = hi_build_read_text(build, worker->current, err);

	if (code == 0)
		code = read_units(worker, build, err);
	if (code == 0)
		code = hi_worker_match_functions(worker, build, err);
	if (code == 0)
		code = match_variables(worker, build, state, reasons, err);
	return code;
}
