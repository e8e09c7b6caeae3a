/*
 * symtab_parts - what the files of the symtab module share; nobody else
 * includes it.
 */
#ifndef HI_ELFSCAN_SYMTAB_PARTS_H
#define HI_ELFSCAN_SYMTAB_PARTS_H

#include "elfscan/debugfile.h"
#include "elfscan/symtab.h"

/* What a symbol can be the same as: code, data, thread-local data. */
enum hi_symbol_class { HI_CLASS_CODE, HI_CLASS_DATA, HI_CLASS_TLS };

/* One entry of an index: symbols sorted by key, then as its user needs. */
struct hi_key {
	uint64_t key; /* a hash */
	const struct hi_symbol *symbol;
};

struct hi_index {
	struct hi_key *keys;
	size_t n;
	uint32_t *starts;   /* where the keys with the same first bits begin */
	unsigned int shift; /* the number of other bits */
};

/* Neighbours in an index. */
struct hi_run {
	const struct hi_key *keys;
	size_t n;
};

/* Strings that no file holds; each stays where it is until the table ends. */
struct hi_strings {
	struct hi_strings_chunk *last;
};

struct hi_symtab {
	struct hi_symbol *functions;
	size_t n_functions;
	struct hi_symbol *variables;
	size_t n_variables;
	uint64_t *function_ends;  /* largest end of functions 0..i */
	uint64_t *variable_ends;  /* the same; TLS symbols have none */
	struct hi_index exported; /* by name */
	struct hi_index locals;   /* not exported, by class, base and file */
	struct hi_index bases;    /* all, by class and base */
	struct hi_strings strings;
	struct hi_debugfile debugfile;
	const char *debuglink;
	bool has_locals;
};

/* A copy of LEN bytes of TEXT as a string, or NULL: out of memory. */
const char *hi_strings_add(struct hi_strings *strings, const char *text,
			   size_t len);
void hi_strings_done(struct hi_strings *strings);

/* The length of NAME without the compiler's counters. */
size_t hi_symbol_base_len(const char *name);
/* FILE, or "" when the linker's LTO made it up. */
const char *hi_symbol_file(const char *file);
/* "count.3", a static of a function, rather than "count". */
bool hi_symbol_is_counted(const struct hi_symbol *symbol);
bool hi_symbol_is_clone(const char *name);
/* FILE as in the symbol table; NOTYPE for symbols without a type. */
bool hi_symbol_is_compiler_made(const char *name, const char *file,
				bool notype);

static inline enum hi_symbol_class hi_symbol_get_class(
	const struct hi_symbol *symbol)
{
	if (symbol->type == HI_SYM_OBJECT)
		return HI_CLASS_DATA;
	return symbol->type == HI_SYM_TLS ? HI_CLASS_TLS : HI_CLASS_CODE;
}

/* A symbol while the tables are merged. */
struct hi_raw_symbol {
	struct hi_symbol symbol;
	uint64_t end; /* of its section: it can't be longer than that */
	bool untyped; /* STT_NOTYPE: its size is not known */
};

struct hi_symtab_builder {
	const struct hi_image *image;
	struct hi_symtab *symtab;
	bool exported_only;
	bool needs_locals;
	/* the sections that st_shndx counts; n_sections 0: stripped of them */
	const uint8_t *sections;
	size_t n_sections;
	struct hi_raw_symbol *raws;
	size_t n;
	size_t cap;
	/* .dynsym's symbols by name, open addressing, index + 1 or 0 */
	uint32_t *names;
	size_t names_mask;
};

/* Collect the symbols of .dynsym and .symtab, own or of a debug file, each
   once; the caller releases raws and names, also after a failure. */
int hi_symtab_read_tables(struct hi_symtab_builder *builder,
			  struct hi_err *err) HI_MUST_USE;

/* Build the indexes over the finished arrays. */
int hi_symtab_build_indexes(struct hi_symtab *symtab,
			    struct hi_err *err) HI_MUST_USE;

#endif
