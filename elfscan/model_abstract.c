/*
 * Constructors that nobody calls: those of whole objects (C1 in their names), of
 * classes that have pure virtual functions, own or inherited. Of these there are no
 * objects but as parts of others, which C2 makes. gcc exports both, clang only C2.
 * Source: Itanium C++ ABI 5.1.4.3, and 3.2.6 for __cxa_pure_virtual.
 */
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/model_parts.h"
#include "elfscan/reloc.h"

#define TABLE "_ZTV"

static bool is_table(const struct hi_symbol *symbol)
{
	return symbol->exported && symbol->size &&
	       !strncmp(symbol->name, TABLE, strlen(TABLE));
}

/* Whether a slot of the table holds what stands for a pure virtual function. */
static bool has_pure(const struct hi_symbol *table,
		     const struct hi_reloc *relocs, size_t n)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (relocs[middle].place_link < table->addr_link)
			low = middle + 1;
		else
			high = middle;
	}
	for (;
	     low < n && relocs[low].place_link - table->addr_link < table->size;
	     low++)
		if (!strcmp(relocs[low].name, "__cxa_pure_virtual"))
			return true;
	return false;
}

/* How the names of the constructors begin: _ZN2ns1AC1E of _ZTVN2ns1AE. */
static void name_constructor(const char *table, struct hi_buf *buf)
{
	const char *class = table + strlen(TABLE);
	size_t len = strlen(class);

	hi_buf_text(buf, "_ZN");
	if (*class == 'N' && class[len - 1] == 'E')
		hi_buf_add(buf, class + 1, len - 2);
	else
		hi_buf_text(buf, class);
	hi_buf_text(buf, "C1E");
}

/* The exports are sorted by name. */
static void mark(struct hi_model *model, const char *begin)
{
	size_t len = strlen(begin), n = model->n_exports, low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (!model->exports[middle].key &&
		    strcmp(model->exports[middle].name, begin) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < n && !strncmp(model->exports[low].name, begin, len); low++)
		model->exports[low].is_abstract =
			hi_model_is_function(&model->exports[low]);
}

void hi_model_mark_abstract(struct hi_model *model, struct hi_image *image,
			    const struct hi_symtab *symtab)
{
	size_t n, n_relocs = 0, i = 0;
	const struct hi_symbol *symbols = hi_symtab_get_variables(symtab, &n);
	struct hi_reloc *HI_FREE relocs = NULL;
	struct hi_err err = { 0 };

	while (i < n && !is_table(&symbols[i]))
		i++;
	/* a damaged table is said by those who cannot do without it */
	if (i == n || hi_reloc_read(image, &relocs, &n_relocs, &err) < 0)
		return;
	for (; i < n; i++) {
		struct hi_buf begin = HI_BUF_INIT;

		if (!is_table(&symbols[i]) ||
		    !has_pure(&symbols[i], relocs, n_relocs))
			continue;
		name_constructor(symbols[i].name, &begin);
		if (begin.failed)
			model->failed = true;
		else
			mark(model, hi_buf_str(&begin));
		hi_buf_done(&begin);
	}
}
