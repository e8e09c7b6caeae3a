#include "elfscan/unchanged.h"

#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "elfscan/dynsym.h"
#include "elfscan/unchanged_parts.h"

/* More units than that are as well compared as a whole. */
#define CHANGED_MAX 32

/* --- the library, and its symbols ------------------------------------------- */

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool have_same_versions(const struct hi_dynsym *a,
			       const struct hi_dynsym *b)
{
	if (!a->versym != !b->versym || a->n_defined != b->n_defined)
		return false;
	for (size_t i = 2; i < a->n_defined; i++)
		if (!is_same_text(a->versions[i], b->versions[i]))
			return false;
	return true;
}

static bool is_same_library(const struct hi_image *old,
			    const struct hi_image *new)
{
	const struct hi_image_header *a = hi_image_get_header(old);
	const struct hi_image_header *b = hi_image_get_header(new);
	size_t i = 0;

	if (!is_same_text(a->soname, b->soname) || !a->needed != !b->needed)
		return false;
	while (a->needed && a->needed[i] && b->needed[i] &&
	       !strcmp(a->needed[i], b->needed[i]))
		i++;
	return (!a->needed || (!a->needed[i] && !b->needed[i])) &&
	       have_same_versions(hi_image_get_dynsym(old),
				  hi_image_get_dynsym(new));
}

static bool is_writable(const struct hi_image *image,
			const struct hi_symbol *symbol)
{
	return symbol->type == HI_SYM_TLS ||
	       hi_image_get_data_kind(image, symbol->addr_link) ==
		       HI_DATA_STATE;
}

/* What of a symbol a host or the loader can tell. */
static bool is_same_symbol(const struct hi_comparing *comparing,
			   const struct hi_symbol *old,
			   const struct hi_symbol *new)
{
	bool is_function = old->type == HI_SYM_FUNC ||
			   old->type == HI_SYM_IFUNC;

	return old->type == new->type && old->elf_bind == new->elf_bind &&
	       old->visibility == new->visibility &&
	       old->default_version == new->default_version &&
	       old->compiler_made == new->compiler_made &&
	       (is_function ||
		(old->size ==
		 new->size &&is_writable(comparing->old->image, old) ==
		 is_writable(comparing->new->image, new))) &&
	       !strcmp(old->name, new->name) &&
	       !strcmp(old->version, new->version);
}

/* --- where they are described ------------------------------------------------ */

static bool is_changed(const struct hi_comparing *comparing, size_t unit)
{
	for (size_t i = 0; i < comparing->n_changed; i++)
		if (comparing->changed[i] == unit)
			return true;
	return false;
}

/* Whether both may be of one type: of units that differ, that is still to be seen. */
static bool match(struct hi_comparing *comparing, const struct hi_symbol *old,
		  const struct hi_symbol *new)
{
	size_t a = hi_units_find_unit(comparing->old->units, old);
	size_t b = hi_units_find_unit(comparing->new->units, new);

	/* what an indirect function is called with may be said anywhere */
	if (old->type == HI_SYM_IFUNC && comparing->n_changed)
		return false;
	if (a != b)
		return false;
	if (a == SIZE_MAX)
		return true;
	if (!is_changed(comparing, a))
		return hi_units_same(comparing->old->units, old,
				     comparing->new->units, new);
	if (!hi_grow(&comparing->pairs, comparing->n_pairs,
		     &comparing->cap_pairs, sizeof(*comparing->pairs)))
		return false;
	comparing->pairs[comparing->n_pairs++] =
		(struct hi_symbol_pair){ old, new };
	return true;
}

static const struct hi_symbol *next_exported(const struct hi_symbol *symbols,
					     size_t n, size_t *at)
{
	while (*at < n) {
		const struct hi_symbol *symbol = &symbols[(*at)++];

		if (symbol->exported)
			return symbol;
	}
	return NULL;
}

