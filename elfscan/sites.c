#include "elfscan/sites.h"

#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/sites_parts.h"

static int32_t read_i32(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Room for one more item; items doubled when full. */
static bool grow(void *items, size_t n, size_t *cap, size_t size)
{
	void **slot = items, *more;
	size_t wanted = *cap ? *cap * 2 : 256;

	if (n < *cap)
		return true;
	more = reallocarray(*slot, wanted, size);
	if (!more)
		return false;
	*slot = more;
	*cap = wanted;
	return true;
}

static int no_memory(struct hi_err *err)
{
	return hi_fail(err, HI_E_NOMEM,
		       "out of memory for the list of "
		       "operands");
}

int hi_site_finder_add(struct hi_site_finder *finder,
		       const struct hi_site *site, struct hi_err *err)
{
	struct hi_sites *found = finder->found;

	if (!grow(&found->sites, found->n_sites, &finder->cap_sites,
		  sizeof(*site)))
		return no_memory(err);
	found->sites[found->n_sites++] = *site;
	return 0;
}

static int add_unproven(struct hi_site_finder *finder,
			const struct hi_unproven *unproven, struct hi_err *err)
{
	struct hi_sites *found = finder->found;

	if (!grow(&found->unproven, found->n_unproven, &finder->cap_unproven,
		  sizeof(*unproven)))
		return no_memory(err);
	found->unproven[found->n_unproven++] = *unproven;
	return 0;
}

static int add_candidate(struct hi_site_finder *finder, uint64_t place,
			 bool state, bool tls, struct hi_err *err)
{
	if (!grow(&finder->candidates, finder->n_candidates,
		  &finder->cap_candidates, sizeof(*finder->candidates)))
		return no_memory(err);
	finder->candidates[finder->n_candidates++] = (struct hi_candidate){
		.place_link = place,
		.state = state,
		.tls = tls,
	};
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

/* In writable data, or one past its end. */
static bool is_state(const struct hi_site_finder *finder, uint64_t addr)
{
	for (size_t i = 0; i < finder->n_state; i++)
		if (addr >= finder->state[i].start &&
		    addr <= finder->state[i].end)
			return true;
	return false;
}

/* The target if the word at PLACE is a displacement and an immediate of 0, 1, 2
   or 4 bytes follows it; 0 when none of them lands in writable data. */
static uint64_t state_target(const struct hi_site_finder *finder,
			     uint64_t place, int32_t word)
{
	static const uint8_t imm_lens[] = { 0, 1, 2, 4 };

	for (size_t i = 0; i < sizeof(imm_lens); i++)
		if (is_state(finder, place + 4 + imm_lens[i] + word))
			return place + 4 + imm_lens[i] + word;
	return 0;
}

static bool is_entry(const struct hi_site_finder *finder, uint64_t addr)
{
	const struct hi_symbol *function =
		hi_symtab_find_function_at(finder->symtab, addr);

	return function && function->addr_link == addr &&
	       !function->compiler_made;
}

/* lea disp32(%rip), %reg64 that ends with the word at P. */
static bool is_lea_word(const uint8_t *p)
{
	return p[-2] == 0x8d && (p[-3] & 0xfb) == 0x48;
}

/* What one merged window around all targets lets through is looked at. */
struct window {
	struct hi_range state; /* of what state_target() accepts, imm 0 */
	struct hi_range text;
	struct hi_range pairs;
};

static bool within(const struct hi_range *range, uint64_t addr)
{
	return addr - range->start < range->end - range->start;
}

static int judge_word(struct hi_site_finder *finder,
		      const struct window *window, const uint8_t *p,
		      uint64_t place, struct hi_err *err)
{
	int32_t word = read_i32(p);
	uint64_t target = place + 4 + word;

	if (within(&window->state, target) && state_target(finder, place, word))
		return add_candidate(finder, place, true, false, err);
	if (!is_lea_word(p))
		return 0;
	if ((within(&window->text, target) && is_entry(finder, target)) ||
	    (within(&window->pairs, target) &&
	     hi_site_finder_is_pair(finder, target)))
		return add_candidate(finder, place, false, false, err);
	return 0;
}

/*
 * A RIP-relative displacement stands behind a ModRM byte with mod 00 and rm 101:
 * a test of one byte leaves about one word in twenty.
 */
static int scan_range(struct hi_site_finder *finder,
		      const struct window *window, const struct hi_range *range,
		      struct hi_err *err)
{
	size_t len = range->end - range->start;
	const uint8_t *bytes =
		hi_image_find_bytes(finder->image, range->start, len);

	if (!bytes)
		return 0;
	for (size_t i = 3; i + 4 <= len; i++) {
		int code;

		if ((bytes[i - 1] & 0xc7) != 0x05)
			continue;
		code = judge_word(finder, window, bytes + i, range->start + i,
				  err);
		if (code < 0)
			return code;
	}
	return 0;
}

static int scan_text(struct hi_site_finder *finder, bool with_state,
		     struct hi_err *err)
{
	struct window window = { 0 };
	const struct hi_range *text;
	size_t n_text;
	int code = 0;

	text = hi_image_get_text_ranges(finder->image, &n_text);
	if (finder->n_state && with_state) {
		window.state.start = finder->state[0].start - 4;
		window.state.end = finder->state[finder->n_state - 1].end + 1;
	}
	if (n_text) {
		window.text.start = text[0].start;
		window.text.end = text[n_text - 1].end;
	}
	if (finder->n_pairs) {
		window.pairs.start = finder->pairs[0];
		window.pairs.end = finder->pairs[finder->n_pairs - 1] + 1;
	}
	for (size_t i = 0; i < n_text && code == 0; i++)
		code = scan_range(finder, &window, &text[i], err);
	return code;
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
	     is_state(finder, reloc->sym_link)) ||
	    state_target(finder, place, read_i32(p)))
		return add_candidate(finder, place, true, false, err);
	return 0;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct hi_candidate *x = a, *y = b;

	return (x->place_link > y->place_link) -
	       (x->place_link < y->place_link);
}

