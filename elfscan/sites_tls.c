#include "elfscan/sites_parts.h"

#include <stdlib.h>
#include <string.h>

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

/* What a register or stack slot holds; larger is what a join gives. */
enum {
	NOTHING_YET = 0, /* no path has come here */
	OTHER = 1,
	PERHAPS = 2, /* the base on some paths only */
	BASE = 3,    /* BASE + 2n: the result of call n */
		     /* BASE + 2n + 1: that plus an index */
};

#define N_REGS  16
#define N_SLOTS 16
#define REG_RAX 0
#define REG_RSP 4
#define REG_RBP 5
#define REG_RDI 7
/* rax, rcx, rdx, rsi, rdi, r8 to r11: psABI 3.2.1 */
#define CALLER_SAVED 0x0fc7

struct value_set {
	uint16_t at[N_REGS + N_SLOTS];
};

struct step {
	struct hi_insn insn;
	struct hi_effect effect;
	struct value_set in;
	uint16_t made; /* the BASE that this call returns, or 0 */
	bool entered;  /* some instruction is known to lead here */
	bool queued;
};

struct slot {
	uint8_t reg; /* rsp or rbp */
	int32_t disp;
};

struct flow {
	const uint8_t *bytes; /* of the region */
	uint64_t start_link;
	uint64_t end_link;
	struct step *steps;
	size_t n_steps;
	uint32_t *index; /* byte offset -> step + 1; 0: none starts there */
	size_t *queue;
	size_t n_queue;
	uint64_t *bases; /* call n -> place of its lea's field */
	size_t n_bases;
	struct slot slots[N_SLOTS];
	size_t n_slots;
	struct value_set elsewhere; /* what landing pads and jump tables see */
};

