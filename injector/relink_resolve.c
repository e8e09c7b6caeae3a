/*
 * Which variable an operand of the new build means.
 *
 * An address inside a variable means that variable. Compilers also make addresses
 * that are not: one past the end of an array (where a loop stops), or an element
 * before its start (an index that begins at 1). Such an address may be the start of
 * the next variable, or lie between two. As long as all that it could mean moves
 * by the same distance, the answer does not matter. Where the layout has changed,
 * the same operand in the current build tells: there the neighbours were others.
 */
#include "injector/relink_parts.h"

#define NEAR_MAX    64 /* bytes that an operand in a gap may lie off a variable */
#define ELEMENT_MAX 16 /* bytes of an element before the start of an array */

/* What an operand could mean, the likeliest first. */
struct meanings {
	const struct hi_symbol *symbols[3];
	size_t n;
	bool gap;    /* between two variables */
	bool likely; /* the first is taken when nothing speaks for another */
};

static bool is_data(const struct hi_symbol *symbol)
{
	return symbol->type != HI_SYM_TLS && symbol->size > 0 &&
	       !symbol->compiler_made;
}

/* The last variable that ends at or before AT, and the first that starts
   behind it. */
static void find_neighbours(const struct hi_build *build, uint64_t at,
			    const struct hi_symbol **ret_before,
			    const struct hi_symbol **ret_after)
{
	size_t n, low = 0, high;
	const struct hi_symbol *symbols =
		hi_symtab_get_variables(build->symtab, &n);

	high = n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols[middle].addr_link <= at)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_before = *ret_after = NULL;
	for (size_t i = low; i-- > 0 && !*ret_before;)
		if (is_data(&symbols[i]) &&
		    symbols[i].addr_link + symbols[i].size <= at)
			*ret_before = &symbols[i];
	for (size_t i = low; i < n && !*ret_after; i++)
		if (is_data(&symbols[i]))
			*ret_after = &symbols[i];
}

static void add(struct meanings *meanings, const struct hi_symbol *symbol)
{
	meanings->symbols[meanings->n++] = symbol;
}

/*
 * Whether the function of SITE takes another address inside SYMBOL: a loop that ends
 * behind an array, or before it, also starts in it.
 */
static bool is_walked(const struct hi_build *build, const struct hi_site *site,
		      const struct hi_symbol *symbol)
{
	for (size_t i = 0; i < build->sites.n_sites; i++) {
		const struct hi_site *other = &build->sites.sites[i];

		if (other != site && other->kind == HI_SITE_ADDRESS &&
		    other->function == site->function &&
		    other->target_link >= symbol->addr_link &&
		    other->target_link < symbol->addr_link + symbol->size)
			return true;
	}
	return false;
}

static void find_meanings(const struct hi_build *build,
			  const struct hi_site *site, struct meanings *meanings)
{
	uint64_t at = site->target_link;
	const struct hi_symbol *in =
		hi_symtab_find_variable_at(build->symtab, at);
	const struct hi_symbol *before, *after;

	meanings->n = 0;
	meanings->gap = false;
	meanings->likely = true;
	find_neighbours(build, at, &before, &after);
	if (in) {
		add(meanings, in);
		if (site->kind != HI_SITE_ADDRESS)
			return;
		if (in->addr_link == at && before && before != in &&
		    before->addr_link + before->size == at) {
			add(meanings, before);
			meanings->likely = false;
		}
		if (after && after->addr_link - at <= ELEMENT_MAX) {
			add(meanings, after);
			meanings->likely &= in->addr_link == at;
		}
		return;
	}
	meanings->gap = true;
	meanings->likely = false;
	if (before && at - (before->addr_link + before->size) <= NEAR_MAX)
		add(meanings, before);
	if (after && after->addr_link - at <= NEAR_MAX)
		add(meanings, after);
}

static struct hi_variable *variable_of(const struct hi_build *build,
				       const struct hi_symbol *symbol)
{
	return build->variables[hi_build_variable_index(build, symbol)];
}

