#include "elfscan/sites_parts.h"

#include <stdlib.h>
#include <string.h>

#include "elfscan/tls_flow.h"

/*
 * The local-dynamic model:
 *
 *     lea   pair(%rip), %rdi          48 8d 3d
 *     call  __tls_get_addr            e8, or ff 15
 *     mov   x@dtpoff(%rax), %ecx      an offset is always 4 bytes
 *     lea   y@dtpoff(%rax,%rbx,4), %rdx
 *     add   $z@dtpoff, %rax
 *
 * (The general-dynamic sequence is padded: 66 48 8d 3d; 66 66 48 e8.)
 *
 * The linker filled the offsets in, and they look like any member's offset. What
 * sets them apart is the register that they are added to, so the result of the
 * call is followed through registers and stack slots, over all branches of the
 * function, until nothing changes any more. As the assembler writes a constant
 * that fits in a byte as a byte, a 4-byte field with such a value is an offset
 * whatever its register holds. Registers stay what they are on a jump into the
 * part that the compiler moved away (f.cold), so that is followed too.
 */

#define REG_RSP 4

/* lea of a pair, unprefixed, and a call right behind it. */
static bool is_base_call(const struct hi_site_finder *finder,
			 const struct hi_tls_flow *flow, size_t lea)
{
	const struct hi_insn *insn = &flow->steps[lea].insn;
	const uint8_t *p = flow->bytes + (insn->addr_link - flow->start_link);

	return insn->is_lea && insn->rip_relative && insn->len == 7 &&
	       !memcmp(p, "\x48\x8d\x3d", 3) &&
	       hi_site_finder_is_pair(finder, insn->data_link) &&
	       lea + 1 < flow->n_steps &&
	       flow->steps[lea + 1].insn.flow == HI_FLOW_CALL && p[7] != 0x66;
}

static int add_bases(struct hi_site_finder *finder,
		     const struct hi_region *region, struct hi_tls_flow *flow,
		     struct hi_err *err)
{
	for (size_t i = 0; i < flow->n_steps; i++) {
		const struct hi_insn *insn = &flow->steps[i].insn;
		struct hi_site site = {
			.place_link = insn->addr_link + insn->disp_offset,
			.next_link = insn->addr_link + insn->len,
			.target_link = insn->data_link,
			.function = region->function,
			.kind = HI_SITE_TLS_BASE,
		};
		int code;

		if (!is_base_call(finder, flow, i))
			continue;
		flow->steps[i + 1].made = HI_VALUE_BASE + 2 * flow->n_bases;
		flow->bases[flow->n_bases++] = site.place_link;
		code = hi_site_finder_add(finder, &site, err);
		if (code < 0)
			return code;
	}
	return 0;
}

/* The 4-byte field of STEP that could be an offset, and what it is added to. */
static bool find_field(const struct hi_step *step, uint8_t *ret_at,
		       uint16_t *ret_value)
{
	const struct hi_effect *effect = &step->effect;
	const struct hi_insn *insn = &step->insn;
	uint16_t a = HI_VALUE_OTHER, b = HI_VALUE_OTHER;

	if (effect->add_to != HI_REG_NONE && effect->add_from == HI_REG_NONE &&
	    insn->imm_len == 4) {
		*ret_at = insn->imm_offset;
		*ret_value = step->in.at[effect->add_to];
		return true;
	}
	if (insn->disp_len != 4 || insn->rip_relative || insn->is_nop ||
	    effect->base_reg == HI_REG_NONE || effect->base_reg == REG_RSP)
		return false;
	a = step->in.at[effect->base_reg];
	if (effect->index_reg != HI_REG_NONE)
		b = step->in.at[effect->index_reg];
	*ret_at = insn->disp_offset;
	*ret_value = hi_flow_is_base(b) || (b == HI_VALUE_PERHAPS &&
					    !hi_flow_is_base(a)) ?
			     b :
			     a;
	return true;
}

/* What is known of a field with this register value; false: no offset. */
static bool judge_field(const struct hi_step *step, uint16_t value,
			int64_t offset, uint64_t tls_size, struct hi_site *site)
{
	bool in_block = offset >= 0 && (uint64_t)offset <= tls_size;
	bool small = offset >= INT8_MIN && offset <= INT8_MAX &&
		     !step->insn.is_evex;
	bool is_add = step->effect.add_to != HI_REG_NONE;

	if (hi_flow_is_base(value)) {
		bool has_index = (value - HI_VALUE_BASE) & 1;

		/* a loop's step looks like an offset too */
		site->ambiguous = !in_block || (is_add && has_index && !small);
		return true;
	}
	if (!in_block)
		return false;
	/* rax has a short form of add with 4 bytes: no proof by size there */
	if (small && !is_add)
		return true;
	site->ambiguous = value == HI_VALUE_PERHAPS;
	return value == HI_VALUE_PERHAPS;
}

