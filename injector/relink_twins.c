/*
 * The same operand in the current build: there its neighbours were others.
 *
 *     current   a b c d e f          the operands of one function
 *     new       a b x d e f
 *               [  ]  [   ]          surely the same, from both ends
 *
 * An operand that could mean two variables counts as equal to either, so where the
 * two ends would overlap, what is between them might have come anywhere.
 */
#include "injector/relink_parts.h"

/* The first site from ADDR_LINK on. */
static size_t find_site(const struct hi_sites *sites, uint64_t addr_link)
{
	size_t low = 0, high = sites->n_sites;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sites->sites[middle].place_link < addr_link)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void hi_relink_open_old(struct hi_site_pair *pair)
{
	const struct hi_relink *relink = pair->relink;
	const struct hi_build *current = relink->worker->current;
	const struct hi_sites *sites = &current->sites;
	struct hi_site_group *old = &pair->old;
	const struct hi_symbol *function;
	bool ambiguous = false;
	size_t first;

	if (pair->opened || !pair->new.sites[0].function)
		return;
	pair->opened = true;
	function = hi_symtab_find_same(current->symtab, relink->build->symtab,
				       pair->new.sites[0].function, &ambiguous);
	if (!function)
		return;
	first = find_site(sites, function->addr_link);
	while (first + old->n < sites->n_sites &&
	       sites->sites[first + old->n].function == function)
		old->n++;
	if (old->n)
		old->sites = &sites->sites[first];
}

static const struct hi_variable *variable_of(const struct hi_build *build,
					     const struct hi_symbol *symbol)
{
	return build->variables[hi_build_variable_index(build, symbol)];
}

