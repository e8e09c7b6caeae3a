/*
 * model - the binary interface of a library: what it exports and of what types.
 *
 * The one form that builds are compared in. It is made from an ELF file and its
 * debug information (model_new.h) or read from a baseline (baseline.h), and holds
 * no more than a baseline can say; a place in the source is looked up when it is
 * asked for.
 *
 * Types are numbers; those that a type is made of (what a pointer leads to, members)
 * are numbers again, so that types may refer to each other in circles. Number 0
 * is the unknown type, 1 is void. Qualifiers and typedefs are types of their own,
 * so that a change of name can be told from a change of layout.
 *
 * Units:     sizes are bytes, places of members are bits from the start.
 * Ownership: hi_model_new() gives a model that hi_model_free() ends; all strings
 *            in it live as long.
 * Errors:    HI_E_NOMEM; a model that ran out of memory says so once, in failed.
 * Threads:   one at a time per model.
 * Source:    DWARF 5 ch. 3 to 5; Itanium C++ ABI 2.
 */
#ifndef HI_ELFSCAN_MODEL_H
#define HI_ELFSCAN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "elfscan/copying.h"
#include "elfscan/symtab.h"

enum hi_model_kind {
	HI_MODEL_UNKNOWN, /* not described, or in a way that is not understood */
	HI_MODEL_VOID,
	HI_MODEL_BASE,
	HI_MODEL_POINTER,
	HI_MODEL_REFERENCE,
	HI_MODEL_RVALUE_REFERENCE,
	HI_MODEL_MEMBER_POINTER,
	HI_MODEL_ARRAY,
	HI_MODEL_VECTOR, /* numbers that one register holds */
	HI_MODEL_CONST,
	HI_MODEL_VOLATILE,
	HI_MODEL_RESTRICT,
	HI_MODEL_ATOMIC,
	HI_MODEL_TYPEDEF,
	HI_MODEL_ENUM,
	HI_MODEL_STRUCT,
	HI_MODEL_CLASS,
	HI_MODEL_UNION,
	HI_MODEL_FUNCTION,
};

enum { HI_TYPE_NUMBER_UNKNOWN, HI_TYPE_NUMBER_VOID };

/* An array whose end is not known: flexible members, extern int list[]. */
#define HI_MODEL_ENDLESS UINT64_MAX

/* An alignment that the debug information cannot tell: DWARF before version 5, and the
   compiler was told to add nothing to it. */
#define HI_MODEL_ANY_ALIGN UINT32_MAX

enum hi_model_part_kind {
	HI_PART_BASE,       /* class: a base; is_virtual */
	HI_PART_MEMBER,     /* struct, class, union */
	HI_PART_VARIANT,    /* an enum of Rust: the member is there when the one
			       without a name has this value */
	HI_PART_VIRTUAL,    /* class: a virtual function; value is its slot */
	HI_PART_ENUMERATOR, /* enum */
	HI_PART_PARAMETER,  /* function */
};

struct hi_model_part {
	const char *name; /* "" when it has none */
	int64_t value; /* bits from the start; enumerator: its value; or slot;
			  or the number of a variant */
	uint32_t type;
	uint32_t bits; /* of a bit-field, otherwise 0 */
	enum hi_model_part_kind kind;
	bool is_virtual;
};

/* How functions take and return objects of a class of C++. */
enum hi_passing {
	HI_PASSING_UNKNOWN, /* none does, or it is not known */
	HI_BY_VALUE,        /* as C does */
	HI_BY_REFERENCE, /* to one in memory, as its bytes may not be copied */
};

struct hi_model_type {
	enum hi_model_kind kind;
	unsigned int variant; /* 0; among types that share a name 1, 2, ... */
	/* with its scopes; one without a name is called after what uses it,
	   in angle brackets: "<pos>" of typedef struct {...} pos */
	const char *name;
	uint64_t size;      /* base types, enums, structs, unions */
	uint64_t count;     /* arrays, vectors: elements, or HI_MODEL_ENDLESS */
	uint32_t target;    /* what it points to, is an array of, stands for, or
			       returns; of an enum the integer, or unknown */
	uint32_t container; /* member pointers: the class */
	uint8_t encoding;   /* base types: DW_ATE_... */
	bool is_declared;   /* a struct, union or enum of which only the name
			       is known */
	bool is_variadic;
	bool is_used; /* an export leads to it */
	/* where the source asks for it, otherwise 0; or HI_MODEL_ANY_ALIGN */
	uint32_t align;
	struct hi_model_part *parts;
	size_t n_parts;
	enum hi_passing passing;
	/* of C++: whether its bytes may not be copied, by its methods alone, or
	   by what the compiler says of the whole; not in a baseline */
	enum hi_answer copying;
	bool is_cplus, is_copying_said;
	const void *source; /* for hi_model_locate() */
};

