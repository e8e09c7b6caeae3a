/*
 * Which variable an operand of the new build means.
 *
 * An address inside a variable means that variable. Compilers also make addresses
 * that are not: one past the end of an array (where a loop stops), or an element
 * before its start (an index that begins at 1). Such an address may be the start of
 * the next variable, or lie between two. As long as all that it could mean moves
 * by the same distance, the answer does not matter. Where the layout has changed,
 * what the code does with the address tells, or the same operand in the current
 * build: there the neighbours were others.
 */
#include "injector/relink_parts.h"

#include <stdlib.h>

/* How many bytes before the start of an array an index may begin; and where the
   address is also that of a variable, which is usual. */
#define NEAR_MAX    256
#define ELEMENT_MAX 16
#define BEHIND_MAX  64 /* that an address in a gap may lie behind an end */

static bool is_data(const struct hi_symbol *symbol)
{
	return symbol->type != HI_SYM_TLS && symbol->size > 0 &&
	       !symbol->compiler_made;
}

/* The index of the first variable that starts behind AT. */
static size_t find_behind(const struct hi_symbol *symbols, size_t n,
			  uint64_t at)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols[middle].addr_link <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The last variable that ends at or before AT, where I start before it. */
static const struct hi_symbol *find_before(const struct hi_symbol *symbols,
					   size_t i, uint64_t at)
{
	while (i-- > 0)
		if (is_data(&symbols[i]) &&
		    symbols[i].addr_link + symbols[i].size <= at)
			return &symbols[i];
	return NULL;
}

static void add(struct hi_meanings *meanings, const struct hi_symbol *symbol)
{
	if (meanings->n < HI_MEANINGS_MAX)
		meanings->symbols[meanings->n++] = symbol;
}

/* Whether AT is the end of SYMBOL, or not more than SLACK bytes behind it. */
static bool is_end(const struct hi_symbol *symbol, uint64_t at, uint64_t slack)
{
	return at - (symbol->addr_link + symbol->size) <= slack;
}

void hi_relink_find_meanings(const struct hi_build *build,
			     const struct hi_site *site,
			     struct hi_meanings *meanings)
{
	uint64_t at = site->target_link;
	const struct hi_symbol *in =
		hi_symtab_find_variable_at(build->symtab, at);
	const struct hi_symbol *symbols, *before;
	uint64_t near = NEAR_MAX;
	size_t n, behind;

	meanings->n = 0;
	symbols = hi_symtab_get_variables(build->symtab, &n);
	behind = find_behind(symbols, n, at);
	before = find_before(symbols, behind, at);
	/* no source can name crtstuff's flag behind the last variable */
	if (in && in->compiler_made && before && is_end(before, at, 0))
		in = NULL;
	if (in)
		add(meanings, in);
	if (in && site->kind != HI_SITE_ADDRESS)
		return;
	if (before && before != in && is_end(before, at, in ? 0 : BEHIND_MAX))
		add(meanings, before);
	if (in && in->addr_link == at)
		near = ELEMENT_MAX;
	for (size_t i = behind; i < n && symbols[i].addr_link - at <= near; i++)
		if (is_data(&symbols[i]))
			add(meanings, &symbols[i]);
}

static struct hi_variable *variable_of(const struct hi_build *build,
				       const struct hi_symbol *symbol)
{
	return build->variables[hi_build_variable_index(build, symbol)];
}

uint64_t hi_relink_distance(const struct hi_build *build,
			    const struct hi_symbol *symbol)
{
	const struct hi_variable *variable = variable_of(build, symbol);

	if (!variable || variable->home == build)
		return 0;
	return variable->home_remote - symbol->addr_link;
}

static bool move_alike(const struct hi_build *build,
		       const struct hi_meanings *meanings)
{
	for (size_t i = 1; i < meanings->n; i++)
		if (hi_relink_distance(build, meanings->symbols[i]) !=
		    hi_relink_distance(build, meanings->symbols[0]))
			return false;
	return true;
}

/* Whether the layout is as it was: then it does not matter what is meant. */
static bool all_move_alike(const struct hi_build *build)
{
	const struct hi_symbol *symbols, *first = NULL;
	size_t n;

	symbols = hi_symtab_get_variables(build->symtab, &n);
	for (size_t i = 0; i < n; i++) {
		if (symbols[i].type == HI_SYM_TLS ||
		    !variable_of(build, &symbols[i]))
			continue;
		if (!first)
			first = &symbols[i];
		if (hi_relink_distance(build, &symbols[i]) !=
		    hi_relink_distance(build, first))
			return false;
	}
	return true;
}

