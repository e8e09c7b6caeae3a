#include <stdlib.h>
#include <string.h>

#include "elfscan/baseline.h"
#include "elfscan/baseline_parts.h"

#define DEPTH_MAX 64

/* --- names ---------------------------------------------------------------- */

/* One that could be misread stands in quotes. */
static bool is_plain(const char *name)
{
	size_t len = strspn(name,
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
			    "YZ0123456789_:.$@~<>");

	return len && !name[len] && !hi_baseline_is_word(name);
}

/* Base types have names of several words. */
static bool is_plain_words(const char *name)
{
	char word[32];

	while (*name) {
		size_t len = strcspn(name, " ");

		if (!len || len >= sizeof(word))
			return false;
		memcpy(word, name, len);
		word[len] = '\0';
		if (!is_plain(word))
			return false;
		name += len;
		name += *name == ' ' && name[1];
	}
	return true;
}

static void add_name(struct hi_buf *buf, const char *name, bool words)
{
	if (*name && (words ? is_plain_words(name) : is_plain(name))) {
		hi_buf_text(buf, name);
		return;
	}
	hi_buf_text(buf, "\"");
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			hi_buf_printf(buf, "\\%c", *name);
		else if ((unsigned char)*name < ' ')
			hi_buf_printf(buf, "\\x%02x", (unsigned char)*name);
		else
			hi_buf_add(buf, name, 1);
	}
	hi_buf_text(buf, "\"");
}

static void add_type_name(struct hi_buf *buf, const struct hi_model_type *type)
{
	add_name(buf, type->name,
		 type->kind == HI_MODEL_BASE || type->kind == HI_MODEL_TYPEDEF);
	if (type->variant)
		hi_buf_printf(buf, "#%u", type->variant);
}

/* --- references ------------------------------------------------------------ */

static void add_reference(const struct hi_model *model, uint32_t number,
			  struct hi_buf *buf, int depth);

static void add_parameters(const struct hi_model *model,
			   const struct hi_model_type *type, struct hi_buf *buf,
			   int depth)
{
	const char *before = "";

	hi_buf_text(buf, "(");
	for (size_t i = 0; i < type->n_parts; i++) {
		hi_buf_text(buf, before);
		add_reference(model, type->parts[i].type, buf, depth + 1);
		if (*type->parts[i].name) {
			hi_buf_text(buf, " : ");
			add_name(buf, type->parts[i].name, false);
		}
		before = ", ";
	}
	if (type->is_variadic)
		hi_buf_printf(buf, "%s...", before);
	hi_buf_text(buf, ")");
}

static const char *get_suffix(enum hi_model_kind kind)
{
	switch (kind) {
	case HI_MODEL_POINTER:
		return " *";
	case HI_MODEL_REFERENCE:
		return " &";
	case HI_MODEL_RVALUE_REFERENCE:
		return " &&";
	case HI_MODEL_CONST:
		return " const";
	case HI_MODEL_VOLATILE:
		return " volatile";
	case HI_MODEL_RESTRICT:
		return " restrict";
	case HI_MODEL_ATOMIC:
		return " _Atomic";
	default:
		return NULL;
	}
}

static void add_suffix(const struct hi_model *model,
		       const struct hi_model_type *type, struct hi_buf *buf,
		       int depth)
{
	const char *suffix = get_suffix(type->kind);

	if (suffix) {
		hi_buf_text(buf, suffix);
	} else if (type->kind == HI_MODEL_VECTOR) {
		hi_buf_printf(buf, " vector %llu",
			      (unsigned long long)type->count);
	} else if (type->kind == HI_MODEL_FUNCTION) {
		hi_buf_text(buf, " ");
		add_parameters(model, type, buf, depth);
	} else if (type->kind == HI_MODEL_MEMBER_POINTER) {
		hi_buf_text(buf, " member of (");
		add_reference(model, type->container, buf, depth + 1);
		hi_buf_text(buf, ")");
	}
}

static bool has_suffix(enum hi_model_kind kind)
{
	return get_suffix(kind) || kind == HI_MODEL_VECTOR ||
	       kind == HI_MODEL_FUNCTION || kind == HI_MODEL_MEMBER_POINTER;
}

static const char *get_word(enum hi_model_kind kind)
{
	switch (kind) {
	case HI_MODEL_STRUCT:
		return "struct ";
	case HI_MODEL_CLASS:
		return "class ";
	case HI_MODEL_UNION:
		return "union ";
	case HI_MODEL_ENUM:
		return "enum ";
	default:
		return "";
	}
}

