/*
 * callsite - where a caller keeps what it has passed in rdi.
 *
 * A function with a large result gets a pointer to its place in rdi, and has to give
 * it back in rax. When such a call is ended from outside, rdi is long gone; but the
 * code before the call tells how it was made of a register that outlives the call:
 *
 *     lea 0x20(%rsp), %rax                                   base  rsp
 *     mov $1, %esi                                           displacement 0x20
 *     mov %rax, %rdi
 *     call make          <- the registers are as here, and as after it
 *     mov ...            <- return address
 *
 * The code is followed within one stretch without labels; a register that was changed
 * after rdi was made of it is not the same any more.
 *
 * Units:     addresses are link-time, or of any place where the code runs at; bytes.
 * Ownership: nothing is kept.
 * Errors:    none: what cannot be told is not found.
 * Threads:   one at a time per decoder.
 * Limits:    places that only an indirect jump (a table of a switch) reaches are not
 *            seen: compilers do not keep arguments in registers across these. Memory
 *            (is_load) may have been changed by the function that was called.
 * Source:    x86-64 psABI 1.0 ch. 3.2.1, 3.2.3.
 */
#ifndef HI_ELFSCAN_CALLSITE_H
#define HI_ELFSCAN_CALLSITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elfscan/insn.h"

/* rdi at the call is register base + displacement, or what memory there holds. */
struct hi_callsite {
	uint8_t base; /* by number (insn.h): rbx, rsp, rbp, r12 ... r15, with
			 their values when the call has returned */
	int64_t displacement;
	bool is_load;
};

struct hi_callsite_code {
	const uint8_t *bytes; /* from the caller's entry on */
	size_t len;           /* all of it where that is known: jumps backwards
			    count; at least up to the return address */
	size_t returns;       /* offset of the return address */
	bool from_entry; /* false: the bytes begin anywhere in the function,
			    64 before the return address are enough */
};

/* What rdi was at the call that returns there; false when it cannot be told, or there is
   no call. */
bool hi_callsite_find(struct hi_decoder *decoder,
		      const struct hi_callsite_code *code,
		      struct hi_callsite *ret_site);

#endif