/* The symbol that a variable of build FROM has in build TO, or NULL. */
static const struct hi_symbol *find_in(const struct hi_build *to,
				       const struct hi_build *from,
				       const struct hi_symbol *symbol)
{
	const struct hi_variable *variable = variable_of(from, symbol);
	const struct hi_symbol *symbols, *same;
	bool ambiguous = false;
	size_t n;

	same = hi_symtab_find_same(to->symtab, from->symtab, symbol,
				   &ambiguous);
	if (!variable || (same && variable_of(to, same) == variable))
		return same;
	/* one that numbers do not lead to */
	symbols = hi_symtab_get_variables(to->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if (to->variables[i] == variable)
			return &symbols[i];
	return NULL;
}

static const struct hi_symbol *find_same(const struct hi_relink *relink,
					 const struct hi_symbol *symbol)
{
	return find_in(relink->worker->current, relink->build, symbol);
}

bool hi_relink_agree(const struct hi_relink *relink, const struct hi_site *site,
		     const struct hi_site *old, const struct hi_symbol *symbol)
{
	const struct hi_symbol *same = find_same(relink, symbol);

	return same && old->target_link - same->addr_link ==
			       site->target_link - symbol->addr_link;
}

static bool is_same(const struct hi_relink *relink, const struct hi_site *site,
		    const struct hi_site *old)
{
	struct hi_meanings meanings, before;

	if (site->kind != old->kind)
		return false;
	if (!hi_relink_names_data(site))
		return true;
	hi_relink_find_meanings(relink->build, site, &meanings);
	for (size_t i = 0; i < meanings.n; i++)
		if (hi_relink_agree(relink, site, old, meanings.symbols[i]))
			return true;
	if (meanings.n)
		return false;
	hi_relink_find_meanings(relink->worker->current, old, &before);
	return before.n == 0;
}

static size_t lesser(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void pair_sites(struct hi_site_pair *pair)
{
	const struct hi_site_group *new = &pair->new, *old = &pair->old;
	size_t shorter, first = 0, last = 0;

	pair->paired = true;
	hi_relink_open_old(pair);
	shorter = lesser(new->n, old->n);
	while (first < shorter &&
	       is_same(pair->relink, &new->sites[first], &old->sites[first]))
		first++;
	while (last < shorter &&
	       is_same(pair->relink, &new->sites[new->n - 1 - last],
		       &old->sites[old->n - 1 - last]))
		last++;
	if (first == new->n &&new->n == old->n) {
		pair->n_first = first;
		return;
	}
	pair->n_first = lesser(first, shorter - last);
	pair->n_last = lesser(last, shorter - first);
}

static const struct hi_site *find_twin(const struct hi_site_pair *pair,
				       const struct hi_site *site)
{
	size_t at = (size_t)(site - pair->new.sites);
	size_t from_end = pair->new.n - at;

	if (at < pair->n_first)
		return &pair->old.sites[at];
	if (from_end <= pair->n_last)
		return &pair->old.sites[pair->old.n - from_end];
	return NULL;
}

/* Whether all that the function does with SYMBOL's address, it did before. */
static bool is_used_alike(const struct hi_site_pair *pair,
			  const struct hi_symbol *symbol)
{
	for (size_t i = 0; i < pair->new.n; i++) {
		const struct hi_site *site = &pair->new.sites[i];

		if (site->kind == HI_SITE_ADDRESS &&
		    hi_relink_is_inside(symbol, site->target_link) &&
		    !find_twin(pair, site))
			return false;
	}
	return true;
}

/* Instructions before and behind. */
#define CONTEXT_BEFORE 2
#define CONTEXT_BEHIND 4

bool hi_relink_is_near_alike(const struct hi_site_pair *pair,
			     const struct hi_site *site,
			     const struct hi_site *old)
{
	return hi_uses_are_alike_near(pair->new.uses,
				      (size_t)(site - pair->new.sites),
				      pair->old.uses,
				      (size_t)(old - pair->old.sites),
				      CONTEXT_BEFORE, CONTEXT_BEHIND);
}

/* In a function that was changed elsewhere: what stands among the same instructions.
   Those that do must all be as far off SYMBOL as SITE is. */
static int find_by_context(struct hi_site_pair *pair,
			   const struct hi_site *site,
			   const struct hi_symbol *symbol,
			   const struct hi_site **ret_old, struct hi_err *err)
{
	const struct hi_site *found = NULL;
	int code = 0;

	*ret_old = NULL;
	if (!site->function || pair->old.n == 0)
		return 0;
	code = hi_relink_follow(&pair->new, err);
	if (code == 0)
		code = hi_relink_follow(&pair->old, err);
	for (size_t i = 0; i < pair->old.n && code == 0; i++) {
		const struct hi_site *old = &pair->old.sites[i];

		if (old->kind != HI_SITE_ADDRESS ||
		    !hi_relink_is_near_alike(pair, site, old))
			continue;
		if (!hi_relink_agree(pair->relink, site, old, symbol))
			return 0;
		found = old;
	}
	*ret_old = found;
	return code;
}

/* What OLD means in the current build, by its own code; other is set when that
   does not tell. */
static int ask_old(struct hi_site_pair *pair, const struct hi_site *old,
		   struct hi_meant *ret_meant, struct hi_err *err)
{
	struct hi_meanings meanings;
	int code;

	hi_relink_find_meanings(pair->old.build, old, &meanings);
	if (meanings.n == 0)
		return 0;
	code = hi_relink_ask_uses(&pair->old, old, &meanings,
				  &ret_meant->symbol, err);
	if (code < 0 || ret_meant->symbol)
		return code;
	ret_meant->symbol = meanings.symbols[0];
	if (meanings.n == 1)
		return 0;
	return hi_relink_find_rival(&pair->old, old, &meanings, ret_meant, err);
}

/*
 * The old code does not tell either. Where the instructions all around are the same,
 * nobody has put another variable's end in the place of one's start, unless the
 * other one was given a new name.
 */
static bool is_trusted(const struct hi_site_pair *pair,
		       const struct hi_site *site, const struct hi_site *old)
{
	struct hi_meanings before;

	if (!pair->new.uses || !pair->old.uses ||
	    !(hi_uses_are_alike(pair->new.uses, pair->old.uses) ||
	      hi_relink_is_near_alike(pair, site, old)))
		return false;
	hi_relink_find_meanings(pair->old.build, old, &before);
	for (size_t i = 0; i < before.n; i++)
		if (!find_in(pair->new.build, pair->old.build,
			     before.symbols[i]))
			return false;
	return true;
}

static bool move_alike(const struct hi_site_pair *pair,
		       const struct hi_symbol *one,
		       const struct hi_symbol *other)
{
	return hi_relink_distance(pair->new.build, one) ==
	       hi_relink_distance(pair->new.build, other);
}

/* The only meaning of SITE that OLD could have as well; NULL: none, or several. */
static const struct hi_symbol *find_common(const struct hi_site_pair *pair,
					   const struct hi_site *site,
					   const struct hi_site *old,
					   const struct hi_meanings *meanings)
{
	const struct hi_symbol *agreed = NULL;

	for (size_t i = 0; i < meanings->n; i++) {
		const struct hi_symbol *symbol = meanings->symbols[i];

		if (!hi_relink_agree(pair->relink, site, old, symbol))
			continue;
		if (agreed && !move_alike(pair, agreed, symbol))
			return NULL;
		if (!agreed)
			agreed = symbol;
	}
	return agreed;
}

const struct hi_symbol *hi_relink_find_as_far(struct hi_site_pair *pair,
					      const struct hi_site *site)
{
	const struct hi_symbol *symbols, *agreed = NULL;
	const struct hi_site *old;
	size_t n;

	if (!pair->paired)
		pair_sites(pair);
	old = find_twin(pair, site);
	if (!old)
		return NULL;
	symbols = hi_symtab_get_variables(pair->new.build->symtab, &n);
	for (size_t i = 0; i < n; i++) {
		if (symbols[i].type == HI_SYM_TLS ||
		    !pair->new.build->variables[i] ||
		    !hi_relink_agree(pair->relink, site, old, &symbols[i]))
			continue;
		if (agreed && !move_alike(pair, agreed, &symbols[i]))
			return NULL;
		agreed = &symbols[i];
	}
	return agreed;
}

int hi_relink_ask_twin(struct hi_site_pair *pair, const struct hi_site *site,
		       const struct hi_meanings *meanings,
		       const struct hi_symbol **ret_symbol, struct hi_err *err)
{
	const struct hi_symbol *agreed;
	struct hi_meant meant = { .symbol = NULL };
	const struct hi_site *old;
	int code = 0;

	if (!pair->paired)
		pair_sites(pair);
	old = find_twin(pair, site);
	for (size_t i = 0; old && i < meanings->n; i++)
		if (!hi_relink_agree(pair->relink, site, old,
				     meanings->symbols[i]) &&
		    !is_used_alike(pair, meanings->symbols[i]))
			old = NULL;
	if (!old && meanings->n)
		code = find_by_context(pair, site, meanings->symbols[0], &old,
				       err);
	agreed = old ? find_common(pair, site, old, meanings) : NULL;
	if (code < 0 || !agreed)
		return code;
	code = ask_old(pair, old, &meant, err);
	if (code == 0 &&
	    (meant.other ? is_trusted(pair, site, old) :
			   meant.symbol == find_same(pair->relink, agreed)))
		*ret_symbol = agreed;
	return code;
}
