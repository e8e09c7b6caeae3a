/*
 * signature - are functions still called as they were?
 *
 * What a caller must know: the number of parameters, and how each of them and the
 * result are passed. What pointers lead to is not looked at: whether objects fit is
 * another question (drift.h).
 *
 * Ownership: entries belong to their Dwarf handles.
 * Errors:    HI_E_NOMEM. What is not known does not differ.
 * Threads:   independent calls.
 * Source:    DWARF 5 ch. 3.3; x86-64 psABI 1.0 ch. 3.2.
 */
#ifndef HI_ELFSCAN_SIGNATURE_H
#define HI_ELFSCAN_SIGNATURE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct hi_signature_pair {
	Dwarf_Die old, new; /* functions */
	bool differs;
};

/* Fill in what differs. */
int hi_signatures_compare(struct hi_signature_pair *pairs, size_t n,
			  struct hi_err *err) HI_MUST_USE;

#endif
