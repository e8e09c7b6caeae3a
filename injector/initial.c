#include "injector/initial.h"

#include <stdlib.h>
#include <string.h>

#include "injector/worker.h"

#define WORD 8

static bool is_pointer_at(const struct hi_build *build, uint64_t addr_link)
{
	for (size_t i = 0; i < build->n_relocs; i++)
		if (build->relocs[i].place_link < addr_link + WORD &&
		    build->relocs[i].place_link + WORD > addr_link)
			return true;
	return false;
}

/* The file's bytes; what has none there (.bss) begins with zeros. */
static uint8_t get_byte(const uint8_t *bytes, uint64_t at)
{
	return bytes ? bytes[at] : 0;
}

static bool differs(const struct hi_build *previous,
		    const struct hi_symbol *old, const struct hi_build *build,
		    const struct hi_symbol *new)
{
	const uint8_t *was =
		hi_image_find_bytes(previous->image, old->addr_link, old->size);
	const uint8_t *is =
		hi_image_find_bytes(build->image, new->addr_link, new->size);

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

const char **hi_initial_find(const struct hi_build *previous,
			     const struct hi_build *build, size_t *ret_n)
{
	const struct hi_symbol *symbols;
	const char **names;
	size_t n;

	*ret_n = 0;
	symbols = hi_symtab_get_variables(build->symtab, &n);
	names = calloc(n + 1, sizeof(*names));
	for (size_t i = 0; names && i < n; i++) {
		const struct hi_variable *variable = build->variables[i];
		const struct hi_symbol *old;
		bool ambiguous;

		if (!variable || variable->identity ||
		    variable->home == build || symbols[i].type == HI_SYM_TLS)
			continue;
		old = hi_symtab_find_same(previous->symtab, build->symtab,
					  &symbols[i], &ambiguous);
		if (old && old->size == symbols[i].size &&
		    differs(previous, old, build, &symbols[i]))
			names[(*ret_n)++] = symbols[i].base;
	}
	return names;
}