static int read_candidates(struct hi_site_finder *finder, struct hi_err *err)
{
	struct hi_reloc *HI_FREE relocs = NULL;
	size_t n = 0;
	int code = hi_reloc_read_static(finder->image, &relocs, &n, err);

	if (code < 0)
		return code;
	finder->found->exact = n > 0;
	/* functions of the same section are named without a relocation: the
	   assembler knows the distance */
	code = scan_text(finder, n == 0, err);
	for (size_t i = 0; i < n && code == 0; i++)
		code = judge_static(finder, &relocs[i], err);
	if (n && finder->n_candidates)
		qsort(finder->candidates, finder->n_candidates,
		      sizeof(*finder->candidates), compare_candidates);
	return code;
}

/* The site that INSN is, with its displacement at candidate AT; kind first. */
static bool classify(const struct hi_site_finder *finder,
		     const struct hi_insn *insn, const struct hi_candidate *at,
		     enum hi_site_kind *ret_kind)
{
	if (!insn->rip_relative ||
	    insn->addr_link + insn->disp_offset != at->place_link)
		return false;
	if (is_state(finder, insn->data_link) ||
	    (finder->found->exact && at->state)) {
		*ret_kind = insn->is_lea ? HI_SITE_ADDRESS : HI_SITE_ACCESS;
		return true;
	}
	*ret_kind = HI_SITE_FUNCTION;
	return insn->is_lea && is_entry(finder, insn->data_link);
}

static int add_unproven_region(struct hi_site_finder *finder,
			       const struct hi_region *region,
			       const struct hi_candidate *candidates, size_t n,
			       struct hi_err *err)
{
	struct hi_unproven unproven = {
		.function = region->function,
		.reason = "not all of it decodes as instructions",
	};

	for (size_t i = 0; i < n; i++) {
		uint64_t place = candidates[i].place_link;
		const uint8_t *p = hi_image_find_bytes(finder->image, place, 4);

		if (!candidates[i].state || !p)
			continue;
		unproven.place_link = place;
		unproven.target_link = state_target(finder, place, read_i32(p));
		return add_unproven(finder, &unproven, err);
	}
	return 0;
}

/*
 * Walk REGION, which holds N candidates. *RET_TLS: it names one of the pairs.
 * Sites are only those of a region that decodes to its end.
 */
