#include <stdlib.h>
#include <string.h>

#include "elfscan/hash.h"
#include "elfscan/image_parts.h"
#include "elfscan/symtab_parts.h"

/* Where a symbol lies. */
struct place {
	uint64_t end;
	bool text;
	bool tls;
};

static int no_memory(const struct hi_image *image, struct hi_err *err)
{
	return hi_fail(err, HI_E_NOMEM, "%s: out of memory for its symbols",
		       image->name);
}

/* Without section headers only the segments tell what ADDR_LINK is. */
static bool find_place_by_address(const struct hi_image *image,
				  const Elf64_Sym *symbol,
				  struct place *ret_place)
{
	const struct hi_image_header *header = &image->header;

	ret_place->tls = ELF64_ST_TYPE(symbol->st_info) == STT_TLS;
	if (ret_place->tls) {
		ret_place->end = header->tls ? header->tls->p_memsz : 0;
		return symbol->st_value < ret_place->end;
	}
	for (size_t i = 0; i < header->n_phdrs; i++) {
		const Elf64_Phdr *phdr = &header->phdrs[i];

		if (phdr->p_type != PT_LOAD ||
		    !hi_covers(phdr->p_vaddr, phdr->p_memsz, symbol->st_value,
			       1))
			continue;
		ret_place->end = phdr->p_vaddr + phdr->p_memsz;
		ret_place->text = phdr->p_flags & PF_X;
		return true;
	}
	return false;
}

static bool find_place(const struct hi_symtab_builder *builder,
		       const Elf64_Sym *symbol, uint32_t section,
		       struct place *ret_place)
{
	const struct hi_image_header *header = &builder->image->header;
	Elf64_Shdr shdr;

	*ret_place = (struct place){ 0 };
	if (!builder->n_sections)
		return find_place_by_address(builder->image, symbol, ret_place);
	if (section >= builder->n_sections)
		return false;
	memcpy(&shdr, builder->sections + section * sizeof(shdr), sizeof(shdr));
	if (!(shdr.sh_flags & SHF_ALLOC) ||
	    shdr.sh_size > UINT64_MAX - shdr.sh_addr)
		return false;
	ret_place->tls = shdr.sh_flags & SHF_TLS;
	ret_place->text = shdr.sh_flags & SHF_EXECINSTR;
	if (ELF64_ST_TYPE(symbol->st_info) == STT_TLS) {
		ret_place->end = header->tls ? header->tls->p_memsz : 0;
		return ret_place->tls && symbol->st_value < ret_place->end;
	}
	ret_place->end = shdr.sh_addr + shdr.sh_size;
	/* one past the end is where _edata and _end are */
	return symbol->st_value >= shdr.sh_addr &&
	       symbol->st_value - shdr.sh_addr <= shdr.sh_size;
}

static bool find_type(const Elf64_Sym *symbol, const struct place *place,
		      bool exported, enum hi_symbol_type *ret_type)
{
	switch (ELF64_ST_TYPE(symbol->st_info)) {
	case STT_FUNC:
		*ret_type = HI_SYM_FUNC;
		return place->text && symbol->st_value < place->end;
	case STT_GNU_IFUNC:
		*ret_type = HI_SYM_IFUNC;
		return place->text && symbol->st_value < place->end;
	case STT_OBJECT:
	case STT_COMMON:
		*ret_type = HI_SYM_OBJECT;
		return !place->tls;
	case STT_TLS:
		*ret_type = HI_SYM_TLS;
		return place->tls;
	case STT_NOTYPE:
		/* assembly without .type; whoever exports it means it */
		*ret_type = place->text ? HI_SYM_FUNC : HI_SYM_OBJECT;
		return exported && !place->tls && symbol->st_value < place->end;
	default:
		return false;
	}
}

static struct hi_raw_symbol *add_raw(struct hi_symtab_builder *builder)
{
	if (builder->n == builder->cap) {
		size_t cap = builder->cap ? 2 * builder->cap : 256;
		struct hi_raw_symbol *raws;

		raws = reallocarray(builder->raws, cap, sizeof(*raws));
		if (!raws)
			return NULL;
		builder->raws = raws;
		builder->cap = cap;
	}
	builder->raws[builder->n] = (struct hi_raw_symbol){ 0 };
	return &builder->raws[builder->n++];
}

