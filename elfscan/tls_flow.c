#include "elfscan/tls_flow.h"

#include <stdlib.h>
#include <string.h>

#define REG_RAX 0
#define REG_RSP 4
#define REG_RBP 5
#define REG_RDI 7
/* rax, rcx, rdx, rsi, rdi, r8 to r11: psABI 3.2.1 */
#define CALLER_SAVED 0x0fc7

static int32_t read_i32(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

bool hi_flow_is_base(uint16_t value)
{
	return value >= HI_VALUE_BASE;
}

/* The value plus an index: still without its offset. */
static uint16_t indexed(uint16_t value)
{
	return hi_flow_is_base(value) ?
		       HI_VALUE_BASE + (value - HI_VALUE_BASE) / 2 * 2 + 1 :
		       HI_VALUE_OTHER;
}

static uint16_t join(uint16_t a, uint16_t b)
{
	if (a == b || b == HI_VALUE_NOTHING_YET)
		return a;
	if (a == HI_VALUE_NOTHING_YET)
		return b;
	/* all calls return the same address: the first stands for both */
	if (hi_flow_is_base(a) && hi_flow_is_base(b))
		return indexed(a < b ? a : b);
	return HI_VALUE_PERHAPS;
}

static bool join_into(struct hi_value_set *to, const struct hi_value_set *from)
{
	bool changed = false;

	for (int i = 0; i < HI_FLOW_REGS + HI_FLOW_SLOTS; i++) {
		uint16_t value = join(to->at[i], from->at[i]);

		changed |= value != to->at[i];
		to->at[i] = value;
	}
	return changed;
}

static void push(struct hi_tls_flow *flow, size_t i)
{
	if (flow->steps[i].queued)
		return;
	flow->steps[i].queued = true;
	flow->queue[flow->n_queue++] = i;
}

static void flow_to(struct hi_tls_flow *flow, size_t i,
		    const struct hi_value_set *set)
{
	if (i < flow->n_steps && join_into(&flow->steps[i].in, set))
		push(flow, i);
}

/* The stack slot of INSN's memory operand; made when MAKE; -1: none. */
static int find_slot(struct hi_tls_flow *flow, const struct hi_step *step,
		     bool make)
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
			return HI_FLOW_REGS + i;
	if (!make || flow->n_slots == HI_FLOW_SLOTS)
		return -1;
	flow->slots[flow->n_slots] = (struct hi_stack_slot){ reg, disp };
	return HI_FLOW_REGS + flow->n_slots++;
}

static void after_call(const struct hi_step *step, struct hi_value_set *set)
{
	for (int i = 0; i < HI_FLOW_REGS; i++) {
		if (!(CALLER_SAVED >> i & 1) ||
		    set->at[i] == HI_VALUE_NOTHING_YET)
			continue;
		/* a callee of the same file may be known to keep it: -fipa-ra */
		set->at[i] = set->at[i] == HI_VALUE_OTHER ? HI_VALUE_OTHER :
							    HI_VALUE_PERHAPS;
	}
	if (step->made)
		set->at[REG_RAX] = step->made;
}

/* A value that an instruction computes from registers, without an offset. */
static uint16_t computed(const struct hi_step *step,
			 const struct hi_value_set *set)
{
	const struct hi_effect *effect = &step->effect;
	uint16_t a = HI_VALUE_OTHER, b = HI_VALUE_OTHER;

	if (effect->add_to != HI_REG_NONE) {
		if (effect->add_from == HI_REG_NONE && step->insn.imm_len == 4)
			return HI_VALUE_OTHER;
		a = set->at[effect->add_to];
		if (effect->add_from != HI_REG_NONE)
			b = set->at[effect->add_from];
	} else if (step->insn.is_lea && step->insn.disp_len != 4) {
		if (effect->base_reg != HI_REG_NONE)
			a = set->at[effect->base_reg];
		if (effect->index_reg != HI_REG_NONE)
			b = set->at[effect->index_reg];
	}
	if (hi_flow_is_base(a) || hi_flow_is_base(b))
		return indexed(hi_flow_is_base(a) ? a : b);
	return a == HI_VALUE_PERHAPS || b == HI_VALUE_PERHAPS ?
		       HI_VALUE_PERHAPS :
		       HI_VALUE_OTHER;
}

static void write_registers(const struct hi_step *step, uint16_t value,
			    struct hi_value_set *set)
{
	for (int i = 0; i < HI_FLOW_REGS; i++)
		if (step->effect.writes >> i & 1)
			set->at[i] = value;
}