/* Whether a static relocation names PLACE as an offset. */
static bool is_listed(const struct hi_site_finder *finder, uint64_t place)
{
	size_t low = 0, high = finder->n_candidates;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (finder->candidates[middle].place_link < place)
			low = middle + 1;
		else
			high = middle;
	}
	return low < finder->n_candidates && finder->candidates[low].tls &&
	       finder->candidates[low].place_link == place;
}

static int add_offsets(struct hi_site_finder *finder,
		       const struct hi_region *region,
		       const struct hi_tls_flow *flow, struct hi_err *err)
{
	const GElf_Phdr *tls = hi_image_get_header(finder->image)->tls;
	int code = 0;

	for (size_t i = 0; i < flow->n_steps && code == 0; i++) {
		const struct hi_step *step = &flow->steps[i];
		uint64_t addr = step->insn.addr_link;
		struct hi_site site = { .function = region->function,
					.next_link = addr + step->insn.len,
					.kind = HI_SITE_TLS };
		int64_t offset;
		uint16_t value;
		uint8_t at;

		if (!find_field(step, &at, &value))
			continue;
		offset = read_i32(flow->bytes + (addr - flow->start_link) + at);
		site.place_link = addr + at;
		site.target_link = offset;
		if (finder->found->exact ?
			    !is_listed(finder, site.place_link) :
			    !judge_field(step, value, offset,
					 tls ? tls->p_memsz : 0, &site))
			continue;
		if (hi_flow_is_base(value))
			site.base_place_link =
				flow->bases[(value - HI_VALUE_BASE) / 2];
		code = hi_site_finder_add(finder, &site, err);
	}
	return code;
}

static int run_flow(struct hi_site_finder *finder,
		    const struct hi_region *region, struct hi_tls_flow *flow,
		    const struct hi_tls_flow *parent, struct hi_err *err)
{
	int code = 0;

	if (!finder->decoder)
		code = hi_decoder_new(&finder->decoder, err);
	if (code < 0 || !flow->bytes || !hi_flow_decode(flow, finder->decoder))
		return code;
	code = add_bases(finder, region, flow, err);
	if (code < 0 || (!flow->n_bases && !finder->found->exact))
		return code;
	hi_flow_mark_entered(flow);
	if (parent)
		hi_flow_enter_from(flow, parent);
	else
		hi_flow_enter(flow);
	hi_flow_run(flow);
	return add_offsets(finder, region, flow, err);
}

/* The parts that the compiler moved away from the function of FLOW. */
static int follow_parts(struct hi_site_finder *finder,
			const struct hi_tls_flow *flow, struct hi_err *err)
{
	const struct hi_region *last = NULL;
	int code = 0;

	for (size_t i = 0; i < flow->n_steps && code == 0; i++) {
		const struct hi_insn *insn = &flow->steps[i].insn;
		const struct hi_region *region;
		struct hi_tls_flow part;

		if (!insn->target_link || insn->flow == HI_FLOW_CALL ||
		    hi_flow_step_at(flow, insn->target_link) < flow->n_steps)
			continue;
		region = hi_regions_find(finder->text->regions,
					 finder->text->n_regions,
					 insn->target_link);
		/* without symbols any jump out may lead to such a part */
		if (!region || region == last ||
		    (region->function ? !region->function->clone : region->gap))
			continue;
		last = region;
		code = hi_flow_init(&part, finder->image, region, flow, err);
		if (code == 0)
			code = run_flow(finder, region, &part, flow, err);
		hi_flow_done(&part);
	}
	return code;
}

int hi_sites_find_tls(struct hi_site_finder *finder,
		      const struct hi_region *region, struct hi_err *err)
{
	struct hi_tls_flow flow;
	int code = hi_flow_init(&flow, finder->image, region, NULL, err);

	if (code == 0)
		code = run_flow(finder, region, &flow, NULL, err);
	if (code == 0)
		code = follow_parts(finder, &flow, err);
	hi_flow_done(&flow);
	return code;
}