/* SYMBOL as it is in either table; the caller knows name, version and file. */
static int add(struct hi_symtab_builder *builder, const Elf64_Sym *symbol,
	       const struct place *place, const struct hi_symbol *facts,
	       enum hi_symbol_type type, struct hi_err *err)
{
	struct hi_strings *strings = &builder->symtab->strings;
	struct hi_raw_symbol *raw = add_raw(builder);
	struct hi_symbol *made;
	size_t base_len;

	if (!raw)
		return no_memory(builder->image, err);
	made = &raw->symbol;
	*made = *facts;
	made->type = type;
	made->addr_link = symbol->st_value;
	made->size = symbol->st_size;
	if (made->size > place->end - made->addr_link)
		made->size = place->end - made->addr_link;
	made->elf_bind = ELF64_ST_BIND(symbol->st_info);
	made->visibility = ELF64_ST_VISIBILITY(symbol->st_other);
	raw->end = place->end;
	raw->untyped = ELF64_ST_TYPE(symbol->st_info) == STT_NOTYPE;
	made->compiler_made = hi_symbol_is_compiler_made(made->name, made->file,
							 raw->untyped);
	made->clone = place->text && hi_symbol_is_clone(made->name);
	base_len = hi_symbol_base_len(made->name);
	made->base = made->name[base_len] ?
			     hi_strings_add(strings, made->name, base_len) :
			     made->name;
	return made->base ? 0 : no_memory(builder->image, err);
}

static int index_dynamic(struct hi_symtab_builder *builder, struct hi_err *err)
{
	size_t size = 16;

	while (size < 2 * builder->n)
		size *= 2;
	builder->names = calloc(size, sizeof(*builder->names));
	if (!builder->names)
		return no_memory(builder->image, err);
	builder->names_mask = size - 1;
	for (size_t i = 0; i < builder->n; i++) {
		const char *name = builder->raws[i].symbol.name;
		size_t at = hi_hash_text(name, 0);

		while (builder->names[at & builder->names_mask])
			at++;
		builder->names[at & builder->names_mask] = i + 1;
	}
	return 0;
}

static int add_dynamic(struct hi_symtab_builder *builder, struct hi_err *err)
{
	const struct hi_dynsym *dynsym = &builder->image->dynsym;

	for (size_t i = 1; i < dynsym->n; i++) {
		Elf64_Sym symbol = hi_dynsym_get(dynsym, i);
		unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
		struct hi_symbol facts = { .file = "" };
		enum hi_symbol_type type;
		struct place place;
		int code;

		if (symbol.st_shndx == SHN_UNDEF ||
		    (symbol.st_shndx >= SHN_LORESERVE &&
		     symbol.st_shndx != SHN_XINDEX) ||
		    ELF64_ST_BIND(symbol.st_info) == STB_LOCAL ||
		    !find_place(builder, &symbol, symbol.st_shndx, &place))
			continue;
		facts.exported = visibility == STV_DEFAULT ||
				 visibility == STV_PROTECTED;
		facts.name = hi_dynsym_get_name(dynsym, i);
		facts.version = hi_dynsym_get_version(dynsym, i,
						      &facts.default_version);
		if (!find_type(&symbol, &place, facts.exported, &type))
			continue;
		code = add(builder, &symbol, &place, &facts, type, err);
		if (code < 0)
			return code;
	}
	return 0;
}

/* NAME (LEN bytes) at ADDR_LINK is in .dynsym; VERSION NULL: any. */
static bool is_dynamic(const struct hi_symtab_builder *builder,
		       const char *name, size_t len, const char *version,
		       uint64_t addr_link)
{
	size_t at = hi_hash(name, len, 0);
	uint32_t entry;

	for (; (entry = builder->names[at & builder->names_mask]); at++) {
		const struct hi_symbol *symbol =
			&builder->raws[entry - 1].symbol;

		if (symbol->addr_link == addr_link &&
		    !strncmp(symbol->name, name, len) && !symbol->name[len] &&
		    (!version || !strcmp(symbol->version, version)))
			return true;
	}
	return false;
}

