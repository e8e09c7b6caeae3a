/*
 * changes_parts - what the files of the changes module share; no one else
 * includes it.
 */
#ifndef HI_ELFSCAN_CHANGES_PARTS_H
#define HI_ELFSCAN_CHANGES_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elfscan/changes.h"
#include "elfscan/insn.h"
#include "elfscan/regions.h"

/* One build, and what is worked out about it. */
struct hi_side {
	const struct hi_build_facts *facts;
	const struct hi_symbol *functions;
	size_t n_functions;
	/* by function: its counterpart in the other build, or NULL */
	const struct hi_symbol **twins;
	bool *changed; /* by function of the new build */
	/* a bit for each byte of data that text or a relocation names: one
	   object does not reach beyond the next; made when first asked for */
	uint64_t *marks;
	struct hi_range marked;
	struct hi_region *regions; /* the same: for text without symbols */
	size_t n_regions;
};

/* A pair of addresses that was judged before. */
struct hi_verdict {
	uint64_t old_link;
	uint64_t new_link;
	bool used, same;
	bool open; /* being judged: what leads back to it assumes "same" */
};

struct hi_comparison {
	struct hi_side old, new;
	struct hi_verdict *verdicts; /* a hash table */
	size_t n_verdicts;
	size_t cap_verdicts; /* a power of two */
	unsigned int depth;  /* of references followed */
	bool assumed;        /* a verdict was used that is not final */
	bool failed;         /* out of memory */
};

/* The first address behind ADDR that something names, at most END. */
uint64_t hi_comparison_next_mark(struct hi_comparison *comparison,
				 struct hi_side *side, uint64_t addr,
				 uint64_t end);

/* Whether two functions are the same but for where things are. */
bool hi_comparison_same_body(struct hi_comparison *comparison,
			     const struct hi_symbol *old,
			     const struct hi_symbol *new);

/* The same for LEN bytes of text at two addresses. */
bool hi_comparison_same_code(struct hi_comparison *comparison,
			     uint64_t old_link, uint64_t new_link,
			     uint64_t len);

/*
 * Whether an address in the old build and one in the new build name the same
 * thing. IS_LEA: the address itself is what is used, so that it may be the end
 * of an object.
 */
bool hi_comparison_same_target(struct hi_comparison *comparison,
			       uint64_t old_link, uint64_t new_link,
			       bool is_lea);

/* The dynamic relocation of the word at PLACE, or NULL. */
const struct hi_reloc *hi_comparison_find_reloc(const struct hi_side *side,
						uint64_t place);
/* Whether two of them name the same thing. */
bool hi_comparison_same_reloc(struct hi_comparison *comparison,
			      const struct hi_reloc *old,
			      const struct hi_reloc *new);

/*
 * The content of two read-only objects: relocated words by what they name, others
 * by their bytes, or all of them as distances.
 */
bool hi_comparison_same_content(struct hi_comparison *comparison,
				uint64_t old_link, uint64_t new_link);
/* The same, of two that may be strings in a section of strings. */
bool hi_comparison_same_readonly(struct hi_comparison *comparison,
				 uint64_t old_link, uint64_t new_link);

/* Forget what was judged: a function is known to have changed. */
void hi_comparison_forget(struct hi_comparison *comparison);

#endif
