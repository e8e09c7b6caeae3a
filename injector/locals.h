/*
 * locals - static variables of functions, told apart by the function that they are
 * in.
 *
 * gcc numbers them in the order of the source ("count.0", "count.1"), so that a
 * number says little once a function was moved, added or taken away. The debug
 * information knows in which function each one stands.
 *
 * Ownership: hi_locals_done() ends what questions have opened; it must be called
 *            before the builds end.
 * Errors:    none: what the debug information does not tell is not known.
 * Threads:   one.
 * Source:    DWARF 5 ch. 3.3, 4.1.
 */
#ifndef HI_INJECTOR_LOCALS_H
#define HI_INJECTOR_LOCALS_H

#include <stdbool.h>
#include <stddef.h>

#include "elfscan/symtab.h"
#include "injector/build.h"

/* Starts empty. */
struct hi_locals {
	struct hi_locals_build *builds;
	size_t n_builds;
};

void hi_locals_done(struct hi_locals *locals);

/*
 * The variable of OLD that SYMBOL of NEW is: *ret_same, NULL for one that OLD does
 * not have. GUESS is the one that the numbers name, or NULL. False when that is
 * not known: SYMBOL is no such variable, or there is no debug information.
 */
bool hi_locals_find(struct hi_locals *locals, const struct hi_build *old,
		    const struct hi_build *new, const struct hi_symbol *symbol,
		    const struct hi_symbol *guess,
		    const struct hi_symbol **ret_same);

#endif