/* How far a variable is from its home; 0 for one that is new. */
static uint64_t distance(const struct hi_build *build,
			 const struct hi_symbol *symbol)
{
	const struct hi_variable *variable = variable_of(build, symbol);

	if (!variable || variable->home == build)
		return 0;
	return variable->home_remote - symbol->addr_link;
}

/* The N-th data site of a function; *ret_n counts them all. */
static const struct hi_site *find_nth(const struct hi_build *build,
				      const struct hi_symbol *function,
				      size_t n, size_t *ret_n)
{
	const struct hi_site *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < build->sites.n_sites; i++) {
		const struct hi_site *site = &build->sites.sites[i];

		if (site->function != function || site->kind > HI_SITE_ADDRESS)
			continue;
		if (count++ == n)
			found = site;
	}
	*ret_n = count;
	return found;
}

static size_t index_in_function(const struct hi_build *build,
				const struct hi_site *site)
{
	size_t n = 0;

	for (const struct hi_site *at = build->sites.sites; at < site; at++)
		n += at->function == site->function &&
		     at->kind <= HI_SITE_ADDRESS;
	return n;
}

/*
 * The operand at the same place of the same function in the current build, which
 * has as many of them; NULL when the function has changed in that.
 */
static const struct hi_site *find_counterpart(const struct hi_relink *relink,
					      const struct hi_site *site)
{
	const struct hi_build *current = relink->worker->current;
	const struct hi_symbol *function;
	const struct hi_site *found;
	size_t n_here, n_there;
	bool ambiguous = false;

	if (!site->function)
		return NULL;
	function = hi_symtab_find_same(current->symtab, relink->build->symtab,
				       site->function, &ambiguous);
	if (!function)
		return NULL;
	find_nth(relink->build, site->function, 0, &n_here);
	found = find_nth(current, function,
			 index_in_function(relink->build, site), &n_there);
	return n_here == n_there ? found : NULL;
}

/* Whether the counterpart is off SYMBOL's counterpart as far as the site is. */
static bool agrees(const struct hi_relink *relink, const struct hi_site *site,
		   const struct hi_site *there, const struct hi_symbol *symbol)
{
	bool ambiguous = false;
	const struct hi_symbol *same =
		hi_symtab_find_same(relink->worker->current->symtab,
				    relink->build->symtab, symbol, &ambiguous);

	return same && there->target_link - same->addr_link ==
			       site->target_link - symbol->addr_link;
}

static bool move_alike(const struct hi_build *build,
		       const struct meanings *meanings)
{
	for (size_t i = 1; i < meanings->n; i++)
		if (distance(build, meanings->symbols[i]) !=
		    distance(build, meanings->symbols[0]))
			return false;
	return true;
}

const struct hi_symbol *hi_relink_resolve(const struct hi_relink *relink,
					  const struct hi_site *site,
					  const struct hi_symbol **ret_other)
{
	const struct hi_build *build = relink->build;
	const struct hi_symbol *agreed = NULL;
	const struct hi_site *there;
	struct meanings meanings;
	size_t n_agree = 0;

	*ret_other = NULL;
	find_meanings(build, site, &meanings);
	if (meanings.n == 0)
		return NULL;
	if (move_alike(build, &meanings))
		return meanings.symbols[0];
	there = find_counterpart(relink, site);
	for (size_t i = 0; there && i < meanings.n; i++) {
		if (!agrees(relink, site, there, meanings.symbols[i]))
			continue;
		agreed = meanings.symbols[i];
		n_agree++;
	}
	if (n_agree == 1)
		return agreed;
	/* inside a variable, nothing but a walk speaks for another one */
	for (size_t i = 1; i < meanings.n && !meanings.likely; i++)
		if (meanings.gap || is_walked(build, site, meanings.symbols[i]))
			*ret_other = meanings.symbols[i];
	return meanings.symbols[0];
}
