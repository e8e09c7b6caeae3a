#include "elfscan/model.h"

#include <stdlib.h>
#include <string.h>

#include "common/grow.h"

#define BLOCK_LEN 65536UL

struct hi_model_block {
	struct hi_model_block *next;
	size_t len, cap;
	char bytes[];
};

void *hi_model_alloc(struct hi_model *model, size_t len)
{
	struct hi_model_block *block = model->blocks;

	len = (len + 15) & ~15UL;
	if (!block || block->cap - block->len < len) {
		size_t cap = len > BLOCK_LEN ? len : BLOCK_LEN;

		block = calloc(1, sizeof(*block) + cap);
		if (!block) {
			model->failed = true;
			return NULL;
		}
		block->cap = cap;
		block->next = model->blocks;
		model->blocks = block;
	}
	block->len += len;
	return block->bytes + block->len - len;
}

const char *hi_model_copy(struct hi_model *model, const char *text)
{
	size_t len = strlen(text) + 1;
	char *copy = len > 1 ? hi_model_alloc(model, len) : NULL;

	return copy ? memcpy(copy, text, len) : "";
}

/* Room for one element more in *LIST. */
static bool make_room(struct hi_model *model, void *list, size_t n, size_t *cap,
		      size_t size)
{
	bool has_room = hi_grow(list, n, cap, size);

	model->failed = model->failed || !has_room;
	return has_room;
}

uint32_t hi_model_add_type(struct hi_model *model,
			   const struct hi_model_type *type)
{
	if (model->n_types == UINT32_MAX ||
	    !make_room(model, &model->types, model->n_types, &model->cap_types,
		       sizeof(*type)))
		return HI_TYPE_NUMBER_UNKNOWN;
	model->types[model->n_types] = *type;
	if (!type->name)
		model->types[model->n_types].name = "";
	return (uint32_t)model->n_types++;
}

void hi_model_add_export(struct hi_model *model,
			 const struct hi_model_export *export)
{
	if (make_room(model, &model->exports, model->n_exports,
		      &model->cap_exports, sizeof(*export)))
		model->exports[model->n_exports++] = *export;
}

void hi_model_add_needed(struct hi_model *model, const char *name)
{
	if (make_room(model, &model->needed, model->n_needed,
		      &model->cap_needed, sizeof(*model->needed)))
		model->needed[model->n_needed++] = hi_model_copy(model, name);
}

void hi_model_add_version(struct hi_model *model, const char *name)
{
	if (make_room(model, &model->versions, model->n_versions,
		      &model->cap_versions, sizeof(*model->versions)))
		model->versions[model->n_versions++] =
			hi_model_copy(model, name);
}

int hi_model_new(struct hi_model **ret_model, struct hi_err *err)
{
	static const struct hi_model_type unknown = { .kind = HI_MODEL_UNKNOWN };
	static const struct hi_model_type nothing = { .kind = HI_MODEL_VOID };
	struct hi_model *model = calloc(1, sizeof(*model));

	if (model) {
		model->name = model->soname = model->first_version = "";
		(void)hi_model_add_type(model, &unknown);
		(void)hi_model_add_type(model, &nothing);
	}
	if (!model || model->failed) {
		hi_model_free(model);
		return hi_fail(err, HI_E_NOMEM, "no memory for the interface");
	}
	*ret_model = model;
	return 0;
}

void hi_model_free(struct hi_model *model)
{
	if (!model)
		return;
	if (model->end_source)
		model->end_source(model->source);
	while (model->blocks) {
		struct hi_model_block *next = model->blocks->next;

		free(model->blocks);
		model->blocks = next;
	}
	free(model->exports);
	free(model->types);
	free(model->needed);
	free(model->versions);
	free(model);
}

static int compare_exports(const void *left, const void *right)
{
	const struct hi_model_export *a = left, *b = right;
	int order = (a->key > b->key) - (a->key < b->key);

	/* what is kept may be known by several names: the first will do */
	if (order || a->key)
		return order;
	order = strcmp(a->name, b->name);
	if (!order)
		order = strcmp(a->version, b->version);
	return order;
}

