#include "elfscan/sites.h"

#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "elfscan/sites_parts.h"

int hi_site_finder_no_memory(struct hi_err *err)
{
	return hi_fail(err, HI_E_NOMEM,
		       "out of memory for the list of "
		       "operands");
}

int hi_site_finder_add(struct hi_site_finder *finder,
		       const struct hi_site *site, struct hi_err *err)
{
	struct hi_sites *found = finder->found;

	if (!hi_grow(&found->sites, found->n_sites, &finder->cap_sites,
		     sizeof(*site)))
		return hi_site_finder_no_memory(err);
	found->sites[found->n_sites++] = *site;
	return 0;
}

static int add_unproven(struct hi_site_finder *finder,
			const struct hi_unproven *unproven, struct hi_err *err)
{
	struct hi_sites *found = finder->found;

	if (!hi_grow(&found->unproven, found->n_unproven, &finder->cap_unproven,
		     sizeof(*unproven)))
		return hi_site_finder_no_memory(err);
	found->unproven[found->n_unproven++] = *unproven;
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

static bool within(const struct hi_range *range, uint64_t addr)
{
	return addr - range->start < range->end - range->start;
}

static bool is_skipped(const struct hi_site_finder *finder,
		       const struct hi_region *region, uint64_t place)
{
	if (region->function)
		return region->function->compiler_made;
	return region->gap && within(&finder->start_code, place);
}

/*
 * The first word of REGION, which does not decode, that may name data: a RIP-
 * relative displacement stands behind a ModRM byte with mod 00 and rm 101.
 */
static uint64_t find_suspect(const struct hi_site_finder *finder,
			     const struct hi_region *region,
			     const uint8_t *bytes)
{
	size_t len = region->end_link - region->start_link;

	for (size_t i = 1; i + 4 <= len; i++) {
		uint64_t place = region->start_link + i;

		if ((bytes[i - 1] & 0xc7) == 0x05 &&
		    !is_skipped(finder, region, place) &&
		    hi_site_finder_state_target(finder, place,
						read_i32(bytes + i)))
			return place;
	}
	return 0;
}

static int add_unproven_region(struct hi_site_finder *finder,
			       const struct hi_region *region,
			       const uint8_t *bytes,
			       const struct hi_candidate *candidates, size_t n,
			       struct hi_err *err)
{
	struct hi_unproven unproven = {
		.function = region->function,
		.reason = "not all of it decodes as instructions",
	};
	const uint8_t *p;

	if (!finder->found->exact)
		unproven.place_link = find_suspect(finder, region, bytes);
	for (size_t i = 0; i < n && !unproven.place_link; i++)
		if (candidates[i].state &&
		    !is_skipped(finder, region, candidates[i].place_link))
			unproven.place_link = candidates[i].place_link;
	if (!unproven.place_link)
		return 0;
	p = hi_image_find_bytes(finder->image, unproven.place_link, 4);
	if (!p)
		return 0;
	unproven.target_link = hi_site_finder_state_target(
		finder, unproven.place_link, read_i32(p));
	return add_unproven(finder, &unproven, err);
}

/*
 * Make SITE of FIELD, of the region with BYTES; false in *RET_FOUND: it is none.
 * NAMED: a static relocation says it is data.
 */
static int classify(struct hi_site_finder *finder,
		    const struct hi_region *region,
		    const struct hi_field *field, const uint8_t *bytes,
		    bool named, struct hi_site *site, bool *ret_found,
		    struct hi_err *err)
{
	bool is_lea = field->kind == HI_FIELD_ADDRESS;
	bool state = hi_site_finder_is_state(finder, site->target_link);

	*ret_found = true;
	site->kind = is_lea ? HI_SITE_ADDRESS : HI_SITE_ACCESS;
	site->outside = !state;
	if (finder->found->exact ? named : state)
		return 0;
	*ret_found = false;
	if (!is_lea || field->insn_len < 7 || !is_lea_word(bytes + field->at))
		return 0;
	/* the assembler knows the distance to functions of the same section:
	   they are named without a relocation */
	if (is_entry(finder, site->target_link)) {
		*ret_found = true;
		site->kind = HI_SITE_FUNCTION;
		site->outside = false;
		return 0;
	}
	if (finder->found->exact)
		return 0;
	return hi_site_finder_ask_outside(finder, region, field, bytes, site,
					  ret_found, err);
}

/* The fields of region I, which decodes and holds N candidates. *RET_TLS: it names
   one of the pairs. */
static int walk_fields(struct hi_site_finder *finder, size_t i,
		       const uint8_t *bytes,
		       const struct hi_candidate *candidates, size_t n,
		       bool *ret_tls, struct hi_err *err)
{
	const struct hi_text *text = finder->text;
	const struct hi_region *region = &text->regions[i];
	const struct hi_text_region *part = &text->parts[i];
	int code = 0;

	for (uint32_t f = 0, c = 0; f < part->n && code == 0; f++) {
		const struct hi_field *field = &text->fields[part->first + f];
		struct hi_site site = { .function = region->function };
		bool found;

		site.target_link =
			hi_field_get_target(field, bytes, region->start_link);
		site.place_link = region->start_link + field->at;
		site.next_link = site.place_link + field->to_next;
		if (field->kind == HI_FIELD_BRANCH ||
		    is_skipped(finder, region, site.place_link))
			continue;
		/* with a prefix it is the general-dynamic model */
		if (field->kind == HI_FIELD_ADDRESS && field->insn_len == 7 &&
		    hi_site_finder_is_pair(finder, site.target_link))
			*ret_tls = true;
		while (c < n && candidates[c].place_link < site.place_link)
			c++;
		code = classify(finder, region, field, bytes,
				c < n && candidates[c].state &&
					candidates[c].place_link ==
						site.place_link,
				&site, &found, err);
		if (code == 0 && found)
			code = hi_site_finder_add(finder, &site, err);
	}
	for (size_t c = 0; c < n; c++)
		*ret_tls |=
			candidates[c].tls &&
			!is_skipped(finder, region, candidates[c].place_link);
	return code;
}

static int walk_regions(struct hi_site_finder *finder, struct hi_err *err)
{
	const struct hi_text *text = finder->text;
	const struct hi_candidate *all = finder->candidates;
	size_t c = 0, next;
	int code = 0;

	for (size_t i = 0; i < text->n_regions && code == 0; i++, c = next) {
		const struct hi_region *region = &text->regions[i];
		const uint8_t *bytes = hi_text_find_bytes(text, i);
		bool tls = false;

		while (c < finder->n_candidates &&
		       all[c].place_link < region->start_link)
			c++;
		for (next = c; next < finder->n_candidates; next++)
			if (all[next].place_link >= region->end_link)
				break;
		if (bytes && text->parts[i].decodes)
			code = walk_fields(finder, i, bytes, all + c, next - c,
					   &tls, err);
		else if (bytes)
			code = add_unproven_region(finder, region, bytes,
						   all + c, next - c, err);
		if (code == 0 && tls)
			code = hi_sites_find_tls(finder, region, err);
	}
	return code;
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
	bool sorted = true;
	size_t n = 0;

	for (size_t i = 1; i < found->n_sites && sorted; i++)
		sorted = compare_sites(&found->sites[i - 1], &found->sites[i]) <
			 0;
	if (sorted)
		return;
	qsort(found->sites, found->n_sites, sizeof(*found->sites),
	      compare_sites);
	for (size_t i = 0; i < found->n_sites; i++)
		if (!n || found->sites[n - 1].place_link !=
				  found->sites[i].place_link)
			found->sites[n++] = found->sites[i];
	found->n_sites = n;
}

int hi_sites_find(const struct hi_text *text, const struct hi_reloc *relocs,
		  size_t n_relocs, struct hi_sites *ret_sites,
		  struct hi_err *err)
{
	struct hi_sites found = { 0 };
	struct hi_site_finder finder = {
		.image = text->image,
		.symtab = text->symtab,
		.text = text,
		.relocs = relocs,
		.n_relocs = n_relocs,
		.found = &found,
	};
	int code;

	finder.state = hi_image_get_state_ranges(text->image, &finder.n_state);
	code = hi_site_finder_begin(&finder, err);
	if (code == 0)
		code = walk_regions(&finder, err);
	sort_sites(&found);
	free(finder.candidates);
	free(finder.pairs);
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