static int32_t read_i32(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static bool is_base(uint16_t value)
{
	return value >= BASE;
}

/* The value plus an index: still without its offset. */
static uint16_t indexed(uint16_t value)
{
	return is_base(value) ? BASE + (value - BASE) / 2 * 2 + 1 : OTHER;
}

static uint16_t join(uint16_t a, uint16_t b)
{
	if (a == b || b == NOTHING_YET)
		return a;
	if (a == NOTHING_YET)
		return b;
	/* all calls return the same address: the first stands for both */
	if (is_base(a) && is_base(b))
		return indexed(a < b ? a : b);
	return PERHAPS;
}

static bool join_into(struct value_set *to, const struct value_set *from)
{
	bool changed = false;

	for (int i = 0; i < N_REGS + N_SLOTS; i++) {
		uint16_t value = join(to->at[i], from->at[i]);

		changed |= value != to->at[i];
		to->at[i] = value;
	}
	return changed;
}

static void push(struct flow *flow, size_t i)
{
	if (flow->steps[i].queued)
		return;
	flow->steps[i].queued = true;
	flow->queue[flow->n_queue++] = i;
}

static void flow_to(struct flow *flow, size_t i, const struct value_set *set)
{
	if (i < flow->n_steps && join_into(&flow->steps[i].in, set))
		push(flow, i);
}

/* The stack slot of INSN's memory operand; made when MAKE; -1: none. */
static int find_slot(struct flow *flow, const struct step *step, bool make)
{
	uint8_t reg = step->effect.base_reg;
	int32_t disp = 0;

	if ((reg != REG_RSP && reg != REG_RBP) ||
	    step->effect.index_reg != HI_REG_NONE)
		return -1;
	if (step->insn.disp_len) {
		const uint8_t *p = flow->bytes + step->insn.disp_offset +
				   (step->insn.addr_link - flow->start_link);

		disp = step->insn.disp_len == 1 ? (int8_t)*p : read_i32(p);
	}
	for (size_t i = 0; i < flow->n_slots; i++)
		if (flow->slots[i].reg == reg && flow->slots[i].disp == disp)
			return N_REGS + i;
	if (!make || flow->n_slots == N_SLOTS)
		return -1;
	flow->slots[flow->n_slots] = (struct slot){ reg, disp };
	return N_REGS + flow->n_slots++;
}

static void after_call(const struct step *step, struct value_set *set)
{
	for (int i = 0; i < N_REGS; i++) {
		if (!(CALLER_SAVED >> i & 1) || set->at[i] == NOTHING_YET)
			continue;
		/* a callee of the same file may be known to keep it: -fipa-ra */
		set->at[i] = set->at[i] == OTHER ? OTHER : PERHAPS;
	}
	if (step->made)
		set->at[REG_RAX] = step->made;
}

/* A value that an instruction computes from registers, without an offset. */
static uint16_t computed(const struct step *step, const struct value_set *set)
{
	const struct hi_effect *effect = &step->effect;
	uint16_t a = OTHER, b = OTHER;

	if (effect->add_to != HI_REG_NONE) {
		if (effect->add_from == HI_REG_NONE && step->insn.imm_len == 4)
			return OTHER;
		a = set->at[effect->add_to];
		if (effect->add_from != HI_REG_NONE)
			b = set->at[effect->add_from];
	} else if (step->insn.is_lea && step->insn.disp_len != 4) {
		if (effect->base_reg != HI_REG_NONE)
			a = set->at[effect->base_reg];
		if (effect->index_reg != HI_REG_NONE)
			b = set->at[effect->index_reg];
	}
	if (is_base(a) || is_base(b))
		return indexed(is_base(a) ? a : b);
	return a == PERHAPS || b == PERHAPS ? PERHAPS : OTHER;
}

static void write_registers(const struct step *step, uint16_t value,
			    struct value_set *set)
{
	for (int i = 0; i < N_REGS; i++)
		if (step->effect.writes >> i & 1)
			set->at[i] = value;
}

/* Slots that rsp names are no longer found once it moves. */
static void forget_slots(const struct flow *flow, struct value_set *set)
{
	for (size_t i = 0; i < flow->n_slots; i++)
		if (flow->slots[i].reg == REG_RSP &&
		    is_base(set->at[N_REGS + i]))
			set->at[N_REGS + i] = PERHAPS;
}

static void apply(struct flow *flow, const struct step *step,
		  struct value_set *set)
{
	const struct hi_effect *effect = &step->effect;
	int slot;

	if (step->insn.flow == HI_FLOW_CALL) {
		after_call(step, set);
		return;
	}
	if (effect->copy_to != HI_REG_NONE &&
	    effect->copy_from != HI_REG_NONE) {
		set->at[effect->copy_to] = set->at[effect->copy_from];
	} else if (effect->load_to != HI_REG_NONE) {
		slot = find_slot(flow, step, false);
		set->at[effect->load_to] =
			slot >= 0 && set->at[slot] ? set->at[slot] : OTHER;
	} else if (effect->store_from != HI_REG_NONE) {
		uint16_t value = set->at[effect->store_from];

		slot = find_slot(flow, step, value != OTHER);
		if (slot >= 0)
			set->at[slot] = value;
	} else {
		write_registers(step, computed(step, set), set);
	}
	if (effect->writes >> REG_RSP & 1)
		forget_slots(flow, set);
}

static size_t step_at(const struct flow *flow, uint64_t addr)
{
	if (addr < flow->start_link || addr >= flow->end_link)
		return flow->n_steps;
	return flow->index[addr - flow->start_link] ?
		       flow->index[addr - flow->start_link] - 1 :
		       flow->n_steps;
}

/* Carry the values of one step to those that may run after it. */
static void propagate(struct flow *flow, size_t i)
{
	struct step *step = &flow->steps[i];
	struct value_set out = step->in;
	enum hi_flow kind = step->insn.flow;

	apply(flow, step, &out);
	if (kind == HI_FLOW_NEXT || kind == HI_FLOW_CALL ||
	    kind == HI_FLOW_BRANCH)
		flow_to(flow, i + 1, &out);
	if (kind == HI_FLOW_JUMP || kind == HI_FLOW_BRANCH)
		flow_to(flow, step_at(flow, step->insn.target_link), &out);
	if (kind != HI_FLOW_CALL &&
	    (kind != HI_FLOW_JUMP || step->insn.target_link))
		return;
	/* an exception or a jump table leads to where nothing else does */
	if (!join_into(&flow->elsewhere, &out))
		return;
	for (size_t other = 0; other < flow->n_steps; other++)
		if (!flow->steps[other].entered &&
		    !flow->steps[other].insn.is_nop)
			flow_to(flow, other, &flow->elsewhere);
}

/* lea of a pair, unprefixed, and a call right behind it. */
static bool is_base_call(const struct hi_site_finder *finder,
			 const struct flow *flow, size_t lea)
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
		     const struct hi_region *region, struct flow *flow,
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
		flow->steps[i + 1].made = BASE + 2 * flow->n_bases;
		flow->bases[flow->n_bases++] = site.place_link;
		code = hi_site_finder_add(finder, &site, err);
		if (code < 0)
			return code;
	}
	return 0;
}