/* Whether nothing lives in a build that was there before the current one. */
static bool all_at_home(const struct hi_relink *relink)
{
	const struct hi_build *build = relink->build;
	size_t n;

	hi_symtab_get_variables(build->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if (build->variables[i] && build->variables[i]->home != build &&
		    build->variables[i]->home != relink->worker->current)
			return false;
	return true;
}

/* An address between two variables, one of which is too far away to be known. */
static bool is_lost(const struct hi_site *site,
		    const struct hi_meanings *meanings)
{
	return meanings->n == 1 &&
	       !hi_relink_is_inside(meanings->symbols[0], site->target_link);
}

static int resolve(struct hi_site_pair *pair, const struct hi_site *site,
		   struct hi_meant *ret_meant, struct hi_err *err)
{
	const struct hi_build *build = pair->new.build;
	const struct hi_symbol *symbol = NULL;
	struct hi_meanings meanings;
	bool alike;
	int code;

	hi_relink_find_meanings(build, site, &meanings);
	if (site->outside || meanings.n == 0)
		return hi_relink_resolve_outside(pair, site, ret_meant, err);
	alike = pair->unmoved || move_alike(build, &meanings);
	if (meanings.n)
		ret_meant->symbol = meanings.symbols[0];
	if (pair->unmoved)
		return 0;
	if (alike && !is_lost(site, &meanings))
		return hi_relink_find_far(pair, site, ret_meant, err);
	code = hi_relink_ask_uses(&pair->new, site, &meanings, &symbol, err);
	if (code == 0 && !symbol && !alike)
		code = hi_relink_ask_twin(pair, site, &meanings, &symbol, err);
	if (symbol)
		ret_meant->symbol = symbol;
	if (code < 0 || symbol || alike)
		return code;
	code = hi_relink_find_rival(&pair->new, site, &meanings, ret_meant,
				    err);
	if (code < 0 || ret_meant->other)
		return code;
	return hi_relink_find_far(pair, site, ret_meant, err);
}

static int resolve_function(const struct hi_relink *relink, bool unmoved,
			    bool at_home, struct hi_shapes shapes[2],
			    size_t first, size_t n, struct hi_err *err)
{
	const struct hi_site *sites = &relink->build->sites.sites[first];
	struct hi_site_pair pair = {
		.relink = relink,
		.unmoved = unmoved,
		.at_home = at_home,
		.new = { .build = relink->build,
			 .shapes = &shapes[0],
			 .moves = true,
			 .sites = sites,
			 .n = n },
		.old = { .build = relink->worker->current,
			 .shapes = &shapes[1] },
	};
	int code = 0;

	for (size_t i = 0; i < n && code == 0; i++)
		if (hi_relink_names_data(&sites[i]))
			code = resolve(&pair, &sites[i],
				       &relink->meant[first + i], err);
	hi_relink_forget_uses(&pair.new);
	hi_relink_forget_uses(&pair.old);
	return code;
}

/* What is only read here is what is written there, at the same address. */
static void settle_unsure(struct hi_relink *relink)
{
	const struct hi_sites *sites = &relink->build->sites;

	for (size_t i = 0; i < sites->n_sites; i++)
		for (size_t k = 0;
		     k < sites->n_sites && relink->meant[i].unsure; k++)
			if (relink->meant[k].symbol &&
			    !relink->meant[k].unsure &&
			    sites->sites[k].outside &&
			    sites->sites[k].target_link ==
				    sites->sites[i].target_link)
				relink->meant[i] = relink->meant[k];
}

int hi_relink_resolve(struct hi_relink *relink, struct hi_err *err)
{
	const struct hi_sites *sites = &relink->build->sites;
	struct hi_shapes shapes[2] = { { .build = relink->build },
				       { .build = relink->worker->current } };
	bool unmoved = all_move_alike(relink->build);
	bool at_home = all_at_home(relink);
	size_t first = 0, end;
	int code = 0;

	free(relink->meant);
	relink->meant = calloc(sites->n_sites + 1, sizeof(*relink->meant));
	if (!relink->meant)
		return hi_fail(err, HI_E_NOMEM, "no memory to relink");
	for (; first < sites->n_sites && code == 0; first = end) {
		const struct hi_symbol *function = sites->sites[first].function;

		for (end = first + 1; end < sites->n_sites; end++)
			if (sites->sites[end].function != function)
				break;
		code = resolve_function(relink, unmoved, at_home, shapes, first,
					end - first, err);
	}
	if (code == 0)
		settle_unsure(relink);
	hi_relink_close_shapes(&shapes[0]);
	hi_relink_close_shapes(&shapes[1]);
	return code;
}
