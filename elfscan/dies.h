/*
 * dies - the debug information entries of functions and variables, by address.
 *
 * The entries are looked for by the addresses of symbols that were asked for in
 * advance, so that one walk over the top of each unit finds them all and no name
 * is read on the way. Where several entries claim one address (functions that
 * the linker folded into one) the one with the symbol's name is taken; a function
 * without a place of its own is looked for by name at last. At the address of an
 * indirect function is its resolver; what it stands for is looked for by name, too.
 *
 * Units:     addresses are link-time; of thread-locals, offsets in PT_TLS.
 * Ownership: hi_dies_init() fills a value that hi_dies_done() ends; entries
 *            live as long as it, symbols belong to the caller.
 * Errors:    HI_E_NOMEM. Debug information that is absent, damaged or in a file
 *            that cannot be found is no error: its entries are not found.
 * Threads:   one at a time per value.
 * Source:    DWARF 5 ch. 2.6, 3.3.1, 4.1; GNU extensions for split DWARF 4.
 */
#ifndef HI_ELFSCAN_DIES_H
#define HI_ELFSCAN_DIES_H

#include <elfutils/libdw.h>

#include "elfscan/debugfile.h"
#include "elfscan/die.h"
#include "elfscan/image.h"
#include "elfscan/symtab.h"
#include "elfscan/unit_scan.h"
#include "elfscan/units.h"

struct hi_wanted {
	const struct hi_symbol *symbol;
	struct hi_die_place place;
	uint8_t fit; /* 0: nothing found; more: how well the names agree */
};

struct hi_missing {
	struct hi_wanted *wanted;
};

/* An indirect function, and the entry that has its name. */
struct hi_called {
	const struct hi_symbol *symbol;
	Dwarf_Die die;
	uint8_t fit; /* 0: none; 1: a declaration, 2: the function itself */
};

struct hi_dies {
	const struct hi_image *image;
	struct hi_units *units; /* the caller's: all is known, nothing more is
				   used here; or NULL */
	Dwarf *dwarf;           /* NULL: the image has no debug information */
	Elf *elf;
	void *copy; /* of the file, where sections are compressed */
	struct hi_debugfile debugfile;
	Dwarf *alternate; /* what dwz took out of several files, or NULL */
	int alternate_fd;
	void *alternate_copy; /* where it had to be mended */
	Elf *alternate_elf;
	Dwarf_Die *imports; /* its units that are a part of this file */
	size_t n_imports, cap_imports;
	struct hi_die_units entries; /* of all of them */
	uint64_t tls_link, tls_len;  /* PT_TLS of the image */
	struct hi_wanted *wanted;
	size_t n_wanted;
	size_t cap_wanted;
	struct hi_missing *missing; /* functions, by name */
	size_t n_missing;
	struct hi_called *called; /* indirect functions, by name */
	size_t n_called;
	struct hi_die_place *nowhere; /* functions and variables without
					a place */
	size_t n_nowhere, cap_nowhere;
	/* called for the types that units in C define while all units are
	   looked at, or NULL; and whether that was done */
	void (*note_type)(void *context, const Dwarf_Die *die);
	void *note_context;
	bool has_noted;
	bool is_c; /* the unit that is being looked at */
	/* the entries that were walked over, or NULL */
	const uint8_t *walked_from, *walked_end;
	int inside; /* the depth of the function that is being looked into, or
		       0 */
	bool has_variables;
	bool deep; /* variables of functions are wanted too */
};

/*
 * Open the debug information of IMAGE: its own, else that of its debug file. UNITS
 * are the image's, or NULL: they spare the walk.
 */
void hi_dies_init(struct hi_dies *dies, const struct hi_image *image,
		  struct hi_units *units);
void hi_dies_done(struct hi_dies *dies);

int hi_dies_want(struct hi_dies *dies, const struct hi_symbol *symbol,
		 struct hi_err *err) HI_MUST_USE;

/* Look for all that is wanted, once; nothing can be wanted afterwards. */
void hi_dies_find(struct hi_dies *dies);

/* The entry of SYMBOL, or false: of an indirect function, its resolver's. */
bool hi_dies_get(const struct hi_dies *dies, const struct hi_symbol *symbol,
		 Dwarf_Die *ret_die);

/* The parameters and result of what is called through an indirect function: the
   entry of a subprogram or function type, or false. */
bool hi_dies_get_called(const struct hi_dies *dies,
			const struct hi_symbol *symbol, Dwarf_Die *ret_die);

/* Parts of hi_dies_find(). */
void hi_dies_find_imports(struct hi_dies *dies);
void hi_dies_find_called(struct hi_dies *dies);

/* What dwz has put into another file than PATH. False when there is such a file and
   it cannot be had: then names and types are missing everywhere. */
bool hi_dies_open_alternate(struct hi_dies *dies, const char *path);
void hi_dies_close_alternate(struct hi_dies *dies);

/* Call VISIT with DIES for the entries of all units that were compiled from a
   language with types. */
void hi_dies_for_each_unit(struct hi_dies *dies, hi_unit_visit *visit);

/* Give back the memory that was walked over and read; it is read again at need. */
void hi_dies_rest(const struct hi_dies *dies);

/* Free what was looked for and found: nothing can be asked of it any more, but its
   entries live on. */
void hi_dies_forget(struct hi_dies *dies);

/* The type of DIE, its origin's when it has none; false for void. */
bool hi_dies_get_type(Dwarf_Die *die, Dwarf_Die *ret_type);

/* The path of the source file where DIE is declared; NULL when it is not known. */
const char *hi_dies_get_file(Dwarf_Die *die);

/*
 * How well the names of an entry (NULL: it has none) agree with the symbol's: 0 so
 * that it is something else, 1 not at all, 2 it is part of the symbol's (a mangled
 * static) or one of several for the same function, 3 fully.
 */
uint8_t hi_dies_get_fit(const char *linkage, const char *name,
			const struct hi_symbol *symbol);

#endif
