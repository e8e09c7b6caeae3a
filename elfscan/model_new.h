/*
 * model_new - the interface of a library, from its file and its debug information.
 *
 * Exported functions and variables, and all types that they lead to. What is not
 * described (no debug information, written in assembly) has the unknown type.
 *
 * Ownership: as model.h; IMAGE and SYMTAB must live as long as the model.
 * Errors:    HI_E_NOMEM. Debug information that is absent or damaged is no error.
 * Source:    gABI ch. 4 "Symbol Table"; DWARF 5.
 */
#ifndef HI_ELFSCAN_MODEL_NEW_H
#define HI_ELFSCAN_MODEL_NEW_H

#include "elfscan/model.h"

int hi_model_new_from(struct hi_image *image, const struct hi_symtab *symtab,
		      struct hi_model **ret_model,
		      struct hi_err *err) HI_MUST_USE;

#endif
