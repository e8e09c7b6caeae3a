#include "elfscan/callsite.h"

#include <string.h>

#include "elfscan/insn_clobbers.h"

#define WINDOW    64 /* bytes, where the entry is not known */
#define STORE_MAX 64 /* bytes that one instruction writes */
#define LOAD_LEN  8

enum { RSP = 4, RDI = 7, N_REGS = 16 };

/* Registers that a call leaves as they are: rbx, rsp, rbp, r12 to r15. */
#define KEPT 0xf038U

/* A number that nobody knows, the origin, and what was added to it. */
struct value {
	unsigned int origin;
	int64_t added;
	bool is_loaded; /* the origin was read at from + from_added */
	unsigned int from;
	int64_t from_added;
};

struct values {
	struct value of[N_REGS];
	unsigned int n_origins;
};

/* --- the stretch before the call ---------------------------------------------- */

struct stretch {
	size_t start, call; /* offsets */
};

static size_t get_window(const struct hi_callsite_code *code)
{
	return code->returns > WINDOW ? code->returns - WINDOW : 0;
}

/* False when no call ends at the return address. */
static bool find_stretch(const struct hi_callsite_code *code, size_t from,
			 struct stretch *ret_stretch)
{
	struct hi_insn insn = { 0 };
	size_t at = from, last = from;

	ret_stretch->start = from;
	while (at < code->returns) {
		last = at;
		if (!hi_insn_measure(code->bytes + at, code->returns - at, at,
				     &insn))
			return false;
		at += insn.len;
		if (at < code->returns && insn.flow != HI_FLOW_NEXT &&
		    insn.flow != HI_FLOW_BRANCH)
			ret_stretch->start = at;
	}
	ret_stretch->call = last;
	return at == code->returns && insn.flow == HI_FLOW_CALL;
}

/* Where jumps lead to, anything may be in the registers. Where it is not known where
   instructions begin, whatever could be a jump counts. */
static void cut_at_labels(const struct hi_callsite_code *code,
			  struct stretch *stretch)
{
	size_t at = code->from_entry ? 0 : get_window(code);
	struct hi_insn insn;

	while (at < code->len) {
		int len = hi_insn_measure(code->bytes + at, code->len - at, at,
					  &insn);

		if (len &&
		    (insn.flow == HI_FLOW_JUMP ||
		     insn.flow == HI_FLOW_BRANCH) &&
		    insn.target_link > stretch->start &&
		    insn.target_link <= stretch->call)
			stretch->start = insn.target_link;
		if (!len && code->from_entry)
			return;
		at += code->from_entry || at >= code->returns ?
			      (size_t)(len ? len : 1) :
			      1;
	}
}

/* --- what registers hold -------------------------------------------------------- */

static void forget(struct values *values, unsigned int reg)
{
	values->of[reg] = (struct value){ .origin = values->n_origins++ };
}

static void forget_all(struct values *values, uint32_t bits)
{
	for (unsigned int reg = 0; reg < N_REGS; reg++)
		if (bits >> reg & 1)
			forget(values, reg);
}

/* Behind the prefixes; *RET_SHORT: addresses have 32 bits. */
static const uint8_t *get_opcode(const uint8_t *bytes, const uint8_t *end,
				 bool *ret_short)
{
	static const uint8_t prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
					    0x66, 0x67, 0xf0, 0xf2, 0xf3 };

	*ret_short = false;
	while (bytes < end - 1 && memchr(prefixes, *bytes, sizeof(prefixes))) {
		*ret_short = *ret_short || *bytes == 0x67;
		bytes++;
	}
	return bytes < end - 1 && (*bytes & 0xf0) == 0x40 ? bytes + 1 : bytes;
}

/* xchg, xadd, cmpxchg: not all that they write is known to be written. */
static bool exchanges(const uint8_t *opcode, const uint8_t *end)
{
	if (*opcode == 0x0f)
		return opcode + 1 < end &&
		       (opcode[1] == 0xb0 || opcode[1] == 0xb1 ||
			opcode[1] == 0xc0 || opcode[1] == 0xc1 ||
			opcode[1] == 0xc7);
	return *opcode == 0x86 || *opcode == 0x87 ||
	       (*opcode >= 0x90 && *opcode <= 0x97);
}