/* In the order of their places, which seldom changes. */
static bool match_symbols(struct hi_comparing *comparing,
			  const struct hi_symbol *old, size_t n_old,
			  const struct hi_symbol *new, size_t n_new)
{
	size_t at_old = 0, at_new = 0;

	for (;;) {
		const struct hi_symbol *a = next_exported(old, n_old, &at_old);
		const struct hi_symbol *b = next_exported(new, n_new, &at_new);

		if (!a || !b)
			return a == b;
		if (!is_same_symbol(comparing, a, b) || !match(comparing, a, b))
			return false;
	}
}

static bool match_exports(struct hi_comparing *comparing)
{
	size_t n_old, n_new;
	const struct hi_symbol *a, *b;

	a = hi_symtab_get_functions(comparing->old->symtab, &n_old);
	b = hi_symtab_get_functions(comparing->new->symtab, &n_new);
	if (!match_symbols(comparing, a, n_old, b, n_new))
		return false;
	a = hi_symtab_get_variables(comparing->old->symtab, &n_old);
	b = hi_symtab_get_variables(comparing->new->symtab, &n_new);
	return match_symbols(comparing, a, n_old, b, n_new);
}

/* --- variables that are kept -------------------------------------------------- */

struct kept {
	uint64_t key;
	const struct hi_symbol *symbol;
};

static int compare_kept(const void *left, const void *right)
{
	const struct kept *a = left, *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	/* of several names the first in order */
	return (a->symbol > b->symbol) - (a->symbol < b->symbol);
}

/* For free(), sorted by key; NULL: out of memory. */
static struct kept *list_kept(const struct hi_unchanged_side *side,
			      size_t *ret_n)
{
	size_t n, n_kept = 0;
	const struct hi_symbol *symbols =
		hi_symtab_get_variables(side->symtab, &n);
	struct kept *list = calloc(n + 1, sizeof(*list));

	for (size_t i = 0; list && i < n; i++) {
		uint64_t key =
			side->kept->get_key(side->kept->context, &symbols[i]);

		if (key)
			list[n_kept++] = (struct kept){ key, &symbols[i] };
	}
	if (n_kept)
		qsort(list, n_kept, sizeof(*list), compare_kept);
	*ret_n = n_kept;
	return list;
}

static bool match_lists(struct hi_comparing *comparing, const struct kept *old,
			size_t n_old, const struct kept *new, size_t n_new)
{
	size_t i = 0, j = 0;

	while (i < n_old && j < n_new) {
		if (old[i].key != new[j].key) {
			/* what one build alone has is nobody's matter */
			*(old[i].key < new[j].key ? &i : &j) += 1;
			continue;
		}
		if (!match(comparing, old[i].symbol, new[j].symbol))
			return false;
		i++;
		j++;
	}
	return true;
}

static bool match_kept(struct hi_comparing *comparing)
{
	size_t n_old, n_new;
	struct kept *old, *new;
	bool same;

	if (!comparing->old->kept || !comparing->new->kept)
		return comparing->old->kept == comparing->new->kept;
	old = list_kept(comparing->old, &n_old);
	new = list_kept(comparing->new, &n_new);
	same = old && new &&match_lists(comparing, old, n_old, new, n_new);
	free(old);
	free(new);
	return same;
}

/* --- the whole ----------------------------------------------------------------- */

bool hi_is_unchanged(const struct hi_unchanged_side *old,
		     const struct hi_unchanged_side *new)
{
	size_t changed[CHANGED_MAX];
	struct hi_comparing comparing = { .old = old,
					  .new = new,
					  .changed = changed };
	bool same;

	if (!old->units || !new->units ||
	    !is_same_library(old->image, new->image))
		return false;
	comparing.n_changed = hi_units_list_changed(new->units, old->units,
						    changed, CHANGED_MAX);
	same = comparing.n_changed != SIZE_MAX && match_exports(&comparing) &&
	       match_kept(&comparing) &&
	       (!comparing.n_changed || hi_have_same_types(&comparing));
	free(comparing.pairs);
	return same;
}