/* As in C, the outermost dimension comes first. */
static void add_array(const struct hi_model *model,
		      const struct hi_model_type *type, struct hi_buf *buf,
		      int depth)
{
	const struct hi_model_type *inner = type;

	while (hi_model_get_type(model, inner->target)->kind == HI_MODEL_ARRAY)
		inner = hi_model_get_type(model, inner->target);
	add_reference(model, inner->target, buf, depth + 1);
	for (;;) {
		if (type->count == HI_MODEL_ENDLESS)
			hi_buf_text(buf, "[]");
		else
			hi_buf_printf(buf, "[%llu]",
				      (unsigned long long)type->count);
		if (type == inner)
			return;
		type = hi_model_get_type(model, type->target);
	}
}

static void add_reference(const struct hi_model *model, uint32_t number,
			  struct hi_buf *buf, int depth)
{
	const struct hi_model_type *type = hi_model_get_type(model, number);

	if (depth > DEPTH_MAX) {
		hi_buf_text(buf, "?");
		return;
	}
	if (type->kind == HI_MODEL_ARRAY) {
		add_array(model, type, buf, depth);
		return;
	}
	if (has_suffix(type->kind)) {
		add_reference(model, type->target, buf, depth + 1);
		add_suffix(model, type, buf, depth);
		return;
	}
	if (type->kind == HI_MODEL_UNKNOWN) {
		hi_buf_text(buf, "?");
	} else if (type->kind == HI_MODEL_VOID) {
		hi_buf_text(buf, "void");
	} else {
		hi_buf_text(buf, get_word(type->kind));
		add_type_name(buf, type);
	}
}

void hi_baseline_name_type(const struct hi_model *model, uint32_t number,
			   struct hi_buf *buf)
{
	add_reference(model, number, buf, 0);
}

/* --- blocks ---------------------------------------------------------------- */

static void add_place(struct hi_buf *buf, const struct hi_model_part *part)
{
	hi_buf_printf(buf, "  @%lld", (long long)part->value / 8);
	if (part->value % 8)
		hi_buf_printf(buf, ".%d", (int)(part->value % 8));
	hi_buf_text(buf, " ");
}

static void add_part(const struct hi_model *model,
		     const struct hi_model_part *part, struct hi_buf *buf)
{
	switch (part->kind) {
	case HI_PART_ENUMERATOR:
		hi_buf_text(buf, "  ");
		add_name(buf, part->name, false);
		hi_buf_printf(buf, " = %lld\n", (long long)part->value);
		return;
	case HI_PART_VARIANT:
		hi_buf_text(buf, "  variant ");
		add_name(buf, part->name, false);
		hi_buf_printf(buf, " = %lld\n", (long long)part->value);
		return;
	case HI_PART_VIRTUAL:
		hi_buf_printf(buf, "  slot %lld ", (long long)part->value);
		add_name(buf, part->name, false);
		hi_buf_text(buf, " : ");
		add_reference(model, part->type, buf, 0);
		hi_buf_text(buf, "\n");
		return;
	case HI_PART_BASE:
		if (part->is_virtual)
			hi_buf_text(buf, "  virtual ");
		else
			add_place(buf, part);
		hi_buf_text(buf, "base ");
		add_reference(model, part->type, buf, 0);
		hi_buf_text(buf, "\n");
		return;
	default:
		add_place(buf, part);
		add_name(buf, part->name, false);
		if (part->bits)
			hi_buf_printf(buf, " bits %u", part->bits);
		hi_buf_text(buf, " : ");
		add_reference(model, part->type, buf, 0);
		hi_buf_text(buf, "\n");
	}
}

static void add_base(const struct hi_model_type *type, struct hi_buf *buf)
{
	hi_buf_text(buf, "base ");
	add_type_name(buf, type);
	hi_buf_printf(buf, " = %s %llu\n",
		      hi_baseline_get_encoding(type->encoding),
		      (unsigned long long)type->size);
}

