/*
 * sites_parts - what the files of sites share; no one else includes it.
 *
 * sites_begin.c    what is known before the text is walked
 * sites.c          the walk
 * sites_outside.c  addresses that are not in writable data
 * sites_tls.c      thread-locals
 */
#ifndef HI_ELFSCAN_SITES_PARTS_H
#define HI_ELFSCAN_SITES_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "elfscan/image.h"
#include "elfscan/insn.h"
#include "elfscan/reloc.h"
#include "elfscan/sites.h"
#include "elfscan/text.h"

static inline int32_t read_i32(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* A field that a static relocation names. */
struct hi_candidate {
	uint64_t place_link;
	bool state; /* it would land in writable data */
	bool tls;   /* it is an offset in the TLS block */
};

struct hi_site_finder {
	struct hi_image *image;
	const struct hi_symtab *symtab;
	const struct hi_reloc *relocs; /* dynamic */
	size_t n_relocs;
	const struct hi_text *text;
	const struct hi_range *state;
	size_t n_state;
	uint64_t *pairs; /* GOT pairs of the module */
	size_t n_pairs;
	struct hi_range start_code; /* crtstuff without symbols; or empty */
	struct hi_candidate *candidates;
	size_t n_candidates;
	size_t cap_candidates;
	struct hi_sites *found;
	size_t cap_sites;
	size_t cap_unproven;
	struct hi_decoder *decoder; /* made when the first is needed */
};

int hi_site_finder_add(struct hi_site_finder *finder,
		       const struct hi_site *site,
		       struct hi_err *err) HI_MUST_USE;

int hi_site_finder_no_memory(struct hi_err *err);

/* Candidates, pairs and start_code are found; the caller frees the first two. */
int hi_site_finder_begin(struct hi_site_finder *finder,
			 struct hi_err *err) HI_MUST_USE;
/* In writable data, or one past its end. */
bool hi_site_finder_is_state(const struct hi_site_finder *finder,
			     uint64_t addr);
/* The target if the word at PLACE is a displacement and an immediate of 0, 1, 2
   or 4 bytes follows it; 0 when none of them lands in writable data. */
uint64_t hi_site_finder_state_target(const struct hi_site_finder *finder,
				     uint64_t place, int32_t word);
/* Whether ADDR_LINK is one of the module's GOT pairs. */
bool hi_site_finder_is_pair(const struct hi_site_finder *finder,
			    uint64_t addr_link);

/*
 * Whether SITE, of a lea that is FIELD of the region with BYTES, may be about a
 * variable although its target is not in writable data.
 */
int hi_site_finder_ask_outside(struct hi_site_finder *finder,
			       const struct hi_region *region,
			       const struct hi_field *field,
			       const uint8_t *bytes, struct hi_site *site,
			       bool *ret_ask, struct hi_err *err) HI_MUST_USE;

/*
 * The thread-locals of one region that decodes as a whole and in which one of
 * the pairs is named, and of the parts that were moved away from it: a TLS_BASE
 * site for each call, a TLS site for each offset. A place may come out twice.
 */
int hi_sites_find_tls(struct hi_site_finder *finder,
		      const struct hi_region *region,
		      struct hi_err *err) HI_MUST_USE;

#endif