static void mark_entered(struct flow *flow)
{
	for (size_t i = 0; i < flow->n_steps; i++) {
		const struct hi_insn *insn = &flow->steps[i].insn;
		size_t target = step_at(flow, insn->target_link);

		if (i == 0)
			flow->steps[i].entered = true;
		/* padding behind a jump leads nowhere */
		if (insn->is_nop && !flow->steps[i].entered)
			continue;
		if (insn->flow != HI_FLOW_JUMP && insn->flow != HI_FLOW_END &&
		    i + 1 < flow->n_steps)
			flow->steps[i + 1].entered = true;
		if (insn->target_link && insn->flow != HI_FLOW_CALL &&
		    target < flow->n_steps)
			flow->steps[target].entered = true;
	}
}

static void run(struct flow *flow)
{
	while (flow->n_queue) {
		size_t i = flow->queue[--flow->n_queue];

		flow->steps[i].queued = false;
		propagate(flow, i);
	}
}

static void enter(struct flow *flow)
{
	struct value_set start;

	for (int i = 0; i < N_REGS + N_SLOTS; i++)
		start.at[i] = OTHER;
	flow_to(flow, 0, &start);
}

/* Enter FLOW where steps of its parent jump into it. */
static void enter_from(struct flow *flow, const struct flow *parent)
{
	for (size_t i = 0; i < parent->n_steps; i++) {
		const struct step *step = &parent->steps[i];

		if (step->insn.flow != HI_FLOW_CALL)
			flow_to(flow, step_at(flow, step->insn.target_link),
				&step->in);
	}
}

/* The 4-byte field of STEP that could be an offset, and what it is added to. */
static bool find_field(const struct step *step, uint8_t *ret_at,
		       uint16_t *ret_value)
{
	const struct hi_effect *effect = &step->effect;
	const struct hi_insn *insn = &step->insn;
	uint16_t a = OTHER, b = OTHER;

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
	*ret_value = is_base(b) || (b == PERHAPS && !is_base(a)) ? b : a;
	return true;
}

/* What is known of a field with this register value; false: no offset. */
static bool judge_field(const struct step *step, uint16_t value, int64_t offset,
			uint64_t tls_size, struct hi_site *site)
{
	bool in_block = offset >= 0 && (uint64_t)offset <= tls_size;
	bool small = offset >= INT8_MIN && offset <= INT8_MAX &&
		     !step->insn.is_evex;
	bool is_add = step->effect.add_to != HI_REG_NONE;

	if (is_base(value)) {
		bool has_index = (value - BASE) & 1;

		/* a loop's step looks like an offset too */
		site->ambiguous = !in_block || (is_add && has_index && !small);
		return true;
	}
	if (!in_block)
		return false;
	/* rax has a short form of add with 4 bytes: no proof by size there */
	if (small && !is_add)
		return true;
	site->ambiguous = value == PERHAPS;
	return value == PERHAPS;
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
		       const struct hi_region *region, const struct flow *flow,
		       struct hi_err *err)
{
	const GElf_Phdr *tls = hi_image_get_header(finder->image)->tls;
	int code = 0;

	for (size_t i = 0; i < flow->n_steps && code == 0; i++) {
		const struct step *step = &flow->steps[i];
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
		if (is_base(value))
			site.base_place_link = flow->bases[(value - BASE) / 2];
		code = hi_site_finder_add(finder, &site, err);
	}
	return code;
}

