#include "elfscan/model_new.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/dynsym.h"
#include "elfscan/model_parts.h"

/* The debug information, as long as places in the source may be asked for. */
struct source {
	struct hi_dies dies;
};

static const char *locate(const void *of, const char **ret_folder,
			  int *ret_line)
{
	Dwarf_Die die = hi_die_at(of), unit;
	const char *file = hi_dies_get_file(&die);
	Dwarf_Attribute attr;

	*ret_line = 0;
	if (!file)
		return NULL;
	(void)dwarf_decl_line(&die, ret_line);
	*ret_folder = NULL;
	if (dwarf_diecu(&die, &unit, NULL, NULL))
		*ret_folder = dwarf_formstring(
			dwarf_attr(&unit, DW_AT_comp_dir, &attr));
	return file;
}

static void end_source(void *context)
{
	struct source *source = context;

	hi_dies_done(&source->dies);
	free(source);
}

/* Whether the symbol is one that a host can use. */
static bool is_interface(const struct hi_symbol *symbol)
{
	return *symbol->name && symbol->exported && !symbol->compiler_made &&
	       symbol->elf_bind != STB_LOCAL;
}

/* What goes into the model: KEY is 0 for an export. */
typedef int each_entry(void *context, const struct hi_symbol *symbol,
		       uint64_t key, struct hi_err *err);

static int for_each_kept(const struct hi_symtab *symtab,
			 const struct hi_model_kept *kept, each_entry *each,
			 void *context, struct hi_err *err)
{
	int code = 0;
	size_t n;
	const struct hi_symbol *symbols = hi_symtab_get_variables(symtab, &n);

	for (size_t i = 0; i < n && code == 0; i++) {
		uint64_t key = kept->get_key(kept->context, &symbols[i]);

		if (key)
			code = each(context, &symbols[i], key, err);
	}
	return code;
}

static int for_each_entry(const struct hi_symtab *symtab,
			  const struct hi_model_kept *kept, each_entry *each,
			  void *context, struct hi_err *err)
{
	int code = 0;

	for (int kind = 0; kind < 2; kind++) {
		size_t n;
		const struct hi_symbol *symbols =
			kind ? hi_symtab_get_variables(symtab, &n) :
			       hi_symtab_get_functions(symtab, &n);

		for (size_t i = 0; i < n && code == 0; i++)
			if (is_interface(&symbols[i]))
				code = each(context, &symbols[i], 0, err);
	}
	if (code == 0 && kept)
		code = for_each_kept(symtab, kept, each, context, err);
	return code;
}

static int want(void *context, const struct hi_symbol *symbol, uint64_t key,
		struct hi_err *err)
{
	(void)key;
	return hi_dies_want(context, symbol, err);
}

struct adding {
	struct hi_model_reader reader;
	const struct hi_image *image;
};

static int add_entry(void *context, const struct hi_symbol *symbol,
		     uint64_t key, struct hi_err *err)
{
	struct adding *adding = context;
	struct hi_model *model = adding->reader.model;
	bool is_function = symbol->type == HI_SYM_FUNC ||
			   symbol->type == HI_SYM_IFUNC;
	struct hi_model_export export = {
		.name = hi_model_copy(model, key ? symbol->base : symbol->name),
		.version = hi_model_copy(model, symbol->version),
		.is_default = symbol->default_version,
		.is_protected = symbol->visibility == STV_PROTECTED,
		.is_weak = symbol->elf_bind == STB_WEAK,
		.is_unique = symbol->elf_bind == STB_GNU_UNIQUE,
		.kind = symbol->type,
		.size = is_function ? 0 : symbol->size,
		.key = key,
	};
	const struct hi_dies *dies = adding->reader.dies;
	struct hi_die entry;
	Dwarf_Die die;

	(void)err;
	export.is_writable =
		!is_function &&
		(symbol->type == HI_SYM_TLS ||
		 hi_image_get_data_kind(adding->image, symbol->addr_link) ==
			 HI_DATA_STATE);
	/* what an IFUNC's entry describes is its resolver */
	if (!hi_model_is_made(symbol->name) && dies->dwarf &&
	    (symbol->type == HI_SYM_IFUNC ?
		     hi_dies_get_called(dies, symbol, &die) :
		     hi_dies_get(dies, symbol, &die)) &&
	    hi_die_read(adding->reader.entries, &die, &entry)) {
		export.source = hi_model_keep_die(&adding->reader, &die);
		export.type =
			is_function ?
				hi_model_read_function(&adding->reader, &die) :
				hi_model_read_type_of(&adding->reader, &entry);
	} else if (is_function && dies->dwarf) {
		export.type =
			hi_model_read_destructor(&adding->reader, symbol->name);
	}
	hi_model_add_export(model, &export);
	return 0;
}

static void add_versions(struct hi_model *model, const struct hi_image *image)
{
	const struct hi_dynsym *dynsym = hi_image_get_dynsym(image);

	/* 0 and 1 stand for what has none */
	for (size_t i = 2; i < dynsym->n_defined; i++)
		if (dynsym->versions[i])
			hi_model_add_version(model, dynsym->versions[i]);
	if (dynsym->n_defined > 2 && dynsym->versions[2])
		model->first_version =
			hi_model_copy(model, dynsym->versions[2]);
	model->has_version_table = dynsym->versym;
}

static void add_header(struct hi_model *model, const struct hi_image *image)
{
	const struct hi_image_header *header = hi_image_get_header(image);
	const char *path = hi_image_get_path(image);
	const char *slash = strrchr(path, '/');

	model->name = hi_model_copy(model, slash ? slash + 1 : path);
	model->soname = header->soname ? hi_model_copy(model, header->soname) :
					 "";
	for (size_t i = 0; header->needed && header->needed[i]; i++)
		hi_model_add_needed(model, header->needed[i]);
}

int hi_model_new_from(struct hi_image *image, const struct hi_symtab *symtab,
		      const struct hi_model_kept *kept,
		      struct hi_model **ret_model, struct hi_err *err)
{
	struct source *source = calloc(1, sizeof(*source));
	struct adding adding = { .image = image };
	struct hi_model *model = NULL;
	int code;

	if (!source)
		return hi_fail(err, HI_E_NOMEM, "no memory for the interface");
	code = hi_model_new(&model, err);
	if (code < 0 || !model) {
		free(source);
		return code;
	}
	model->source = source;
	model->locate = locate;
	model->end_source = end_source;
	hi_dies_init(&source->dies, image, NULL);
	add_header(model, image);
	add_versions(model, image);
	code = for_each_entry(symtab, kept, want, &source->dies, err);
	if (code == 0) {
		adding.reader.model = model;
		adding.reader.dies = &source->dies;
		adding.reader.entries = &source->dies.entries;
		source->dies.note_type = hi_model_note_type;
		source->dies.note_context = &adding.reader;
		hi_dies_find(&source->dies);
		code = for_each_entry(symtab, kept, add_entry, &adding, err);
		hi_model_read_rest(&adding.reader);
		hi_model_reader_done(&adding.reader);
		/* all that is asked for now is places in the source */
		hi_dies_forget(&source->dies);
		hi_model_finish(model);
		hi_model_mark_abstract(model, image, symtab);
		hi_model_mark_passing(model);
	}
	if (code == 0 && model->failed)
		code = hi_fail(err, HI_E_NOMEM, "no memory for the interface");
	if (code < 0) {
		hi_model_free(model);
		return code;
	}
	*ret_model = model;
	return 0;
}