/* Slots that rsp names are no longer found once it moves. */
static void forget_slots(const struct hi_tls_flow *flow,
			 struct hi_value_set *set)
{
	for (size_t i = 0; i < flow->n_slots; i++)
		if (flow->slots[i].reg == REG_RSP &&
		    hi_flow_is_base(set->at[HI_FLOW_REGS + i]))
			set->at[HI_FLOW_REGS + i] = HI_VALUE_PERHAPS;
}

static void apply(struct hi_tls_flow *flow, const struct hi_step *step,
		  struct hi_value_set *set)
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
		set->at[effect->load_to] = slot >= 0 && set->at[slot] ?
						   set->at[slot] :
						   HI_VALUE_OTHER;
	} else if (effect->store_from != HI_REG_NONE) {
		uint16_t value = set->at[effect->store_from];

		slot = find_slot(flow, step, value != HI_VALUE_OTHER);
		if (slot >= 0)
			set->at[slot] = value;
	} else {
		write_registers(step, computed(step, set), set);
	}
	if (effect->writes >> REG_RSP & 1)
		forget_slots(flow, set);
}

size_t hi_flow_step_at(const struct hi_tls_flow *flow, uint64_t addr)
{
	if (addr < flow->start_link || addr >= flow->end_link)
		return flow->n_steps;
	return flow->index[addr - flow->start_link] ?
		       flow->index[addr - flow->start_link] - 1 :
		       flow->n_steps;
}

/* Carry the values of one step to those that may run after it. */
static void propagate(struct hi_tls_flow *flow, size_t i)
{
	struct hi_step *step = &flow->steps[i];
	struct hi_value_set out = step->in;
	enum hi_flow kind = step->insn.flow;

	apply(flow, step, &out);
	if (kind == HI_FLOW_NEXT || kind == HI_FLOW_CALL ||
	    kind == HI_FLOW_BRANCH)
		flow_to(flow, i + 1, &out);
	if (kind == HI_FLOW_JUMP || kind == HI_FLOW_BRANCH)
		flow_to(flow, hi_flow_step_at(flow, step->insn.target_link),
			&out);
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

void hi_flow_mark_entered(struct hi_tls_flow *flow)
{
	for (size_t i = 0; i < flow->n_steps; i++) {
		const struct hi_insn *insn = &flow->steps[i].insn;
		size_t target = hi_flow_step_at(flow, insn->target_link);

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

void hi_flow_run(struct hi_tls_flow *flow)
{
	while (flow->n_queue) {
		size_t i = flow->queue[--flow->n_queue];

		flow->steps[i].queued = false;
		propagate(flow, i);
	}
}

void hi_flow_enter(struct hi_tls_flow *flow)
{
	struct hi_value_set start;

	for (int i = 0; i < HI_FLOW_REGS + HI_FLOW_SLOTS; i++)
		start.at[i] = HI_VALUE_OTHER;
	flow_to(flow, 0, &start);
}

/* Enter FLOW where steps of its parent jump into it. */
void hi_flow_enter_from(struct hi_tls_flow *flow,
			const struct hi_tls_flow *parent)
{
	for (size_t i = 0; i < parent->n_steps; i++) {
		const struct hi_step *step = &parent->steps[i];

		if (step->insn.flow != HI_FLOW_CALL)
			flow_to(flow,
				hi_flow_step_at(flow, step->insn.target_link),
				&step->in);
	}
}

bool hi_flow_decode(struct hi_tls_flow *flow, struct hi_decoder *decoder)
{
	size_t len = flow->end_link - flow->start_link;

	for (size_t at = 0; at < len;) {
		struct hi_step *step = &flow->steps[flow->n_steps];
		const uint8_t *bytes = flow->bytes + at;
		uint64_t addr = flow->start_link + at;
		struct hi_insn insn;

		if (!hi_insn_measure(bytes, len - at, addr, &insn))
			return false;
		/* what only measures is a newer vector instruction: it writes
		   no general register that a base could be in */
		if (!hi_decoder_next(decoder, bytes, len - at, addr,
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

int hi_flow_init(struct hi_tls_flow *flow, const struct hi_image *image,
		 const struct hi_region *region,
		 const struct hi_tls_flow *parent, struct hi_err *err)
{
	size_t len = region->end_link - region->start_link;
	size_t n_bases = parent ? parent->n_bases : 0;

	memset(flow, 0, sizeof(*flow));
	flow->start_link = region->start_link;
	flow->end_link = region->end_link;
	flow->bytes = hi_image_find_bytes(image, region->start_link, len);
	flow->steps = calloc(len + 1, sizeof(struct hi_step));
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

void hi_flow_done(struct hi_tls_flow *flow)
{
	free(flow->steps);
	free(flow->index);
	free(flow->queue);
	free(flow->bases);
}
