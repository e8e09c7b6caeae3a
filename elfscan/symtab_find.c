#include <stdlib.h>
#include <string.h>

#include "elfscan/hash.h"
#include "elfscan/symtab_parts.h"

/* More of one bucket are sorted by qsort(3). */
#define FEW 8

static uint64_t base_key(const struct hi_symbol *symbol)
{
	return hi_hash_text(symbol->base, 1 + hi_symbol_get_class(symbol));
}

/* gcc counts the statics of functions and leaves those of the file alone, so
   that "count" is never the same as "count.0" beside it. */
static uint64_t local_key(const struct hi_symbol *symbol)
{
	return hi_hash_text(symbol->file,
			    base_key(symbol) + hi_symbol_is_counted(symbol));
}

static uint64_t name_key(const char *name)
{
	return hi_hash_text(name, 0);
}

/* Shorter first: "count.9" before "count.10". */
static int compare_names(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return strcmp(a, b);
}

static int compare_keys(const void *left, const void *right)
{
	const struct hi_key *a = left, *b = right;
	int order;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	/* every key has its symbol */
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	order = compare_names(a->symbol->name, b->symbol->name);
	if (order)
		return order;
	if (a->symbol->default_version != b->symbol->default_version)
		return a->symbol->default_version ? -1 : 1;
	order = strcmp(a->symbol->version, b->symbol->version);
	if (order)
		return order;
	return (a->symbol->addr_link > b->symbol->addr_link) -
	       (a->symbol->addr_link < b->symbol->addr_link);
}

/* The run of entries with KEY. */
static struct hi_run find_run(const struct hi_index *index, uint64_t key)
{
	size_t bucket = key >> index->shift;
	const struct hi_key *at = index->keys + index->starts[bucket];
	const struct hi_key *end = index->keys + index->starts[bucket + 1];
	struct hi_run run;

	while (at < end && at->key < key)
		at++;
	run.keys = at;
	while (at < end && at->key == key)
		at++;
	run.n = at - run.keys;
	return run;
}

static void sort_bucket(struct hi_key *keys, size_t n)
{
	if (n > FEW) {
		qsort(keys, n, sizeof(*keys), compare_keys);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		struct hi_key key = keys[i];
		size_t at = i;

		for (; at > 0 && compare_keys(&key, &keys[at - 1]) < 0; at--)
			keys[at] = keys[at - 1];
		keys[at] = key;
	}
}

/* Sort the keys: keys are hashes, so that their first bits spread them evenly. */
static bool finish_index(struct hi_index *index)
{
	unsigned int bits = 1;
	struct hi_key *sorted;
	size_t n_buckets;

	while ((size_t)1 << bits < index->n)
		bits++;
	n_buckets = (size_t)1 << bits;
	index->shift = 64 - bits;
	index->starts = calloc(n_buckets + 2, sizeof(*index->starts));
	sorted = calloc(index->n + 1, sizeof(*sorted));
	if (!index->starts || !sorted) {
		free(sorted);
		return false;
	}
	/* starts[b + 1] counts up from where bucket b begins to where it ends */
	for (size_t i = 0; i < index->n; i++)
		index->starts[(index->keys[i].key >> index->shift) + 2]++;
	for (size_t b = 2; b < n_buckets + 2; b++)
		index->starts[b] += index->starts[b - 1];
	for (size_t i = 0; i < index->n; i++)
		sorted[index->starts[(index->keys[i].key >> index->shift) + 1]++] =
			index->keys[i];
	free(index->keys);
	index->keys = sorted;
	for (size_t b = 0; b < n_buckets; b++)
		sort_bucket(sorted + index->starts[b],
			    index->starts[b + 1] - index->starts[b]);
	return true;
}

