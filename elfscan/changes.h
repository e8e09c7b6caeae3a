/*
 * changes - which functions differ between two builds of a library.
 *
 * Two functions are the same when their bytes are the same but for fields that
 * name the same thing in both builds: the same function, the same variable, read-
 * only data of equal content, the same import. Moving code about is no change; a
 * changed string literal or constant is one for the functions that use it.
 *
 * Ownership: hi_changes_find() fills a value that hi_changes_done() ends; the
 *            symbols in it belong to the two symtabs.
 * Errors:    HI_E_NOMEM, HI_E_INTERNAL.
 * Threads:   independent calls.
 */
#ifndef HI_ELFSCAN_CHANGES_H
#define HI_ELFSCAN_CHANGES_H

#include "elfscan/image.h"
#include "elfscan/reloc.h"
#include "elfscan/symtab.h"

struct hi_units;

struct hi_build_facts {
	struct hi_image *image;
	const struct hi_symtab *symtab;
	const struct hi_reloc *relocs; /* dynamic */
	size_t n_relocs;
	struct hi_units *units; /* NULL: not known */
};

struct hi_changes {
	/* new's symbols for changed and added, old's for removed; without
	   compiler-made functions, C++ initializers of variables, and clones (a
	   change in f.part.0 or f.cold makes f changed) */
	const struct hi_symbol **changed;
	size_t n_changed;
	const struct hi_symbol **added;
	size_t n_added;
	const struct hi_symbol **removed;
	size_t n_removed;
	size_t n_same;
};

int hi_changes_find(const struct hi_build_facts *old,
		    const struct hi_build_facts *new,
		    struct hi_changes *ret_changes,
		    struct hi_err *err) HI_MUST_USE;
void hi_changes_done(struct hi_changes *changes);

#endif
