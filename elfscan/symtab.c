#include "elfscan/symtab.h"

#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/image_parts.h"
#include "elfscan/symtab_parts.h"

static int no_memory(const struct hi_image *image, struct hi_err *err)
{
	return hi_fail(err, HI_E_NOMEM, "%s: out of memory for its symbols",
		       image->name);
}

/* What symbols are sorted by; most differ in the first word. */
struct order {
	uint64_t place; /* code before data, then the address */
	struct hi_raw_symbol *raw;
};

static int compare_orders(const void *left, const void *right)
{
	const struct order *x = left, *y = right;
	const struct hi_symbol *a = &x->raw->symbol, *b = &y->raw->symbol;
	int order;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	order = strcmp(a->name, b->name);
	return order ? order : strcmp(a->version, b->version);
}

static bool is_code(const struct hi_symbol *symbol)
{
	return hi_symbol_get_class(symbol) == HI_CLASS_CODE;
}

static void sort(struct order *orders, size_t n)
{
	bool sorted = true;

	for (size_t i = 1; i < n && sorted; i++)
		sorted = compare_orders(&orders[i - 1], &orders[i]) <= 0;
	if (!sorted)
		qsort(orders, n, sizeof(*orders), compare_orders);
}

/* A symbol of unknown size reaches to the next one, or its section's end. True:
   there was one. */
static bool fill_sizes(struct order *orders, size_t n)
{
	uint64_t next = UINT64_MAX, this = UINT64_MAX;
	bool filled = false;

	for (size_t i = n; i-- > 0;) {
		const struct hi_raw_symbol *raw = orders[i].raw;
		struct hi_symbol *symbol = &orders[i].raw->symbol;

		if (symbol->type == HI_SYM_TLS)
			continue;
		if (symbol->addr_link > this)
			next = this = UINT64_MAX; /* code after data */
		if (symbol->addr_link < this) {
			next = this;
			this = symbol->addr_link;
		}
		if (symbol->size || (!is_code(symbol) && !raw->untyped))
			continue;
		symbol->size =
			(next < raw->end ? next : raw->end) - symbol->addr_link;
		filled = true;
	}
	return filled;
}

/* The symbols in order, for free(); NULL: out of memory. */
static struct order *sort_raws(const struct hi_symtab_builder *builder)
{
	struct order *orders = calloc(builder->n + 1, sizeof(*orders));

	if (!orders)
		return NULL;
	for (size_t i = 0; i < builder->n; i++) {
		const struct hi_symbol *symbol = &builder->raws[i].symbol;

		orders[i].raw = &builder->raws[i];
		/* user space ends at 2^47 */
		orders[i].place = (symbol->addr_link & INT64_MAX) |
				  (uint64_t)!is_code(symbol) << 63;
	}
	sort(orders, builder->n);
	if (fill_sizes(orders, builder->n))
		sort(orders, builder->n); /* sizes are part of the order */
	return orders;
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
	struct order *HI_FREE orders = sort_raws(builder);
	size_t n_code = 0;

	if (!orders)
		return no_memory(builder->image, err);
	while (n_code < builder->n && is_code(&orders[n_code].raw->symbol))
		n_code++;
	symtab->functions = calloc(n_code + 1, sizeof(struct hi_symbol));
	symtab->variables =
		calloc(builder->n - n_code + 1, sizeof(struct hi_symbol));
	if (!symtab->functions || !symtab->variables)
		return no_memory(builder->image, err);
	for (size_t i = 0; i < builder->n; i++) {
		const struct hi_symbol *symbol = &orders[i].raw->symbol;
		struct hi_symbol *to = i < n_code ? symtab->functions :
						    symtab->variables;
		size_t *n = i < n_code ? &symtab->n_functions :
					 &symtab->n_variables;

		if (!*n || !same_entry(&to[*n - 1], symbol))
			to[(*n)++] = *symbol;
	}
	return 0;
}

static int make(struct hi_image *image, bool exported_only,
		struct hi_symtab **ret_symtab, struct hi_err *err)
{
	struct hi_symtab *symtab = calloc(1, sizeof(*symtab));
	struct hi_symtab_builder builder = { .image = image,
					     .symtab = symtab,
					     .exported_only = exported_only };
	int code;

	if (!symtab)
		return no_memory(image, err);
	code = hi_symtab_read_tables(&builder, err);
	if (code >= 0)
		code = split(&builder, err);
	if (code >= 0 && !exported_only)
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

int hi_symtab_new(struct hi_image *image, struct hi_symtab **ret_symtab,
		  struct hi_err *err)
{
	return make(image, false, ret_symtab, err);
}

int hi_symtab_new_exported(struct hi_image *image,
			   struct hi_symtab **ret_symtab, struct hi_err *err)
{
	return make(image, true, ret_symtab, err);
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
	free(symtab->exported.starts);
	free(symtab->locals.keys);
	free(symtab->locals.starts);
	free(symtab->bases.keys);
	free(symtab->bases.starts);
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