static void add_to_indexes(struct hi_symtab *symtab,
			   const struct hi_symbol *symbol)
{
	struct hi_index *exported = &symtab->exported;
	struct hi_index *locals = &symtab->locals;
	struct hi_index *bases = &symtab->bases;

	bases->keys[bases->n++] = (struct hi_key){ base_key(symbol), symbol };
	if (symbol->exported)
		exported->keys[exported->n++] =
			(struct hi_key){ name_key(symbol->name), symbol };
	else
		locals->keys[locals->n++] =
			(struct hi_key){ local_key(symbol), symbol };
}

static uint64_t *find_ends(const struct hi_symbol *symbols, size_t n)
{
	uint64_t *ends = calloc(n + 1, sizeof(*ends));
	uint64_t last = 0;

	for (size_t i = 0; ends && i < n; i++) {
		if (symbols[i].type != HI_SYM_TLS &&
		    symbols[i].addr_link + symbols[i].size > last)
			last = symbols[i].addr_link + symbols[i].size;
		ends[i] = last;
	}
	return ends;
}

static int no_memory(struct hi_err *err)
{
	return hi_fail(err, HI_E_NOMEM,
		       "out of memory for the index of symbols");
}

int hi_symtab_build_indexes(struct hi_symtab *symtab, struct hi_err *err)
{
	struct hi_index *indexes[] = { &symtab->exported, &symtab->locals,
				       &symtab->bases };
	size_t n = symtab->n_functions + symtab->n_variables;

	symtab->function_ends =
		find_ends(symtab->functions, symtab->n_functions);
	symtab->variable_ends =
		find_ends(symtab->variables, symtab->n_variables);
	for (size_t i = 0; i < 3; i++)
		indexes[i]->keys = calloc(n + 1, sizeof(struct hi_key));
	if (!symtab->function_ends || !symtab->variable_ends ||
	    !symtab->exported.keys || !symtab->locals.keys ||
	    !symtab->bases.keys)
		return no_memory(err);
	for (size_t i = 0; i < symtab->n_functions; i++)
		add_to_indexes(symtab, &symtab->functions[i]);
	for (size_t i = 0; i < symtab->n_variables; i++)
		add_to_indexes(symtab, &symtab->variables[i]);
	for (size_t i = 0; i < 3; i++)
		if (!finish_index(indexes[i]))
			return no_memory(err);
	return 0;
}

static const struct hi_symbol *find_at(const struct hi_symbol *symbols,
				       size_t n, const uint64_t *ends,
				       uint64_t addr_link)
{
	const struct hi_symbol *best = NULL;
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols[middle].addr_link <= addr_link)
			low = middle + 1;
		else
			high = middle;
	}
	/* ends[] stops the walk where nothing earlier reaches this far */
	while (low && ends[low - 1] > addr_link) {
		const struct hi_symbol *symbol = &symbols[--low];

		if (best && symbol->addr_link != best->addr_link)
			break;
		if (symbol->type != HI_SYM_TLS &&
		    addr_link - symbol->addr_link < symbol->size)
			best = symbol;
	}
	return best;
}

const struct hi_symbol *hi_symtab_find_function_at(
	const struct hi_symtab *symtab, uint64_t addr_link)
{
	return find_at(symtab->functions, symtab->n_functions,
		       symtab->function_ends, addr_link);
}

const struct hi_symbol *hi_symtab_find_variable_at(
	const struct hi_symtab *symtab, uint64_t addr_link)
{
	return find_at(symtab->variables, symtab->n_variables,
		       symtab->variable_ends, addr_link);
}

const struct hi_symbol *hi_symtab_find_exported(const struct hi_symtab *symtab,
						const char *name,
						const char *version)
{
	struct hi_run run = find_run(&symtab->exported, name_key(name));

	for (size_t i = 0; i < run.n; i++) {
		const struct hi_symbol *symbol = run.keys[i].symbol;

		if (!strcmp(symbol->name, name) &&
		    (!version || !strcmp(symbol->version, version)))
			return symbol;
	}
	return NULL;
}

