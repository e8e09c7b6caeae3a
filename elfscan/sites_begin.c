/*
 * What an image tells of its operands before its text is walked: its static relocations,
 * the GOT pairs of its thread-locals, and where the start files' code is.
 */
#include "elfscan/sites_parts.h"

#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "common/own.h"

/* --- what a place names ------------------------------------------------------- */

bool hi_site_finder_is_state(const struct hi_site_finder *finder, uint64_t addr)
{
	for (size_t i = 0; i < finder->n_state; i++)
		if (addr >= finder->state[i].start &&
		    addr <= finder->state[i].end)
			return true;
	return false;
}

uint64_t hi_site_finder_state_target(const struct hi_site_finder *finder,
				     uint64_t place, int32_t word)
{
	static const uint8_t imm_lens[] = { 0, 1, 2, 4 };

	for (size_t i = 0; i < sizeof(imm_lens); i++)
		if (hi_site_finder_is_state(finder,
					    place + 4 + imm_lens[i] + word))
			return place + 4 + imm_lens[i] + word;
	return 0;
}

bool hi_site_finder_is_pair(const struct hi_site_finder *finder,
			    uint64_t addr_link)
{
	for (size_t i = 0; i < finder->n_pairs; i++)
		if (finder->pairs[i] == addr_link)
			return true;
	return false;
}

/* --- static relocations ------------------------------------------------------- */

static int add_candidate(struct hi_site_finder *finder, uint64_t place,
			 bool state, bool tls, struct hi_err *err)
{
	if (!hi_grow(&finder->candidates, finder->n_candidates,
		     &finder->cap_candidates, sizeof(*finder->candidates)))
		return hi_site_finder_no_memory(err);
	finder->candidates[finder->n_candidates++] = (struct hi_candidate){
		.place_link = place,
		.state = state,
		.tls = tls,
	};
	return 0;
}

static bool is_pc_relative(uint32_t type)
{
	return type == R_X86_64_PC32 || type == R_X86_64_PLT32 ||
	       type == R_X86_64_GOTPCREL || type == R_X86_64_GOTPCRELX ||
	       type == R_X86_64_REX_GOTPCRELX;
}

/* The candidate that one static relocation makes, if it makes one. */
static int judge_static(struct hi_site_finder *finder,
			const struct hi_reloc *reloc, struct hi_err *err)
{
	const uint8_t *p;
	uint64_t place = reloc->place_link;

	if (reloc->type == R_X86_64_DTPOFF32)
		return add_candidate(finder, place, false, true, err);
	p = hi_image_find_bytes(finder->image, place, 4);
	if (!is_pc_relative(reloc->type) || !p)
		return 0;
	/* the symbol decides where the operand points just outside of it; the
	   other types may lead to the symbol's GOT entry */
	if ((reloc->type == R_X86_64_PC32 && reloc->defined &&
	     hi_site_finder_is_state(finder, reloc->sym_link)) ||
	    hi_site_finder_state_target(finder, place, read_i32(p)))
		return add_candidate(finder, place, true, false, err);
	return 0;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct hi_candidate *x = a, *y = b;

	return (x->place_link > y->place_link) -
	       (x->place_link < y->place_link);
}

/* What the static relocations name, if there are any. */
static int read_candidates(struct hi_site_finder *finder, struct hi_err *err)
{
	struct hi_reloc *HI_FREE relocs = NULL;
	size_t n = 0;
	int code = hi_reloc_read_static(finder->image, &relocs, &n, err);

	if (code < 0)
		return code;
	finder->found->exact = n > 0;
	for (size_t i = 0; i < n && code == 0; i++)
		code = judge_static(finder, &relocs[i], err);
	if (finder->n_candidates)
		qsort(finder->candidates, finder->n_candidates,
		      sizeof(*finder->candidates), compare_candidates);
	return code;
}

/* --- the GOT pairs ------------------------------------------------------------- */

/* The module's own GOT pairs: DTPMOD64 without a symbol, DTPOFF absent. Those of
   the general-dynamic model look the same; the code tells them apart. */
static int find_pairs(const struct hi_site_finder *finder, uint64_t **ret_pairs,
		      size_t *ret_n, struct hi_err *err)
{
	uint64_t *pairs;
	size_t n = 0;

	for (size_t i = 0; i < finder->n_relocs; i++)
		n += finder->relocs[i].type == R_X86_64_DTPMOD64;
	pairs = calloc(n + 1, sizeof(*pairs));
	if (!pairs)
		return hi_site_finder_no_memory(err);
	n = 0;
	for (size_t i = 0; i < finder->n_relocs; i++) {
		const struct hi_reloc *reloc = &finder->relocs[i];
		const uint8_t *offset = hi_image_find_bytes(
			finder->image, reloc->place_link + 8, 8);

		if (reloc->type != R_X86_64_DTPMOD64 || reloc->name[0])
			continue;
		if (offset && !memcmp(offset, "\0\0\0\0\0\0\0", 8))
			pairs[n++] = reloc->place_link;
	}
	*ret_pairs = pairs;
	*ret_n = n;
	return 0;
}

/* The word that is in array TAG first: a RELATIVE relocation; 0: none. */
static uint64_t first_of_array(const struct hi_site_finder *finder, int64_t tag)
{
	struct hi_image_dyn dyn;

	if (!hi_image_find_dyn(finder->image, tag, &dyn))
		return 0;
	for (size_t i = 0; i < finder->n_relocs; i++)
		if (finder->relocs[i].place_link == dyn.value &&
		    finder->relocs[i].type == R_X86_64_RELATIVE)
			return finder->relocs[i].addend;
	return 0;
}

/*
 * crtbeginS.o without symbols: deregister_tm_clones, register_tm_clones (less
 * than 0x80 bytes together), __do_global_dtors_aux, frame_dummy, in this order;
 * the latter two are the first that DT_FINI_ARRAY and DT_INIT_ARRAY name. They
 * touch data of their own build only.
 */
static void find_start_code(struct hi_site_finder *finder)
{
	uint64_t init = first_of_array(finder, DT_INIT_ARRAY);
	uint64_t fini = first_of_array(finder, DT_FINI_ARRAY);

	if (!init || !fini || init < fini || init - fini > 0x80)
		return;
	finder->start_code.start = fini - 0x80;
	finder->start_code.end = init + 0x10;
}

int hi_site_finder_begin(struct hi_site_finder *finder, struct hi_err *err)
{
	int code = find_pairs(finder, &finder->pairs, &finder->n_pairs, err);

	find_start_code(finder);
	return code == 0 ? read_candidates(finder, err) : code;
}