/* A damaged table may name one thing twice. */
static void drop_doubles(struct hi_model *model)
{
	size_t n = 0;

	for (size_t i = 0; i < model->n_exports; i++)
		if (!n || compare_exports(&model->exports[n - 1],
					  &model->exports[i]) != 0)
			model->exports[n++] = model->exports[i];
	model->n_exports = n;
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void sort_versions(struct hi_model *model)
{
	size_t n = 0;

	for (size_t i = 0; i < model->n_exports; i++)
		/* the same text twice in a row is the rule */
		if (*model->exports[i].version &&
		    (!model->n_versions ||
		     strcmp(model->versions[model->n_versions - 1],
			    model->exports[i].version) != 0))
			hi_model_add_version(model, model->exports[i].version);
	if (!model->n_versions)
		return;
	qsort(model->versions, model->n_versions, sizeof(*model->versions),
	      compare_names);
	for (size_t i = 0; i < model->n_versions; i++)
		if (!n ||
		    strcmp(model->versions[n - 1], model->versions[i]) != 0)
			model->versions[n++] = model->versions[i];
	model->n_versions = n;
}

void hi_model_finish(struct hi_model *model)
{
	if (model->n_exports)
		qsort(model->exports, model->n_exports, sizeof(*model->exports),
		      compare_exports);
	drop_doubles(model);
	if (model->n_needed)
		qsort(model->needed, model->n_needed, sizeof(*model->needed),
		      compare_names);
	sort_versions(model);
	hi_model_label(model);
	hi_model_unite(model);
}

const struct hi_model_type *hi_model_get_type(const struct hi_model *model,
					      uint32_t number)
{
	return &model->types[number < model->n_types ? number : 0];
}

const struct hi_model_export *hi_model_find_export(const struct hi_model *model,
						   const char *name,
						   const char *version)
{
	struct hi_model_export wanted = { .name = name, .version = version };

	return model->n_exports ?
		       bsearch(&wanted, model->exports, model->n_exports,
			       sizeof(wanted), compare_exports) :
		       NULL;
}

const struct hi_model_export *hi_model_find_kept(const struct hi_model *model,
						 uint64_t key)
{
	struct hi_model_export wanted = { .key = key };

	return model->n_exports ?
		       bsearch(&wanted, model->exports, model->n_exports,
			       sizeof(wanted), compare_exports) :
		       NULL;
}

const struct hi_model_export *hi_model_find_named(const struct hi_model *model,
						  const char *name,
						  size_t *ret_n)
{
	size_t low = 0, high = model->n_exports;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (!model->exports[middle].key &&
		    strcmp(model->exports[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (*ret_n = 0; low + *ret_n < model->n_exports &&
			 !model->exports[low + *ret_n].key &&
			 !strcmp(model->exports[low + *ret_n].name, name);)
		++*ret_n;
	return model->exports + low;
}

static bool is_alias(const struct hi_model_type *type)
{
	switch (type->kind) {
	case HI_MODEL_CONST:
	case HI_MODEL_VOLATILE:
	case HI_MODEL_RESTRICT:
	case HI_MODEL_ATOMIC:
	case HI_MODEL_TYPEDEF:
		return true;
	default:
		return false;
	}
}

uint32_t hi_model_peel(const struct hi_model *model, uint32_t number)
{
	/* a chain is never longer than there are types */
	for (size_t i = 0; i < model->n_types; i++) {
		const struct hi_model_type *type =
			hi_model_get_type(model, number);

		if (!is_alias(type))
			return number;
		number = type->target;
	}
	return HI_TYPE_NUMBER_UNKNOWN;
}

bool hi_model_is_named(enum hi_model_kind kind)
{
	switch (kind) {
	case HI_MODEL_BASE:
	case HI_MODEL_TYPEDEF:
	case HI_MODEL_ENUM:
	case HI_MODEL_STRUCT:
	case HI_MODEL_CLASS:
	case HI_MODEL_UNION:
		return true;
	default:
		return false;
	}
}

bool hi_model_is_wrapper(enum hi_model_kind kind)
{
	switch (kind) {
	case HI_MODEL_POINTER:
	case HI_MODEL_REFERENCE:
	case HI_MODEL_RVALUE_REFERENCE:
	case HI_MODEL_MEMBER_POINTER:
	case HI_MODEL_ARRAY:
	case HI_MODEL_VECTOR:
	case HI_MODEL_CONST:
	case HI_MODEL_VOLATILE:
	case HI_MODEL_RESTRICT:
	case HI_MODEL_ATOMIC:
		return true;
	default:
		return false;
	}
}

bool hi_model_is_function(const struct hi_model_export *export)
{
	return export->kind == HI_SYM_FUNC || export->kind == HI_SYM_IFUNC;
}

bool hi_model_is_dispatcher(const char *name)
{
	size_t n = !strncmp(name, "_Z", 2) ? strspn(name + 2, "0123456789") : 0;

	return n && !strncmp(name + 2 + n, "_Z", 2);
}

bool hi_model_is_made(const char *name)
{
	const char *dot = strchr(name, '.');

	return hi_model_is_dispatcher(name) || strncmp(name, "_ZT", 3) == 0 ||
	       strncmp(name, "_ZG", 3) == 0 ||
	       (dot && strcmp(dot, ".resolver") == 0);
}

bool hi_model_is_aggregate(const struct hi_model_type *type)
{
	return type->kind == HI_MODEL_STRUCT || type->kind == HI_MODEL_CLASS ||
	       type->kind == HI_MODEL_UNION;
}

uint64_t hi_model_get_size(const struct hi_model *model, uint32_t number)
{
	uint64_t times = 1;

	/* a chain is never longer than there are types */
	for (size_t i = 0; i < model->n_types; i++) {
		const struct hi_model_type *type =
			hi_model_get_type(model, hi_model_peel(model, number));

		switch (type->kind) {
		case HI_MODEL_ARRAY:
		case HI_MODEL_VECTOR:
			if (type->count == HI_MODEL_ENDLESS)
				return 0;
			times *= type->count;
			number = type->target;
			break;
		case HI_MODEL_POINTER:
		case HI_MODEL_REFERENCE:
		case HI_MODEL_RVALUE_REFERENCE:
			return times * 8;
		case HI_MODEL_MEMBER_POINTER:
			type = hi_model_get_type(
				model, hi_model_peel(model, type->target));
			/* Itanium C++ ABI 2.3 */
			return times *
			       (type->kind == HI_MODEL_FUNCTION ? 16 : 8);
		default:
			return times * type->size;
		}
	}
	return 0;
}

const char *hi_model_locate(const struct hi_model *model, const void *of,
			    int *ret_line)
{
	const char *file = NULL, *folder, *slash;

	if (of && model->locate)
		file = model->locate(of, &folder, ret_line);
	slash = file ? strrchr(file, '/') : NULL;
	return slash ? slash + 1 : file;
}

bool hi_model_locate_path(const struct hi_model *model, const void *of,
			  struct hi_buf *path, int *ret_line)
{
	const char *file = NULL, *folder = NULL;

	if (of && model->locate)
		file = model->locate(of, &folder, ret_line);
	if (!file)
		return false;
	if (*file != '/' && folder)
		hi_buf_printf(path, "%s/", folder);
	hi_buf_text(path, file);
	return true;
}
