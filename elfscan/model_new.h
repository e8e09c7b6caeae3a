/*
 * model_new - the interface of a library, from its file and its debug information.
 *
 * Exported functions and variables, and all types that they lead to. What is not
 * described (no debug information, written in assembly) has the unknown type.
 *
 * For builds that take each other's place while a program runs, the variables are
 * read as well that stay when the build goes, whether they are exported or not.
 *
 * Ownership: as model.h; IMAGE and SYMTAB must live as long as the model.
 * Errors:    HI_E_NOMEM. Debug information that is absent or damaged is no error.
 * Source:    gABI ch. 4 "Symbol Table"; DWARF 5.
 */
#ifndef HI_ELFSCAN_MODEL_NEW_H
#define HI_ELFSCAN_MODEL_NEW_H

#include "elfscan/model.h"

struct hi_model_kept {
	/* what both builds know the variable by, or 0: it is not kept */
	uint64_t (*get_key)(void *context, const struct hi_symbol *symbol);
	void *context;
};

/* KEPT: NULL when nothing is. */
int hi_model_new_from(struct hi_image *image, const struct hi_symtab *symtab,
		      const struct hi_model_kept *kept,
		      struct hi_model **ret_model,
		      struct hi_err *err) HI_MUST_USE;

#endif
