/* One instruction's effect on the addresses that are followed. */
#include "elfscan/uses_parts.h"

#define REG_RAX 0
#define REG_RSP 4
#define REG_RBP 5
/* rax, rcx, rdx, rsi, rdi, r8 to r11: psABI 3.2.1 */
#define CALLER_SAVED 0x0fc7
/* rcx, rdx, rsi, rdi, r8, r9: psABI 3.2.3 */
#define ARGUMENTS    0x03c6
#define ON_STACK_MAX 64 /* bytes of arguments that are looked at */

/* The conditions that are true when two equal values were compared. */
#define TRUE_OF_EQUAL 0x665a

static const struct hi_value unknown = { .kind = HI_VALUE_UNKNOWN };

/* Of the function itself rather than handed to it. */
static bool has_own_site(const struct hi_value *value)
{
	return hi_value_has_site(value) && value->site < HI_USE_GIVEN(0);
}

static struct hi_value read_register(const struct hi_values *values, uint8_t n)
{
	return n == HI_REG_NONE ? unknown : values->regs[n];
}

static struct hi_value add_values(const struct hi_value *a,
				  const struct hi_value *b)
{
	struct hi_value sum = unknown;

	if (has_own_site(a) && has_own_site(b))
		return sum;
	if (!hi_value_has_site(a) && !hi_value_has_site(b)) {
		if (a->kind == HI_VALUE_CONST && b->kind == HI_VALUE_CONST) {
			sum.kind = HI_VALUE_CONST;
			sum.offset = (int64_t)((uint64_t)a->offset +
					       (uint64_t)b->offset);
		}
		return sum;
	}
	if (!hi_value_has_site(a) || (has_own_site(b) && hi_value_has_site(a)))
		return add_values(b, a);
	sum = *a;
	sum.moved = true;
	if (b->kind == HI_VALUE_CONST)
		sum.offset =
			(int64_t)((uint64_t)sum.offset + (uint64_t)b->offset);
	else
		sum.kind = HI_VALUE_NEAR;
	return sum;
}

static struct hi_value multiply(struct hi_value value, uint8_t by)
{
	if (by == 1)
		return value;
	if (value.kind != HI_VALUE_CONST)
		return unknown;
	value.offset = (int64_t)((uint64_t)value.offset * by);
	return value;
}

/* What [reg + index * scale + value] comes to. */
static struct hi_value effective(const struct hi_values *values,
				 const struct hi_operand *memory)
{
	struct hi_value base = read_register(values, memory->reg);
	struct hi_value sum = base;

	if (memory->index != HI_REG_NONE) {
		struct hi_value index = multiply(
			read_register(values, memory->index), memory->scale);

		sum = add_values(&base, &index);
		if (memory->reg == HI_REG_NONE)
			sum = index;
	}
	if (memory->scattered && hi_value_has_site(&sum))
		sum.kind = HI_VALUE_NEAR;
	if (hi_value_has_site(&sum) || sum.kind == HI_VALUE_CONST)
		sum.offset = (int64_t)((uint64_t)sum.offset +
				       (uint64_t)memory->value);
	return sum;
}

/* The slot of the frame that MEMORY is; made when MAKE; HI_USES_SLOTS: none. */
static size_t find_slot(struct hi_uses *uses, const struct hi_operand *memory,
			bool make)
{
	if ((memory->reg != REG_RSP && memory->reg != REG_RBP) ||
	    memory->index != HI_REG_NONE || memory->scattered)
		return HI_USES_SLOTS;
	for (size_t i = 0; i < uses->n_slots; i++)
		if (uses->slots[i].reg == memory->reg &&
		    uses->slots[i].disp == memory->value)
			return i;
	if (!make || uses->n_slots == HI_USES_SLOTS)
		return HI_USES_SLOTS;
	uses->slots[uses->n_slots].reg = memory->reg;
	uses->slots[uses->n_slots].disp = memory->value;
	return uses->n_slots++;
}

static struct hi_value read_operand(struct hi_uses *uses,
				    struct hi_values *values,
				    const struct hi_operand *operand)
{
	struct hi_value value = unknown;
	size_t slot;

	switch (operand->kind) {
	case HI_OPERAND_REG:
		return read_register(values, operand->reg);
	case HI_OPERAND_CONST:
		value.kind = HI_VALUE_CONST;
		value.offset = operand->value;
		return value;
	case HI_OPERAND_MEM:
		slot = find_slot(uses, operand, false);
		return slot < HI_USES_SLOTS ? values->slots[slot] : value;
	default:
		return value;
	}
}

/* Slots of a base that moves are no longer found by it. */
static void forget_slots(const struct hi_uses *uses, struct hi_values *values,
			 uint8_t reg)
{
	for (size_t i = 0; i < uses->n_slots; i++)
		if (uses->slots[i].reg == reg)
			values->slots[i] = unknown;
}

static void write_operand(struct hi_uses *uses, struct hi_values *values,
			  const struct hi_operand *operand,
			  const struct hi_value *value,
			  struct hi_use_list *list)
{
	size_t slot;