/* movs, stos, ins: into memory that no operand tells. */
static bool is_string_store(uint8_t opcode)
{
	return opcode == 0xa4 || opcode == 0xa5 || opcode == 0xaa ||
	       opcode == 0xab || opcode == 0x6c || opcode == 0x6d;
}

static bool is_push(const uint8_t *opcode, const uint8_t *end)
{
	return (*opcode >= 0x50 && *opcode <= 0x57) || *opcode == 0x68 ||
	       *opcode == 0x6a ||
	       (*opcode == 0xff && opcode + 1 < end &&
		(opcode[1] >> 3 & 7) == 6);
}

static bool is_pop(uint8_t opcode)
{
	return opcode >= 0x58 && opcode <= 0x5f;
}

/* --- memory -------------------------------------------------------------------- */

/* An address of one register and a displacement. */
static bool get_address(const struct values *values,
			const struct hi_operand *memory, struct value *ret)
{
	if (memory->kind != HI_OPERAND_MEM || memory->reg >= N_REGS ||
	    memory->index != HI_REG_NONE || memory->scattered)
		return false;
	*ret = values->of[memory->reg];
	ret->added = (int64_t)((uint64_t)ret->added + (uint64_t)memory->value);
	return true;
}

/* What was read from there is not known to be there any more. WHERE NULL: it may be
   anywhere. */
static void forget_memory(struct values *values, const struct value *where)
{
	for (unsigned int reg = 0; reg < N_REGS; reg++) {
		struct value *value = &values->of[reg];

		if (value->is_loaded && where && value->from == where->origin &&
		    (where->added >= value->from_added + LOAD_LEN ||
		     where->added + STORE_MAX <= value->from_added))
			continue;
		value->is_loaded = false;
	}
}

/* Capstone does not know of every operand whether it is written. */
static bool may_store(const struct hi_insn *insn,
		      const struct hi_action *action)
{
	if (action->memory.kind != HI_OPERAND_MEM || insn->is_lea ||
	    insn->is_nop || action->verb == HI_VERB_COMPARE)
		return false;
	return action->verb == HI_VERB_OTHER ||
	       action->to.kind == HI_OPERAND_MEM;
}

/* --- one instruction --------------------------------------------------------------- */

static void set(struct values *values, const struct hi_insn *insn,
		const struct hi_action *action)
{
	uint8_t to = action->to.reg;
	struct value value = values->of[to], address;
	uint64_t sum = (uint64_t)value.added;

	if (insn->is_lea && get_address(values, &action->memory, &value)) {
		values->of[to] = value;
		return;
	}
	if (action->verb == HI_VERB_MOVE &&
	    action->from.kind == HI_OPERAND_REG && action->from.reg < N_REGS) {
		values->of[to] = values->of[action->from.reg];
		return;
	}
	if (action->verb == HI_VERB_MOVE &&
	    get_address(values, &action->from, &address)) {
		forget(values, to);
		values->of[to].is_loaded = true;
		values->of[to].from = address.origin;
		values->of[to].from_added = address.added;
		return;
	}
	if (action->from.kind == HI_OPERAND_CONST &&
	    (action->verb == HI_VERB_ADD || action->verb == HI_VERB_SUB)) {
		sum = action->verb == HI_VERB_ADD ?
			      sum + (uint64_t)action->from.value :
			      sum - (uint64_t)action->from.value;
		values->of[to].added = (int64_t)sum;
		return;
	}
	forget(values, to);
}

static bool is_known(const struct hi_insn *insn, const struct hi_action *action)
{
	return action->to.kind == HI_OPERAND_REG && action->to.reg < N_REGS &&
	       (insn->is_lea || action->verb == HI_VERB_MOVE ||
		action->verb == HI_VERB_ADD || action->verb == HI_VERB_SUB);
}

