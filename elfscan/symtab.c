#include "elfscan/symtab.h"

#include <stdlib.h>
#include <string.h>

#include "elfscan/image_parts.h"
#include "elfscan/symtab_parts.h"

static int no_memory(const struct hi_image *image, struct hi_err *err)
{
	return hi_fail(err, HI_E_NOMEM, "%s: out of memory for its symbols",
		       image->name);
}

static int compare_raws(const void *left, const void *right)
{
	const struct hi_symbol *a =
		&((const struct hi_raw_symbol *)left)->symbol;
	const struct hi_symbol *b =
		&((const struct hi_raw_symbol *)right)->symbol;
	bool a_code = hi_symbol_get_class(a) == HI_CLASS_CODE;
	bool b_code = hi_symbol_get_class(b) == HI_CLASS_CODE;
	int order;

	if (a_code != b_code)
		return a_code ? -1 : 1;
	if (a->addr_link != b->addr_link)
		return a->addr_link < b->addr_link ? -1 : 1;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	order = strcmp(a->name, b->name);
	return order ? order : strcmp(a->version, b->version);
}

/* A symbol of unknown size reaches to the next one, or its section's end. */
static void fill_sizes(struct hi_raw_symbol *raws, size_t n)
{
	uint64_t next = UINT64_MAX, this = UINT64_MAX;

	for (size_t i = n; i-- > 0;) {
		struct hi_symbol *symbol = &raws[i].symbol;
		bool code = hi_symbol_get_class(symbol) == HI_CLASS_CODE;

		if (symbol->type == HI_SYM_TLS)
			continue;
		if (symbol->addr_link > this)
			next = this = UINT64_MAX; /* code after data */
		if (symbol->addr_link < this) {
			next = this;
			this = symbol->addr_link;
		}
		if (!symbol->size && (code || raws[i].untyped))
			symbol->size =
				(next < raws[i].end ? next : raws[i].end) -
				symbol->addr_link;
	}
}

static bool same_entry(const struct hi_symbol *a, const struct hi_symbol *b)
{
	/* a name is "" rather than NULL, which the analyzer cannot see */
	return a->addr_link == b->addr_link && a->type == b->type &&
	       /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
	       !strcmp(a->name, b->name) && !strcmp(a->version, b->version);
}

static int split(struct hi_symtab_builder *builder, struct hi_err *err)
{
	struct hi_symtab *symtab = builder->symtab;
	struct hi_raw_symbol *raws = builder->raws;
	size_t n_code = 0;

	for (int i = 0; i < 2 && builder->n; i++) {
		qsort(raws, builder->n, sizeof(*raws), compare_raws);
		if (!i)
			fill_sizes(raws, builder->n);
	}
	while (n_code < builder->n &&
	       hi_symbol_get_class(&raws[n_code].symbol) == HI_CLASS_CODE)
		n_code++;
	symtab->functions = calloc(n_code + 1, sizeof(struct hi_symbol));
	symtab->variables =
		calloc(builder->n - n_code + 1, sizeof(struct hi_symbol));
	if (!symtab->functions || !symtab->variables)
		return no_memory(builder->image, err);
	for (size_t i = 0; i < builder->n; i++) {
		struct hi_symbol *to = i < n_code ? symtab->functions :
						    symtab->variables;
		size_t *n = i < n_code ? &symtab->n_functions :
					 &symtab->n_variables;

		if (!*n || !same_entry(&to[*n - 1], &raws[i].symbol))
			to[(*n)++] = raws[i].symbol;
	}
	return 0;
}

int hi_symtab_new(struct hi_image *image, struct hi_symtab **ret_symtab,
		  struct hi_err *err)
{
	struct hi_symtab *symtab = calloc(1, sizeof(*symtab));
	struct hi_symtab_builder builder = { .image = image, .symtab = symtab };
	int code;

	if (!symtab)
		return no_memory(image, err);
	code = hi_symtab_read_tables(&builder, err);
	if (code >= 0)
		code = split(&builder, err);
	if (code >= 0)
		code = hi_symtab_build_indexes(symtab, err);
	free(builder.raws);
	free(builder.names);
	if (code < 0) {
		hi_symtab_free(symtab);
		return code;
	}
	*ret_symtab = symtab;
	return 0;
}

void hi_symtab_free(struct hi_symtab *symtab)
{
	if (!symtab)
		return;
	free(symtab->functions);
	free(symtab->variables);
	free(symtab->function_ends);
	free(symtab->variable_ends);
	free(symtab->exported.keys);
	free(symtab->locals.keys);
	free(symtab->bases.keys);
	hi_strings_done(&symtab->strings);
	hi_debugfile_done(&symtab->debugfile);
	free(symtab);
}

const struct hi_symbol *hi_symtab_get_functions(const struct hi_symtab *symtab,
						size_t *ret_n)
{
	*ret_n = symtab->n_functions;
	return symtab->functions;
}

const struct hi_symbol *hi_symtab_get_variables(const struct hi_symtab *symtab,
						size_t *ret_n)
{
	*ret_n = symtab->n_variables;
	return symtab->variables;
}

bool hi_symtab_has_locals(const struct hi_symtab *symtab)
{
	return symtab->has_locals;
}

const char *hi_symtab_get_debug_file(const struct hi_symtab *symtab)
{
	return symtab->debugfile.path;
}

const char *hi_symtab_get_debuglink(const struct hi_symtab *symtab)
{
	return symtab->debuglink;
}