	if (operand->kind == HI_OPERAND_REG && operand->reg != HI_REG_NONE)
		values->regs[operand->reg] = *value;
	if (operand->kind != HI_OPERAND_MEM)
		return;
	slot = find_slot(uses, operand, hi_value_has_site(value));
	if (slot < HI_USES_SLOTS)
		values->slots[slot] = *value;
	else
		hi_use_note(list, value, HI_USE_STORE);
}

/* A jump through a table goes on where it can't be followed. */
static void lose_all(const struct hi_uses *uses, struct hi_values *values,
		     struct hi_use_list *list)
{
	for (size_t i = 0; i < HI_USES_REGS; i++)
		hi_use_note(list, &values->regs[i], HI_USE_STORE);
	for (size_t i = 0; i < uses->n_slots; i++)
		hi_use_note(list, &values->slots[i], HI_USE_STORE);
}

/* Arguments stand in registers and from rsp on. */
static void call(const struct hi_uses *uses, const struct hi_use_step *step,
		 struct hi_values *values, struct hi_use_list *list)
{
	for (size_t i = 0; i < uses->n_slots; i++)
		if (uses->slots[i].reg == REG_RSP &&
		    uses->slots[i].disp < ON_STACK_MAX)
			hi_use_note_pass(list, &values->slots[i], step,
					 HI_REG_NONE);
	for (uint8_t i = 0; i < HI_USES_REGS; i++) {
		if (ARGUMENTS >> i & 1)
			hi_use_note_pass(list, &values->regs[i], step, i);
		if (CALLER_SAVED >> i & 1)
			values->regs[i] = unknown;
	}
}

/* An instruction that is not known any better: what it reads may go anywhere,
   what it writes may be anything. */
static void run_other(struct hi_uses *uses, const struct hi_use_step *step,
		      struct hi_values *values, struct hi_use_list *list)
{
	const struct hi_action *action = &step->action;
	bool pushes = action->writes >> REG_RSP & 1;
	uint16_t addressing = 0;

	if (action->memory.kind == HI_OPERAND_MEM) {
		size_t slot = find_slot(uses, &action->memory, false);

		if (action->memory.reg != HI_REG_NONE)
			addressing |= 1u << action->memory.reg;
		if (action->memory.index != HI_REG_NONE)
			addressing |= 1u << action->memory.index;
		if (slot < HI_USES_SLOTS && action->to.kind == HI_OPERAND_MEM)
			values->slots[slot] = unknown;
	}
	for (int i = 0; i < HI_USES_REGS; i++) {
		if (action->reads >> i & 1 && !(addressing >> i & 1))
			hi_use_note(list, &values->regs[i],
				    pushes ? HI_USE_PASS : HI_USE_STORE);
		if (action->writes >> i & 1)
			values->regs[i] = unknown;
	}
}

static struct hi_value subtract(const struct hi_value *a,
				const struct hi_value *b)
{
	struct hi_value minus = *b;

	if (has_own_site(b) || (hi_value_has_site(a) && !has_own_site(a)))
		return unknown;
	if (b->kind == HI_VALUE_CONST)
		minus.offset = (int64_t) - (uint64_t)b->offset;
	return add_values(a, &minus);
}

/* Whether two addresses are one, under whatever name. */
static bool is_equal(const struct hi_uses *uses, const struct hi_value *a,
		     const struct hi_value *b)
{
	return a->kind == HI_VALUE_ADDRESS && b->kind == HI_VALUE_ADDRESS &&
	       has_own_site(a) && has_own_site(b) &&
	       uses->sites[a->site].target_link + (uint64_t)a->offset ==
		       uses->sites[b->site].target_link + (uint64_t)b->offset;
}

uint8_t hi_use_condition(const struct hi_uses *uses,
			 const struct hi_use_step *step)
{
	const uint8_t *p =
		uses->bytes + (step->insn.addr_link - uses->start_link);

	/* prefixes; then 70 to 7f, 0f 80 to 8f, or 0f 40 to 4f */
	while (*p == 0x66 || *p == 0xf2 || *p == 0xf3 || *p == 0x2e ||
	       *p == 0x3e || (*p & 0xf0) == 0x40)
		p++;
	if (*p == 0x0f)
		return p[1] & 0xf;
	return (*p & 0xf0) == 0x70 ? *p & 0xf : HI_USE_NO_CONDITION;
}

void hi_use_tell(struct hi_values *values, uint8_t condition, bool holds)
{
	/* each odd condition is the contrary of the even one before it */
	uint8_t contrary = condition ^ 1;

	if (condition == HI_USE_NO_CONDITION)
		return;
	values->told |= 1u << condition | 1u << contrary;
	values->holds &= ~(1u << condition | 1u << contrary);
	values->holds |= 1u << (holds ? condition : contrary);
}