static int walk_region(struct hi_site_finder *finder,
		       const struct hi_region *region,
		       const struct hi_candidate *candidates, size_t n,
		       bool *ret_tls, struct hi_err *err)
{
	size_t before = finder->found->n_sites, len, c = 0;
	uint64_t addr = region->start_link;
	const uint8_t *bytes;
	struct hi_insn insn;

	len = region->end_link - addr;
	bytes = hi_image_find_bytes(finder->image, addr, len);
	for (size_t at = 0; bytes && at < len; at += insn.len) {
		struct hi_site site = { .function = region->function };
		int code;

		if (!hi_insn_measure(bytes + at, len - at, addr + at, &insn)) {
			finder->found->n_sites = before;
			return add_unproven_region(finder, region, candidates,
						   n, err);
		}
		for (; c < n && candidates[c].place_link < addr + at + insn.len;
		     c++) {
			/* with a prefix it is the general-dynamic model */
			if (candidates[c].tls)
				*ret_tls = true;
			if (insn.is_lea && insn.rip_relative && insn.len == 7 &&
			    hi_site_finder_is_pair(finder, insn.data_link))
				*ret_tls = true;
			if (!classify(finder, &insn, &candidates[c],
				      &site.kind))
				continue;
			site.place_link = candidates[c].place_link;
			site.next_link = addr + at + insn.len;
			site.target_link = insn.data_link;
			code = hi_site_finder_add(finder, &site, err);
			if (code < 0)
				return code;
		}
	}
	return 0;
}

static bool is_skipped(const struct hi_site_finder *finder,
		       const struct hi_region *region, uint64_t place)
{
	if (region->function)
		return region->function->compiler_made;
	return region->gap && within(&finder->start_code, place);
}

static int walk_candidates(struct hi_site_finder *finder, struct hi_err *err)
{
	const struct hi_candidate *all = finder->candidates;
	const struct hi_region *region = finder->regions;
	const struct hi_region *end = region + finder->n_regions;
	size_t i = 0, next;
	int code = 0;

	for (; region < end && code == 0; region++, i = next) {
		bool tls = false;

		while (i < finder->n_candidates &&
		       (all[i].place_link < region->start_link ||
			is_skipped(finder, region, all[i].place_link)) &&
		       all[i].place_link < region->end_link)
			i++;
		for (next = i; next < finder->n_candidates; next++)
			if (all[next].place_link >= region->end_link)
				break;
		if (next == i)
			continue;
		code = walk_region(finder, region, all + i, next - i, &tls,
				   err);
		if (code == 0 && tls)
			code = hi_sites_find_tls(finder, region, err);
	}
	return code;
}

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
		return no_memory(err);
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

/* By place; what is known best first. */
static int compare_sites(const void *a, const void *b)
{
	const struct hi_site *x = a, *y = b;

	if (x->place_link != y->place_link)
		return x->place_link < y->place_link ? -1 : 1;
	if (!x->base_place_link != !y->base_place_link)
		return x->base_place_link ? -1 : 1;
	return x->ambiguous - y->ambiguous;
}

static void sort_sites(struct hi_sites *found)
{
	size_t n = 0;

	if (!found->n_sites)
		return;
	qsort(found->sites, found->n_sites, sizeof(*found->sites),
	      compare_sites);
	for (size_t i = 0; i < found->n_sites; i++)
		if (!n || found->sites[n - 1].place_link !=
				  found->sites[i].place_link)
			found->sites[n++] = found->sites[i];
	found->n_sites = n;
}

static int find_all(struct hi_site_finder *finder, struct hi_err *err)
{
	int code = hi_regions_new(finder->image, finder->symtab,
				  &finder->regions, &finder->n_regions, err);

	if (code == 0)
		code = read_candidates(finder, err);
	if (code == 0)
		code = walk_candidates(finder, err);
	sort_sites(finder->found);
	return code;
}

int hi_sites_find(struct hi_image *image, const struct hi_symtab *symtab,
		  const struct hi_reloc *relocs, size_t n_relocs,
		  struct hi_sites *ret_sites, struct hi_err *err)
{
	struct hi_sites found = { 0 };
	struct hi_site_finder finder = {
		.image = image,
		.symtab = symtab,
		.relocs = relocs,
		.n_relocs = n_relocs,
		.found = &found,
	};
	uint64_t *HI_FREE pairs = NULL;
	int code;

	finder.state = hi_image_get_state_ranges(image, &finder.n_state);
	code = find_pairs(&finder, &pairs, &finder.n_pairs, err);
	finder.pairs = pairs;
	find_start_code(&finder);
	if (code == 0)
		code = find_all(&finder, err);
	free(finder.regions);
	free(finder.candidates);
	hi_decoder_free(finder.decoder);
	if (code < 0) {
		hi_sites_done(&found);
		return code;
	}
	*ret_sites = found;
	return 0;
}

void hi_sites_done(struct hi_sites *sites)
{
	free(sites->sites);
	free(sites->unproven);
	memset(sites, 0, sizeof(*sites));
}
