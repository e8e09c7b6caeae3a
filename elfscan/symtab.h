/*
 * symtab - the functions and variables of an image, by identity.
 *
 * An identity is what stays the same from build to build: for exported symbols
 * name and version; for local ones base name and source file. The compiler's
 * counters are not part of it: "count.3" and "count.7" have the base "count",
 * ".llvm.123" is cut off, and file names that LTO invents are "".
 *
 * Where the file has no .symtab, the separate debug file is looked for as gdb
 * does (.gnu_debuglink beside the file, in .debug/, below /usr/lib/debug; build
 * id below /usr/lib/debug/.build-id), and only then .dynsym alone is used.
 *
 * Units:     addr_link is a link-time address (for TLS: the offset in the
 *            PT_TLS block), size is bytes.
 * Ownership: hi_symtab_new() gives a table that hi_symtab_free() ends; it must
 *            end before its image. Strings live as long as the table.
 * Errors:    HI_E_BADELF, HI_E_NOMEM.
 * Threads:   read-only after hi_symtab_new().
 * Source:    gABI ch. 4 "Symbol Table"; LSB "Symbol Versioning".
 */
#ifndef HI_ELFSCAN_SYMTAB_H
#define HI_ELFSCAN_SYMTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elfscan/image.h"

enum hi_symbol_type { HI_SYM_FUNC, HI_SYM_IFUNC, HI_SYM_OBJECT, HI_SYM_TLS };

struct hi_symbol {
	const char *name;    /* as in the symbol table, without @version */
	const char *version; /* "" when unversioned */
	const char *base;    /* name without the compiler's counters */
	const char *file;    /* source file for local symbols, otherwise "" */
	uint64_t addr_link;
	uint64_t size;
	enum hi_symbol_type type;
	uint8_t elf_bind; /* STB_LOCAL, STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE */
	uint8_t visibility;   /* STV_... */
	bool exported;        /* in .dynsym, defined, not hidden */
	bool default_version; /* f@@V rather than f@V; true when unversioned */
	bool compiler_made;   /* crtstuff (_init, _fini, frame_dummy,
				 register_tm_clones, deregister_tm_clones,
				 __do_global_dtors_aux, completed.N,
				 __dso_handle, __TMC_END__, ...): never
				 patched, never state */
	bool clone; /* function: .part, .constprop, .isra, .cold: an entry
			that only its own build calls */
};

struct hi_symtab;

int hi_symtab_new(struct hi_image *image, struct hi_symtab **ret_symtab,
		  struct hi_err *err) HI_MUST_USE;
/* The exported symbols alone, for who needs no others: nothing can be looked up in it,
   and a function of unknown size has none. */
int hi_symtab_new_exported(struct hi_image *image,
			   struct hi_symtab **ret_symtab,
			   struct hi_err *err) HI_MUST_USE;
void hi_symtab_free(struct hi_symtab *symtab);

/*
 * Functions (FUNC and IFUNC) and variables (OBJECT and TLS), each array sorted
 * by addr_link, then size, then name. One entry a name: a symbol that is in
 * .dynsym and .symtab stands once.
 */
const struct hi_symbol *hi_symtab_get_functions(const struct hi_symtab *symtab,
						size_t *ret_n);
const struct hi_symbol *hi_symtab_get_variables(const struct hi_symtab *symtab,
						size_t *ret_n);

/* Whether local symbols are known (.symtab, own or from a debug file). */
bool hi_symtab_has_locals(const struct hi_symtab *symtab);
/* The debug file that was used, or NULL. */
const char *hi_symtab_get_debug_file(const struct hi_symtab *symtab);
/* The name that .gnu_debuglink asks for, or NULL. */
const char *hi_symtab_get_debuglink(const struct hi_symtab *symtab);

/* The function that covers ADDR_LINK, or NULL; the first at equal address. */
const struct hi_symbol *hi_symtab_find_function_at(
	const struct hi_symtab *symtab, uint64_t addr_link);
/* The non-TLS variable that covers ADDR_LINK, or NULL. */
const struct hi_symbol *hi_symtab_find_variable_at(
	const struct hi_symtab *symtab, uint64_t addr_link);

/*
 * The counterpart in SYMTAB of SYMBOL (from another build): exported by name and
 * version, local by file and base, then by base alone when that is unique in
 * both. NULL when there is none. *ret_ambiguous is set when several could be
 * meant (two statics of one name in one file) and the compiler's counters do
 * not settle it.
 */
const struct hi_symbol *hi_symtab_find_same(const struct hi_symtab *symtab,
					    const struct hi_symtab *other,
					    const struct hi_symbol *symbol,
					    bool *ret_ambiguous);

/* An exported symbol of the dynamic table by name; VERSION may be NULL (any,
   the default one first). */
const struct hi_symbol *hi_symtab_find_exported(const struct hi_symtab *symtab,
						const char *name,
						const char *version);

#endif