#define CONDITION(n, holds) ((holds) ? 1u << (n) : 2u << (n))
/* Below, equal, below or equal; less, less or equal; and their contraries. */
#define CONDITIONS_OF_COMPARE 0xf0fc
#define CONDITIONS_OF_ZERO    0x0030

/* What follows for the flags when STEP has the constants A and B to compare. */
static void count_compare(struct hi_values *values,
			  const struct hi_use_step *step, int64_t a, int64_t b)
{
	values->counted = CONDITIONS_OF_COMPARE;
	values->count_holds = CONDITION(2, (uint64_t)a < (uint64_t)b) |
			      CONDITION(4, a == b) |
			      CONDITION(6, (uint64_t)a <= (uint64_t)b) |
			      CONDITION(12, a < b) | CONDITION(14, a <= b);
	values->counter = step->action.to;
}

/* The same of adding to, or taking from, a constant. */
static void count_result(struct hi_values *values,
			 const struct hi_use_step *step,
			 const struct hi_value *result)
{
	if (result->kind != HI_VALUE_CONST)
		return;
	values->counted = CONDITIONS_OF_ZERO;
	values->count_holds = CONDITION(4, result->offset == 0);
	values->counter = step->action.to;
}

void hi_use_forget_counter(struct hi_uses *uses, struct hi_values *values)
{
	write_operand(uses, values, &values->counter, &unknown, NULL);
	values->counted = 0;
}

static void run_verb(struct hi_uses *uses, const struct hi_use_step *step,
		     struct hi_values *values, struct hi_use_list *list)
{
	const struct hi_action *action = &step->action;
	struct hi_value to = read_operand(uses, values, &action->to);
	struct hi_value from = read_operand(uses, values, &action->from);

	switch (action->verb) {
	case HI_VERB_MOVE:
		to = from;
		break;
	case HI_VERB_ADD:
		to = add_values(&to, &from);
		count_result(values, step, &to);
		break;
	case HI_VERB_SUB:
		if (hi_value_has_site(&from))
			hi_use_note_compare(list, &to, &from);
		to = subtract(&to, &from);
		count_result(values, step, &to);
		break;
	case HI_VERB_COMPARE:
		hi_use_note_compare(list, &to, &from);
		if (is_equal(uses, &to, &from)) {
			values->told = 0xffff;
			values->holds = TRUE_OF_EQUAL;
		}
		if (to.kind == HI_VALUE_CONST && from.kind == HI_VALUE_CONST)
			count_compare(values, step, to.offset, from.offset);
		return;
	case HI_VERB_CHOOSE:
		if (!(values->holds >> hi_use_condition(uses, step) & 1))
			return;
		to = from;
		break;
	case HI_VERB_ZERO:
		to = unknown;
		to.kind = HI_VALUE_CONST;
		break;
	default:
		return;
	}
	write_operand(uses, values, &action->to, &to, list);
}

static void run_lea(const struct hi_use_step *step, struct hi_values *values)
{
	struct hi_value value = effective(values, &step->action.memory);

	value.moved |= step->action.memory.value != 0;
	if (step->insn.rip_relative)
		value = unknown;
	if (step->site != HI_USE_NOBODY) {
		value.kind = HI_VALUE_ADDRESS;
		value.site = step->site;
	}
	/* half of a register is enough to lose what was there */
	for (int i = 0; i < HI_USES_REGS; i++)
		if (step->action.writes >> i & 1)
			values->regs[i] = unknown;
	if (step->action.to.reg != HI_REG_NONE)
		values->regs[step->action.to.reg] = value;
}

void hi_use_step_run(struct hi_uses *uses, const struct hi_use_step *step,
		     struct hi_values *values, struct hi_use_list *list)
{
	const struct hi_action *action = &step->action;
	bool leaves = step->insn.flow == HI_FLOW_JUMP &&
		      (step->insn.target_link < uses->start_link ||
		       step->insn.target_link >= uses->end_link);

	if (action->memory.kind == HI_OPERAND_MEM && !step->insn.is_lea &&
	    !step->insn.is_nop) {
		struct hi_value at = effective(values, &action->memory);

		hi_use_note_access(list, &at, action->writes_memory);
	}
	if (action->sets_flags || step->insn.flow == HI_FLOW_CALL)
		values->told = values->counted = 0;
	if (step->insn.is_lea)
		run_lea(step, values);
	else if (leaves && !step->insn.target_link)
		lose_all(uses, values, list);
	else if (step->insn.flow == HI_FLOW_CALL || leaves)
		call(uses, step, values, list);
	else if (step->insn.flow == HI_FLOW_END)
		hi_use_note(list, &values->regs[REG_RAX], HI_USE_STORE);
	else if (action->verb == HI_VERB_OTHER)
		run_other(uses, step, values, list);
	else
		run_verb(uses, step, values, list);
	/* a call puts rsp back */
	if (step->insn.flow == HI_FLOW_CALL)
		return;
	if (action->writes >> REG_RSP & 1)
		forget_slots(uses, values, REG_RSP);
	if (action->writes >> REG_RBP & 1)
		forget_slots(uses, values, REG_RBP);
}