struct hi_model_export {
	const char *name; /* as in the symbol table */
	const char *version;
	bool is_default; /* f@@V rather than f@V */
	bool is_protected;
	bool is_weak; /* STB_WEAK */
	bool is_unique;
	bool is_abstract; /* makes objects of a class that has none */
	bool is_writable; /* variables */
	enum hi_symbol_type kind;
	uint64_t size; /* variables */
	/* 0; or the variable is there for what it keeps while builds come and
	   go, exported or not, and this is what both builds know it by */
	uint64_t key;
	uint32_t type;
	const void *source;
};

struct hi_model {
	const char *name;    /* of the library's file, without folders */
	const char *soname;  /* or "" */
	const char **needed; /* sorted */
	size_t n_needed;
	const char **versions; /* that the library defines; sorted */
	size_t n_versions;
	const char *first_version; /* of its table; "" when that is not known */
	bool has_version_table;    /* maybe of versions that it needs alone */
	struct hi_model_export *exports; /* by key, name, version */
	size_t n_exports;
	struct hi_model_type *types;
	size_t n_types;
	bool failed; /* out of memory: not to be used */

	/* the rest is for those who build one */
	size_t cap_types, cap_exports, cap_needed, cap_versions;
	struct hi_model_block *blocks; /* where strings and parts lie */
	void *source;                  /* what locate asks, and what ends it */
	/* the file as it was compiled, and the folder where, or NULL */
	const char *(*locate)(const void *of, const char **ret_folder,
			      int *ret_line);
	void (*end_source)(void *source);
};

int hi_model_new(struct hi_model **ret_model, struct hi_err *err) HI_MUST_USE;
void hi_model_free(struct hi_model *model);

/* --- for those who build one; NULL or 0 when out of memory, failed is then set */

/* LEN bytes of zeros that live as long as the model. */
void *hi_model_alloc(struct hi_model *model, size_t len);
const char *hi_model_copy(struct hi_model *model, const char *text);
/* The number of a new type; the pointers to other types are void afterwards. */
uint32_t hi_model_add_type(struct hi_model *model,
			   const struct hi_model_type *type);
void hi_model_add_export(struct hi_model *model,
			 const struct hi_model_export *export);
void hi_model_add_needed(struct hi_model *model, const char *name);
void hi_model_add_version(struct hi_model *model, const char *name);
/* Sort what is sorted, add the versions of the exports, name what has no name, unite
   what says the same, and mark what is used. */
void hi_model_finish(struct hi_model *model);
/* Parts of that. */
void hi_model_label(struct hi_model *model);
void hi_model_unite(struct hi_model *model);

/* --- for those who read one */

const struct hi_model_type *hi_model_get_type(const struct hi_model *model,
					      uint32_t number);
/* The export, or NULL. */
const struct hi_model_export *hi_model_find_export(const struct hi_model *model,
						   const char *name,
						   const char *version);
/* The variable that is kept, or NULL. */
const struct hi_model_export *hi_model_find_kept(const struct hi_model *model,
						 uint64_t key);
/* Those of one name: their versions. */
const struct hi_model_export *hi_model_find_named(const struct hi_model *model,
						  const char *name,
						  size_t *ret_n);
/* Pointers, arrays, qualifiers; not typedefs. */
bool hi_model_is_wrapper(enum hi_model_kind kind);
/* A kind whose types have a name and parts or a meaning of their own. */
bool hi_model_is_named(enum hi_model_kind kind);
/* What NUMBER is without typedefs and qualifiers. */
uint32_t hi_model_peel(const struct hi_model *model, uint32_t number);
bool hi_model_is_aggregate(const struct hi_model_type *type);
/* In bytes, of any type; 0: it has none, or it is not known. */
uint64_t hi_model_get_size(const struct hi_model *model, uint32_t number);
bool hi_model_is_function(const struct hi_model_export *export);
/* Vtables, type information, thunks, guards, resolvers of functions that were
   compiled for several processors: no type is written for them in the source
   (Itanium C++ ABI 5.1.4). */
bool hi_model_is_made(const char *name);

/* gcc's own choice among bodies of one function for several processors: each unit that
   calls it has one, called by the name of a name, _Z7_Z3fooii. */
bool hi_model_is_dispatcher(const char *name);

/*
 * Where a type or export is declared: the file's name without folders, and the
 * line; NULL when it is not known. OF is its source.
 */
const char *hi_model_locate(const struct hi_model *model, const void *of,
			    int *ret_line);

/* The same with all folders, in PATH; false when it is not known. */
bool hi_model_locate_path(const struct hi_model *model, const void *of,
			  struct hi_buf *path, int *ret_line);

#endif
