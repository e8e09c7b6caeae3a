/*
 * uses - what a function does with the addresses that it takes.
 *
 * An address may be the start of one object and the end of another. What tells
 * the two apart is what becomes of it: who reads or writes at it means the object
 * that is there, who compares it with a pointer that has walked through an array
 * means that array's end. So the address is followed through registers and the
 * stack frame, along the branches of the function.
 *
 * What comes out is seen on some path and says nothing about the others; a value
 * that is lost from sight (in memory, in a vector register) counts as stored.
 *
 * Units:     offsets are bytes from the site's target.
 * Ownership: hi_uses_new() gives a value that hi_uses_free() ends; it refers to
 *            IMAGE and SITES, which must live longer. hi_uses_follow() gives an
 *            array that free() releases.
 * Errors:    HI_E_NOMEM, HI_E_INTERNAL (capstone cannot start). A function that
 *            does not decode, or is too long, has no uses.
 * Threads:   one at a time per value.
 * Source:    x86-64 psABI 1.0 ch. 3.2 (registers and calls).
 */
#ifndef HI_ELFSCAN_USES_H
#define HI_ELFSCAN_USES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elfscan/image.h"
#include "elfscan/insn.h"
#include "elfscan/sites.h"

enum hi_use_kind {
	HI_USE_ACCESS, /* memory at the address plus OFFSET is read or written */
	HI_USE_INDEX,  /* the same, and the offset is not known */
	HI_USE_COMPARE, /* with, or subtracted from, another value */
	HI_USE_PASS,    /* an argument when a function is called */
	HI_USE_STORE,   /* put into memory outside of the frame, or returned */
};

#define HI_USE_NOBODY SIZE_MAX
/* In place of a site: what the function is given in register REG. */
#define HI_USE_GIVEN(reg) (SIZE_MAX - 16 + (reg))

struct hi_use {
	enum hi_use_kind kind;
	bool moved;     /* something was added to the address before */
	bool written;   /* ACCESS, INDEX: not only read */
	bool known;     /* offset */
	bool given;     /* a function was handed the address, at a known offset,
			   and it is there that it is used */
	int64_t offset; /* of the address that is used, from the target */
	size_t other;   /* COMPARE: the site that the other value is from, or
			   HI_USE_NOBODY */
	bool other_moved;
	/* PASS: the call, 0: that of a value which was pushed; the function that
	   it leads to, 0: not known; the register, HI_REG_NONE: on the stack */
	uint64_t call_link, callee_link;
	uint8_t argument;
};

struct hi_uses;

/* FUNCTION has SITES (N, by place) in it. */
int hi_uses_new(struct hi_image *image, const struct hi_symbol *function,
		const struct hi_site *sites, size_t n,
		struct hi_uses **ret_uses, struct hi_err *err) HI_MUST_USE;
void hi_uses_free(struct hi_uses *uses);
/* Whether the function could be read: otherwise nothing is seen of what it does. */
bool hi_uses_known(const struct hi_uses *uses);

/* Whether two functions, that could be read, are the same but for the places that
   their instructions name. */
bool hi_uses_are_alike(const struct hi_uses *a, const struct hi_uses *b);

/* The same of the instructions of two sites, and so many BEFORE and BEHIND them. */
bool hi_uses_are_alike_near(const struct hi_uses *a, size_t site_a,
			    const struct hi_uses *b, size_t site_b,
			    size_t before, size_t behind);

/* What becomes of the address that site SITE, an index, takes; or of the value
   that HI_USE_GIVEN() stands for. */
int hi_uses_follow(struct hi_uses *uses, size_t site, struct hi_use **ret_uses,
		   size_t *ret_n, struct hi_err *err) HI_MUST_USE;

#endif
