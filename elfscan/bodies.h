/*
 * bodies - what functions call, and what a call of one changes.
 *
 *     own      by the function's instructions
 *     callees  by what its direct calls and jumps lead to, and so on
 *     all      by a call through a pointer, or out of the image
 *
 * Of what is not understood (bytes that do not decode, a jump through a register,
 * which may be a switch or a call) nothing is known: it counts for "most" only.
 *
 * Units:     functions are indexes of hi_symtab_get_functions(); aliases have the
 *            same body.
 * Ownership: hi_bodies_new() gives a value that hi_bodies_free() ends; image and
 *            symtab must live as long.
 * Errors:    HI_E_NOMEM, HI_E_INTERNAL (capstone cannot start).
 * Threads:   one at a time per value; functions are read when they are asked for.
 * Source:    as insn_clobbers.
 */
#ifndef HI_ELFSCAN_BODIES_H
#define HI_ELFSCAN_BODIES_H

#include "elfscan/insn_clobbers.h"
#include "elfscan/symtab.h"

struct hi_body {
	struct hi_clobbers own; /* with what pointers and other images do */
	size_t *callees;        /* reached by direct calls and jumps */
	size_t n_callees;
	bool opaque; /* it may call what is not in the list */
	bool read;
};

struct hi_bodies;

int hi_bodies_new(const struct hi_image *image, const struct hi_symtab *symtab,
		  struct hi_bodies **ret_bodies,
		  struct hi_err *err) HI_MUST_USE;
void hi_bodies_free(struct hi_bodies *bodies);

/* One function; NULL without memory. */
const struct hi_body *hi_bodies_get(struct hi_bodies *bodies, size_t function);

/* What a call of FUNCTION changes, all in all. Without memory nothing is known. */
struct hi_clobbers hi_bodies_get_clobbers(struct hi_bodies *bodies,
					  size_t function);

#endif