static int add_static(struct hi_symtab_builder *builder,
		      const Elf64_Sym *symbol, uint32_t section,
		      const char *name, const char *file, struct hi_err *err)
{
	bool local = ELF64_ST_BIND(symbol->st_info) == STB_LOCAL;
	const char *at = local ? NULL : strchr(name, '@');
	size_t len = at && at != name ? (size_t)(at - name) : strlen(name);
	struct hi_symbol facts = {
		.name = name, .version = "", .file = "", .default_version = true
	};
	enum hi_symbol_type type;
	struct place place;

	if (!len || !find_place(builder, symbol, section, &place) ||
	    !find_type(symbol, &place, false, &type))
		return 0;
	if (name[len]) { /* as GNU ld writes versions: f@V1, f@@V2 */
		facts.default_version = name[len + 1] == '@';
		facts.version = name + len + 1 + facts.default_version;
		facts.name =
			hi_strings_add(&builder->symtab->strings, name, len);
		if (!facts.name)
			return no_memory(builder->image, err);
	}
	if (is_dynamic(builder, name, len, name[len] ? facts.version : NULL,
		       symbol->st_value))
		return 0;
	/* a hidden global is local in a finished link, yet has no file */
	if (local && ELF64_ST_VISIBILITY(symbol->st_other) == STV_DEFAULT)
		facts.file = file;
	return add(builder, symbol, &place, &facts, type, err);
}

static int check_names(const struct hi_symtab_builder *builder,
		       const struct hi_symbol_table *table, struct hi_err *err)
{
	for (size_t i = 1; i < table->n; i++) {
		Elf64_Sym symbol;

		memcpy(&symbol, table->symbols + i * sizeof(symbol),
		       sizeof(symbol));
		if (symbol.st_name >= table->strings_len)
			return hi_fail(err, HI_E_BADELF,
				       "%s: the name of symbol %zu is out of "
				       "range",
				       builder->image->name, i);
	}
	return 0;
}

static int add_table(struct hi_symtab_builder *builder,
		     const struct hi_symbol_table *table, struct hi_err *err)
{
	const char *file = "";
	int code = check_names(builder, table, err);

	if (code < 0 || !builder->needs_locals)
		return code;
	code = index_dynamic(builder, err);
	if (code < 0)
		return code;

	builder->sections = table->sections;
	builder->n_sections = table->n_sections;
	for (size_t i = 1; i < table->n; i++) {
		uint32_t section;
		Elf64_Sym symbol;

		memcpy(&symbol, table->symbols + i * sizeof(symbol),
		       sizeof(symbol));
		section = symbol.st_shndx;
		if (ELF64_ST_TYPE(symbol.st_info) == STT_FILE)
			file = hi_symbol_file(table->strings + symbol.st_name);
		if (section == SHN_XINDEX && table->extended)
			memcpy(&section, table->extended + 4 * i, 4);
		else if (section >= SHN_LORESERVE)
			continue;
		if (section == SHN_UNDEF)
			continue;
		code = add_static(builder, &symbol, section,
				  table->strings + symbol.st_name, file, err);
		if (code < 0)
			return code;
	}
	builder->symtab->has_locals = true;
	return 0;
}

/* The size of what assembly exports without one depends on what comes next. */
static bool has_untyped_data(const struct hi_symtab_builder *builder)
{
	for (size_t i = 0; i < builder->n; i++) {
		const struct hi_raw_symbol *raw = &builder->raws[i];

		if (raw->untyped && raw->symbol.type == HI_SYM_OBJECT)
			return true;
	}
	return false;
}

int hi_symtab_read_tables(struct hi_symtab_builder *builder, struct hi_err *err)
{
	struct hi_symtab *symtab = builder->symtab;
	const struct hi_image *image = builder->image;
	struct hi_symbol_table table;
	uint32_t sum;
	int code;

	builder->sections = (const uint8_t *)image->shdrs;
	builder->n_sections = image->n_shdrs;
	code = add_dynamic(builder, err);
	if (code < 0)
		return code;
	builder->needs_locals = !builder->exported_only ||
				has_untyped_data(builder);
	symtab->debuglink = hi_debugfile_get_link(image, &sum);
	if (image->header.has_symtab) {
		if (!hi_symbol_table_find(image->file, image->file_len, &table))
			return hi_fail(err, HI_E_BADELF,
				       "%s: the symbol table is malformed",
				       image->name);
		return add_table(builder, &table, err);
	}
	if (!builder->needs_locals)
		return 0;
	hi_debugfile_open(image, &symtab->debugfile);
	if (!symtab->debugfile.path)
		return 0;
	return add_table(builder, &symtab->debugfile.table, err);
}
