#include "injector/initial.h"

#include <stdlib.h>
#include <string.h>

#include "injector/worker.h"

#define WORD       8
#define STRING_MAX 400 /* of which more is not compared */

/* A build, and its relocations by their places. */
struct side {
	const struct hi_build *build;
	const struct hi_reloc **relocs;
	size_t n;
};

static int by_place(const void *a, const void *b)
{
	const struct hi_reloc *one = *(const struct hi_reloc *const *)a;
	const struct hi_reloc *other = *(const struct hi_reloc *const *)b;

	return (one->place_link > other->place_link) -
	       (one->place_link < other->place_link);
}

static bool sort(struct side *side)
{
	const struct hi_build *build = side->build;

	side->relocs = calloc(build->n_relocs + 1, sizeof(*side->relocs));
	if (!side->relocs)
		return false;
	for (; side->n < build->n_relocs; side->n++)
		side->relocs[side->n] = &build->relocs[side->n];
	qsort(side->relocs, side->n, sizeof(*side->relocs), by_place);
	return true;
}

/* The first from ADDR_LINK on. */
static size_t find_from(const struct side *side, uint64_t addr_link)
{
	size_t low = 0, high = side->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (side->relocs[middle]->place_link < addr_link)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* --- what pointers lead to ---------------------------------------------------------- */

/* A string, or what else is there, up to a zero. */
static bool has_same_text(const struct side *old, uint64_t was,
			  const struct side *new, uint64_t is)
{
	for (uint64_t i = 0; i < STRING_MAX; i++) {
		const uint8_t *one =
			hi_image_find_bytes(old->build->image, was + i, 1);
		const uint8_t *other =
			hi_image_find_bytes(new->build->image, is + i, 1);

		if (one && other && *one != *other)
			return false;
		if (!one || !other || !*one)
			return true;
	}
	return true;
}

static const struct hi_symbol *find_symbol(const struct side *side,
					   uint64_t addr_link)
{
	const struct hi_symtab *symtab = side->build->symtab;
	const struct hi_symbol *symbol =
		hi_symtab_find_function_at(symtab, addr_link);

	return symbol ? symbol : hi_symtab_find_variable_at(symtab, addr_link);
}

static bool leads_alike(const struct side *old, const struct hi_reloc *was,
			const struct side *new, const struct hi_reloc *is)
{
	const struct hi_symbol *one, *other;

	if (was->name[0] || is->name[0])
		return !strcmp(was->name, is->name);
	one = find_symbol(old, (uint64_t)was->addend);
	other = find_symbol(new, (uint64_t)is->addend);
	if (one || other)
		return one && other && !strcmp(one->base, other->base);
	return has_same_text(old, (uint64_t)was->addend, new,
			     (uint64_t)is->addend);
}

/* Of a variable that is at WAS_LINK and IS_LINK. */
static bool has_same_pointers(const struct side *old, uint64_t was_link,
			      const struct side *new, uint64_t is_link,
			      uint64_t size)
{
	size_t a = find_from(old, was_link), b = find_from(new, is_link);

	for (;; a++, b++) {
		bool one = a < old->n &&
			   old->relocs[a]->place_link < was_link + size;
		bool other = b < new->n &&new->relocs[b]->place_link <
			     is_link + size;

		if (!one || !other)
			return one == other;
		if (old->relocs[a]->place_link - was_link !=
			    new->relocs[b]->place_link - is_link ||
		    !leads_alike(old, old->relocs[a], new, new->relocs[b]))
			return false;
	}
}

static bool is_pointer_at(const struct side *side, uint64_t addr_link)
{
	size_t at =
		find_from(side, addr_link > WORD ? addr_link - WORD + 1 : 0);

	return at < side->n && side->relocs[at]->place_link < addr_link + WORD;
}

/* --- all ----------------------------------------------------------------------------- */

/* The file's bytes; what has none there (.bss) begins with zeros. */
static uint8_t get_byte(const uint8_t *bytes, uint64_t at)
{
	return bytes ? bytes[at] : 0;
}

static bool differs(const struct side *previous, const struct hi_symbol *old,
		    const struct side *build, const struct hi_symbol *new)
{
	const uint8_t *was = hi_image_find_bytes(previous->build->image,
						 old->addr_link, old->size);
	const uint8_t *is = hi_image_find_bytes(build->build->image,
						new->addr_link, new->size);

	if (!has_same_pointers(previous, old->addr_link, build, new->addr_link,
			       new->size))
		return true;
	if ((!was && !is) || (was && is && !memcmp(was, is, new->size)))
		return false;
	for (uint64_t at = 0; at < new->size; at++)
		if (get_byte(was, at) != get_byte(is, at) &&
		    !is_pointer_at(previous,
				   old->addr_link + at / WORD * WORD) &&
		    !is_pointer_at(build, new->addr_link + at / WORD *WORD))
			return true;
	return false;
}

static const struct hi_symbol *find_old(const struct side *previous,
					const struct side *build, size_t at)
{
	const struct hi_variable *variable = build->build->variables[at];
	const struct hi_symbol *symbols, *old;
	bool ambiguous;
	size_t n;

	symbols = hi_symtab_get_variables(build->build->symtab, &n);
	if (!variable || variable->identity || variable->home == build->build ||
	    symbols[at].type == HI_SYM_TLS)
		return NULL;
	old = hi_symtab_find_same(previous->build->symtab, build->build->symtab,
				  &symbols[at], &ambiguous);
	return old && old->size == symbols[at].size ? old : NULL;
}

/* Whether it is as the variable began once: an edit that was taken back. */
static bool is_first(struct side *home, const struct side *build, size_t at)
{
	const struct hi_variable *variable = build->build->variables[at];
	const struct hi_symbol *symbols;
	size_t n;

	symbols = hi_symtab_get_variables(build->build->symtab, &n);
	if (home->build != variable->home) {
		free(home->relocs);
		*home = (struct side){ .build = variable->home };
		if (!sort(home))
			home->build = NULL;
	}
	return home->build && variable->symbol->size == symbols[at].size &&
	       !differs(home, variable->symbol, build, &symbols[at]);
}

const char **hi_initial_find(const struct hi_build *previous,
			     const struct hi_build *build, size_t *ret_n)
{
	struct side old = { .build = previous }, new = { .build = build };
	struct side home = { .build = NULL };
	const struct hi_symbol *symbols;
	const char **names;
	size_t n;

	*ret_n = 0;
	symbols = hi_symtab_get_variables(build->symtab, &n);
	names = calloc(n + 1, sizeof(*names));
	if (!sort(&old) || !sort(&new))
		n = 0;
	for (size_t i = 0; names && i < n; i++) {
		const struct hi_symbol *was = find_old(&old, &new, i);

		if (was && differs(&old, was, &new, &symbols[i]) &&
		    !is_first(&home, &new, i))
			names[(*ret_n)++] = symbols[i].base;
	}
	free(old.relocs);
	free(new.relocs);
	free(home.relocs);
	return names;
}