/* Disassemble the region; false when capstone does not know an instruction. */
static bool decode(struct hi_site_finder *finder, struct flow *flow)
{
	size_t len = flow->end_link - flow->start_link;

	for (size_t at = 0; at < len;) {
		struct step *step = &flow->steps[flow->n_steps];
		const uint8_t *bytes = flow->bytes + at;
		uint64_t addr = flow->start_link + at;
		struct hi_insn insn;

		if (!hi_insn_measure(bytes, len - at, addr, &insn))
			return false;
		/* what only measures is a newer vector instruction: it writes
		   no general register that a base could be in */
		if (!hi_decoder_next(finder->decoder, bytes, len - at, addr,
				     &step->insn, &step->effect))
			memset(&step->effect, HI_REG_NONE,
			       sizeof(step->effect));
		if (step->effect.writes == 0xffff)
			step->effect.writes = 0;
		step->insn = insn;
		flow->index[at] = ++flow->n_steps;
		at += insn.len;
	}
	return true;
}

static int flow_init(struct flow *flow, const struct hi_site_finder *finder,
		     const struct hi_region *region, const struct flow *parent,
		     struct hi_err *err)
{
	size_t len = region->end_link - region->start_link;
	size_t n_bases = parent ? parent->n_bases : 0;

	memset(flow, 0, sizeof(*flow));
	flow->start_link = region->start_link;
	flow->end_link = region->end_link;
	flow->bytes =
		hi_image_find_bytes(finder->image, region->start_link, len);
	flow->steps = calloc(len + 1, sizeof(struct step));
	flow->index = calloc(len + 1, sizeof(uint32_t));
	flow->queue = calloc(len + 1, sizeof(size_t));
	flow->bases = calloc(n_bases + len + 1, sizeof(uint64_t));
	if (!flow->steps || !flow->index || !flow->queue || !flow->bases)
		return hi_fail(err, HI_E_NOMEM,
			       "out of memory for a function's flow");
	if (parent) {
		/* what the parent's values say stays true */
		memcpy(flow->bases, parent->bases, n_bases * sizeof(uint64_t));
		memcpy(flow->slots, parent->slots, sizeof(flow->slots));
		flow->n_bases = n_bases;
		flow->n_slots = parent->n_slots;
	}
	return 0;
}

static void flow_done(struct flow *flow)
{
	free(flow->steps);
	free(flow->index);
	free(flow->queue);
	free(flow->bases);
}

static int run_flow(struct hi_site_finder *finder,
		    const struct hi_region *region, struct flow *flow,
		    const struct flow *parent, struct hi_err *err)
{
	int code = 0;

	if (!finder->decoder)
		code = hi_decoder_new(&finder->decoder, err);
	if (code < 0 || !flow->bytes || !decode(finder, flow))
		return code;
	code = add_bases(finder, region, flow, err);
	if (code < 0 || (!flow->n_bases && !finder->found->exact))
		return code;
	mark_entered(flow);
	if (parent)
		enter_from(flow, parent);
	else
		enter(flow);
	run(flow);
	return add_offsets(finder, region, flow, err);
}

/* The parts that the compiler moved away from the function of FLOW. */
static int follow_parts(struct hi_site_finder *finder, const struct flow *flow,
			struct hi_err *err)
{
	const struct hi_region *last = NULL;
	int code = 0;

	for (size_t i = 0; i < flow->n_steps && code == 0; i++) {
		const struct hi_insn *insn = &flow->steps[i].insn;
		const struct hi_region *region;
		struct flow part;

		if (!insn->target_link || insn->flow == HI_FLOW_CALL ||
		    step_at(flow, insn->target_link) < flow->n_steps)
			continue;
		region = hi_regions_find(finder->text->regions,
					 finder->text->n_regions,
					 insn->target_link);
		/* without symbols any jump out may lead to such a part */
		if (!region || region == last ||
		    (region->function ? !region->function->clone : region->gap))
			continue;
		last = region;
		code = flow_init(&part, finder, region, flow, err);
		if (code == 0)
			code = run_flow(finder, region, &part, flow, err);
		flow_done(&part);
	}
	return code;
}

int hi_sites_find_tls(struct hi_site_finder *finder,
		      const struct hi_region *region, struct hi_err *err)
{
	struct flow flow;
	int code = flow_init(&flow, finder, region, NULL, err);

	if (code == 0)
		code = run_flow(finder, region, &flow, NULL, err);
	if (code == 0)
		code = follow_parts(finder, &flow, err);
	flow_done(&flow);
	return code;
}