static const struct hi_symbol *find_same_exported(
	const struct hi_symtab *symtab, const struct hi_symbol *symbol)
{
	const struct hi_symbol *found;

	found = hi_symtab_find_exported(symtab, symbol->name, symbol->version);
	if (!found && symbol->default_version) {
		/* a version script came or went: who linked against one is
		   served by the other */
		found = hi_symtab_find_exported(symtab, symbol->name,
						*symbol->version ? "" : NULL);
		if (found && !found->default_version)
			found = NULL;
	}
	if (found && hi_symbol_get_class(found) != hi_symbol_get_class(symbol))
		return NULL;
	return found;
}

/* How many of RUN are SYMBOL's namesakes; where SYMBOL itself stands. */
static size_t count_same(const struct hi_run *run,
			 const struct hi_symbol *symbol, size_t *ret_at)
{
	size_t n = 0;

	for (size_t i = 0; i < run->n; i++) {
		if (run->keys[i].symbol == symbol)
			*ret_at = i;
		n += !strcmp(run->keys[i].symbol->base, symbol->base);
	}
	return n == run->n ? n : 0; /* a collision of hashes: no statement */
}

/*
 * Several of one name in one file, in both builds: the compiler counts them in
 * the order of the source, so the n-th is the n-th as long as there are equally
 * many and each has the size of its counterpart.
 */
#define COUNTERS_MAX 512 /* __func__.N of a large file: nobody's state */

static const struct hi_symbol *find_by_counter(const struct hi_run *mine,
					       const struct hi_run *theirs,
					       size_t at)
{
	if (mine->n != theirs->n || mine->n > COUNTERS_MAX)
		return NULL;
	for (size_t i = 0; i < mine->n; i++) {
		const struct hi_symbol *a = mine->keys[i].symbol;
		const struct hi_symbol *b = theirs->keys[i].symbol;

		if (hi_symbol_get_class(a) != HI_CLASS_CODE &&
		    a->size != b->size)
			return NULL;
		/* equal names say nothing about which is which */
		if (i && !strcmp(theirs->keys[i - 1].symbol->name, b->name))
			return NULL;
	}
	return mine->keys[at].symbol;
}

static const struct hi_symbol *find_same_local(const struct hi_symtab *symtab,
					       const struct hi_symtab *other,
					       const struct hi_symbol *symbol,
					       bool *ret_ambiguous)
{
	uint64_t key = local_key(symbol);
	struct hi_run mine = find_run(&symtab->locals, key);
	struct hi_run theirs = find_run(&other->locals, key);
	const struct hi_symbol *found;
	size_t at = 0, no_matter = 0;

	if (!mine.n || !count_same(&mine, symbol, &no_matter) ||
	    !count_same(&theirs, symbol, &at))
		return NULL;
	if (mine.n == 1 && theirs.n == 1)
		return mine.keys[0].symbol;
	found = find_by_counter(&mine, &theirs, at);
	*ret_ambiguous = !found;
	return found;
}

static const struct hi_symbol *find_same_base(const struct hi_symtab *symtab,
					      const struct hi_symtab *other,
					      const struct hi_symbol *symbol)
{
	uint64_t key = base_key(symbol);
	struct hi_run mine = find_run(&symtab->bases, key);
	struct hi_run theirs = find_run(&other->bases, key);
	size_t no_matter = 0;

	if (mine.n != 1 || theirs.n != 1 ||
	    !count_same(&mine, symbol, &no_matter))
		return NULL;
	return mine.keys[0].symbol;
}

const struct hi_symbol *hi_symtab_find_same(const struct hi_symtab *symtab,
					    const struct hi_symtab *other,
					    const struct hi_symbol *symbol,
					    bool *ret_ambiguous)
{
	const struct hi_symbol *found;

	*ret_ambiguous = false;
	if (symbol->exported) {
		found = find_same_exported(symtab, symbol);
		/* an exported function that is static now is gone for the
		   host; a variable's value is worth keeping all the same */
		if (found || hi_symbol_get_class(symbol) == HI_CLASS_CODE)
			return found;
	} else {
		found = find_same_local(symtab, other, symbol, ret_ambiguous);
		if (found)
			return found;
	}
	return find_same_base(symtab, other, symbol);
}
