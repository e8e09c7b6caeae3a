/*
 * result - how a function hands its result to its caller.
 *
 * The convention gives a class to each eight bytes of the type of the result. All
 * classes that end in rax, rdx, xmm0 and xmm1 are one here; what is left is the
 * x87 stack and memory:
 *
 *     int, void *, double, __m256, struct { long a; double b; }   registers
 *     long double, struct { long double a; }                      st0
 *     _Complex long double                                        st0, st1
 *     struct { long a, b, c; }, std::string          where rdi points to
 *
 * The type comes from the debug information: only the unit in which the function is
 * described is read, unless one of its types is but declared there.
 *
 * Units:     addresses are link-time, sizes are bytes.
 * Ownership: dies belong to the caller; nothing is kept.
 * Errors:    none: what is absent, damaged, not understood or can mean two things is
 *            HI_RESULT_UNKNOWN.
 * Threads:   one at a time per dies; images are only read.
 * Limits:    a vector of 32 or 64 bytes is taken for one of a function that was
 *            compiled with AVX or AVX-512: without, it is in memory. Functions that
 *            only their own build calls (clones: foo.isra.0) may return otherwise
 *            than their source says.
 * Source:    x86-64 psABI 1.0 ch. 3.2.3; Itanium C++ ABI 1.1 ("non-trivial for the
 *            purposes of calls"), 3.1.3; DWARF 5 ch. 3.3, 5.
 */
#ifndef HI_ELFSCAN_RESULT_H
#define HI_ELFSCAN_RESULT_H

#include <stddef.h>
#include <stdint.h>

#include "elfscan/dies.h"

enum hi_result_kind {
	HI_RESULT_REGISTERS, /* none, or in rax, rdx and vector registers */
	HI_RESULT_X87,       /* one value on the x87 stack */
	HI_RESULT_X87_PAIR,  /* two */
	HI_RESULT_MEMORY,    /* where rdi points to at the call; rax is that */
	HI_RESULT_UNKNOWN,
};

struct hi_result {
	enum hi_result_kind kind;
	size_t size; /* of HI_RESULT_MEMORY, otherwise 0 */
};

/* The result of the function whose code covers ADDR_LINK. DIES was opened without
   units (dies.h); nothing needs to be wanted of it. */
struct hi_result hi_result_find(struct hi_dies *dies, uint64_t addr_link);

/* The same for one function, opened and closed at once. */
struct hi_result hi_result_get(const struct hi_image *image,
			       uint64_t addr_link);

#endif