static void run(const struct hi_decoder *decoder, const uint8_t *bytes,
		const struct hi_insn *insn, const struct hi_action *action,
		struct values *values)
{
	const uint8_t *end = bytes + insn->len;
	bool is_short;
	const uint8_t *opcode = get_opcode(bytes, end, &is_short);
	uint64_t clobbers = hi_decoder_get_clobbers(decoder).most;
	uint32_t writes = action->writes | (clobbers & HI_CLOBBERS_GENERAL);
	struct value where;

	if (insn->is_nop)
		return;
	if (is_push(opcode, end) && bytes[0] != 0x66) {
		/* what is below the stack was nobody's */
		values->of[RSP].added -= 8;
		return;
	}
	if (may_store(insn, action) || is_string_store(*opcode))
		forget_memory(values,
			      !is_string_store(*opcode) && !is_short &&
					      get_address(values,
							  &action->memory,
							  &where) ?
				      &where :
				      NULL);
	if (is_known(insn, action) && !is_short) {
		set(values, insn, action);
		return;
	}
	if (exchanges(opcode, end))
		writes |= action->reads;
	if (is_pop(*opcode) && bytes[0] != 0x66) {
		values->of[RSP].added += 8;
		/* pop %rsp */
		if (action->to.kind != HI_OPERAND_REG || action->to.reg != RSP)
			writes &= ~(1U << RSP);
	}
	forget_all(values, writes);
}

/* --- the answer ------------------------------------------------------------------- */

/* A register that lasts, and holds ORIGIN and something added. */
static bool find_base(const struct values *values, unsigned int origin,
		      int64_t added, struct hi_callsite *ret_site)
{
	for (unsigned int reg = 0; reg < N_REGS; reg++) {
		if (!(KEPT >> reg & 1) || values->of[reg].origin != origin)
			continue;
		ret_site->base = (uint8_t)reg;
		ret_site->displacement =
			(int64_t)((uint64_t)added -
				  (uint64_t)values->of[reg].added);
		return true;
	}
	return false;
}

static bool find_from(struct hi_decoder *decoder,
		      const struct hi_callsite_code *code, size_t from,
		      struct hi_callsite *ret_site)
{
	struct stretch stretch;
	struct values values = { .n_origins = 0 };
	const struct value *rdi = &values.of[RDI];
	struct hi_insn insn;
	struct hi_action action;

	if (!find_stretch(code, from, &stretch))
		return false;
	cut_at_labels(code, &stretch);
	forget_all(&values, 0xffff);
	for (size_t at = stretch.start; at < stretch.call; at += insn.len) {
		if (!hi_decoder_explain(decoder, code->bytes + at,
					stretch.call - at, at, &insn, &action))
			return false;
		run(decoder, code->bytes + at, &insn, &action, &values);
	}
	ret_site->is_load = false;
	if (find_base(&values, rdi->origin, rdi->added, ret_site))
		return true;
	ret_site->is_load = true;
	return rdi->is_loaded && !rdi->added &&
	       find_base(&values, rdi->from, rdi->from_added, ret_site);
}

static bool is_same(const struct hi_callsite *site,
		    const struct hi_callsite *other)
{
	return site->base == other->base && site->is_load == other->is_load &&
	       site->displacement == other->displacement;
}

/* Wherever decoding begins, it soon meets the true instructions: what is found must be
   the same everywhere. */
static bool find_anywhere(struct hi_decoder *decoder,
			  const struct hi_callsite_code *code,
			  struct hi_callsite *ret_site)
{
	size_t from = get_window(code);
	struct hi_callsite site;
	bool found = false;

	for (; from < code->returns; from++) {
		if (!find_from(decoder, code, from, &site))
			continue;
		if (found && !is_same(&site, ret_site))
			return false;
		*ret_site = site;
		found = true;
	}
	return found;
}

bool hi_callsite_find(struct hi_decoder *decoder,
		      const struct hi_callsite_code *code,
		      struct hi_callsite *ret_site)
{
	struct hi_callsite site = { 0 };
	bool found;

	if (code->returns > code->len || !code->returns)
		return false;
	found = code->from_entry ? find_from(decoder, code, 0, &site) :
				   find_anywhere(decoder, code, &site);
	if (found)
		*ret_site = site;
	return found;
}