static void add_block(const struct hi_model *model,
		      const struct hi_model_type *type, struct hi_buf *buf)
{
	if (type->kind == HI_MODEL_BASE) {
		add_base(type, buf);
		return;
	}
	if (type->kind == HI_MODEL_TYPEDEF) {
		hi_buf_text(buf, "typedef ");
		add_type_name(buf, type);
		hi_buf_text(buf, " = ");
		add_reference(model, type->target, buf, 0);
		hi_buf_text(buf, "\n");
		return;
	}
	hi_buf_printf(buf, "\n%s", get_word(type->kind));
	add_type_name(buf, type);
	if (type->is_declared) {
		hi_buf_text(buf, " declared\n");
		return;
	}
	hi_buf_printf(buf, " = %llu bytes", (unsigned long long)type->size);
	if (type->align == HI_MODEL_ANY_ALIGN)
		hi_buf_text(buf, " aligned ?");
	else if (type->align)
		hi_buf_printf(buf, " aligned %u", type->align);
	if (type->passing)
		hi_buf_text(buf, type->passing == HI_BY_VALUE ?
					 " by value" :
					 " by reference");
	if (type->kind == HI_MODEL_ENUM && type->target) {
		hi_buf_text(buf, " : ");
		add_reference(model, type->target, buf, 0);
	}
	hi_buf_text(buf, "\n");
	for (size_t i = 0; i < type->n_parts; i++)
		add_part(model, &type->parts[i], buf);
}

/* --- exports --------------------------------------------------------------- */

static const char *get_export_word(enum hi_symbol_type kind)
{
	switch (kind) {
	case HI_SYM_FUNC:
		return "function";
	case HI_SYM_IFUNC:
		return "ifunc";
	case HI_SYM_TLS:
		return "thread-local";
	default:
		return "variable";
	}
}

static void add_export(const struct hi_model *model,
		       const struct hi_model_export *export, struct hi_buf *buf)
{
	hi_buf_printf(buf, "%s ", get_export_word(export->kind));
	add_name(buf, export->name, false);
	if (*export->version) {
		hi_buf_text(buf,
			    export->is_default ? " version " : " old-version ");
		add_name(buf, export->version, false);
	}
	if (export->is_weak)
		hi_buf_text(buf, " weak");
	if (export->is_unique)
		hi_buf_text(buf, " unique");
	if (export->is_abstract)
		hi_buf_text(buf, " abstract");
	if (export->is_protected)
		hi_buf_text(buf, " protected");
	if (export->kind == HI_SYM_OBJECT || export->kind == HI_SYM_TLS)
		hi_buf_printf(buf, "%s = %llu bytes",
			      export->is_writable ? "" : " read-only",
			      (unsigned long long)export->size);
	hi_buf_text(buf, " : ");
	add_reference(model, export->type, buf, 0);
	hi_buf_text(buf, "\n");
}

static int compare_types(const void *left, const void *right, void *model)
{
	const struct hi_model_type *a =
		hi_model_get_type(model, *(const uint32_t *)left);
	const struct hi_model_type *b =
		hi_model_get_type(model, *(const uint32_t *)right);
	int order;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	order = strcmp(a->name, b->name);
	return order ? order :
		       (a->variant > b->variant) - (a->variant < b->variant);
}

void hi_baseline_write(const struct hi_model *model, struct hi_buf *buf)
{
	uint32_t *numbers = calloc(model->n_types, sizeof(*numbers));
	size_t n = 0;

	hi_buf_printf(buf, HI_BASELINE_MAGIC "%d\n", HI_BASELINE_VERSION);
	hi_buf_text(buf, "library ");
	add_name(buf, model->name, false);
	hi_buf_text(buf, "\n");
	if (*model->soname) {
		hi_buf_text(buf, "soname ");
		add_name(buf, model->soname, false);
		hi_buf_text(buf, "\n");
	}
	for (size_t i = 0; i < model->n_needed; i++) {
		hi_buf_text(buf, "needs ");
		add_name(buf, model->needed[i], false);
		hi_buf_text(buf, "\n");
	}
	hi_buf_text(buf, "\n");
	for (size_t i = 0; i < model->n_exports; i++)
		add_export(model, &model->exports[i], buf);
	hi_buf_text(buf, "\n");
	if (!numbers) {
		buf->failed = true;
		return;
	}
	for (size_t i = 0; i < model->n_types; i++)
		if (hi_model_is_named(model->types[i].kind) &&
		    model->types[i].is_used)
			numbers[n++] = (uint32_t)i;
	qsort_r(numbers, n, sizeof(*numbers), compare_types, (void *)model);
	for (size_t i = 0; i < n; i++)
		add_block(model, &model->types[numbers[i]], buf);
	hi_buf_text(buf, "\nend\n");
	free(numbers);
}
