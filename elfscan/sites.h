/*
 * sites - the places in the text of an image that name its own variables or take
 * the address of its own functions, found exactly.
 *
 * RIP-relative operands are found through the static relocations that
 * --emit-relocs leaves. Without them: every RIP-relative operand of a decoded
 * instruction (text.h) that lands in writable data (HI_DATA_STATE, or one past the
 * end of such a range), or whose instruction takes the address of a function's
 * entry, or the address of something outside that may be meant for a variable
 * (outside). A function that does not decode as a whole and that holds a 4-byte word
 * which, read as a displacement, would land in writable data is reported as
 * unproven, one entry.
 *
 * Thread-locals of the local-dynamic model: the text calls __tls_get_addr with
 * one GOT pair for the whole module and adds a 4-byte offset per variable. Such
 * offsets are sites too.
 *
 * Units:     addresses are link-time; TLS targets are offsets in PT_TLS.
 * Ownership: hi_sites_find() fills a value that hi_sites_done() ends.
 * Errors:    HI_E_NOMEM, HI_E_INTERNAL (capstone cannot start).
 * Threads:   independent calls.
 * Source:    x86-64 psABI 1.0 ch. 3.5 (code models), ELF TLS 0.21 ch. 4.4.6
 *            (local dynamic); Intel SDM vol. 2 ch. 2.2.1.6 (RIP-relative).
 */
#ifndef HI_ELFSCAN_SITES_H
#define HI_ELFSCAN_SITES_H

#include <stdint.h>

#include "elfscan/reloc.h"
#include "elfscan/text.h"

enum hi_site_kind {
	HI_SITE_ACCESS,   /* reads or writes the target */
	HI_SITE_ADDRESS,  /* lea: takes the address of data */
	HI_SITE_FUNCTION, /* lea: takes the address of a function's entry */
	HI_SITE_TLS_BASE, /* lea of the GOT pair of the local-dynamic model */
	HI_SITE_TLS,      /* offset of a thread-local, added to that base */
};

struct hi_site {
	uint64_t place_link;  /* of the 4-byte field */
	uint64_t next_link;   /* of the next instruction: for RIP-relative
				 fields, field = target - next */
	uint64_t target_link; /* TLS_BASE: the GOT pair; TLS: the offset */
	const struct hi_symbol *function; /* that holds the place; or NULL */
	enum hi_site_kind kind;
	bool outside;   /* not in writable data: an index has been folded into
			   a variable's address; or, unless the sites are
			   exact, no variable is meant */
	bool constant;  /* outside, and it is there that a constant may be */
	bool ambiguous; /* TLS: the field could also be a member's offset of
			   another object (it would not fit in 8 bits and its
			   base register could not be followed) */
	uint64_t base_place_link; /* TLS: the TLS_BASE site whose result the
				     operand uses; 0 when not known */
};

struct hi_unproven {
	const struct hi_symbol *function; /* or NULL: text without a symbol */
	uint64_t place_link;              /* the first word in question */
	uint64_t target_link;             /* the data it would name */
	const char *reason;
};

struct hi_sites {
	struct hi_site *sites; /* sorted by place_link */
	size_t n_sites;
	struct hi_unproven *unproven;
	size_t n_unproven;
	bool exact; /* from static relocations */
};

/*
 * Find all sites. Functions that are compiler_made are left out.
 * RELOCS are the image's dynamic relocations (they tell the GOT pairs apart).
 */
int hi_sites_find(const struct hi_text *text, const struct hi_reloc *relocs,
		  size_t n_relocs, struct hi_sites *ret_sites,
		  struct hi_err *err) HI_MUST_USE;
void hi_sites_done(struct hi_sites *sites);

#endif
