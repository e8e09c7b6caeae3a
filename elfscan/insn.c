#include "elfscan/insn.h"

#include <capstone/capstone.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/insn_parts.h"

int hi_decoder_new(struct hi_decoder **ret_decoder, struct hi_err *err)
{
	struct hi_decoder *decoder = calloc(1, sizeof(*decoder));
	cs_err code;

	if (!decoder)
		return hi_fail(err, HI_E_NOMEM, "disassembler: out of memory");
	code = cs_open(CS_ARCH_X86, CS_MODE_64, &decoder->handle);
	if (code == CS_ERR_OK)
		code = cs_option(decoder->handle, CS_OPT_DETAIL, CS_OPT_ON);
	if (code == CS_ERR_OK) {
		decoder->insn = cs_malloc(decoder->handle);
		if (!decoder->insn)
			code = CS_ERR_MEM;
	}
	if (code != CS_ERR_OK) {
		hi_decoder_free(decoder);
		return hi_fail(err, HI_E_INTERNAL,
			       "disassembler: cannot start: %s",
			       cs_strerror(code));
	}
	*ret_decoder = decoder;
	return 0;
}

void hi_decoder_free(struct hi_decoder *decoder)
{
	if (!decoder)
		return;
	if (decoder->insn)
		cs_free(decoder->insn, 1);
	if (decoder->handle)
		cs_close(&decoder->handle);
	free(decoder);
}

/* Capstone's names of the general registers, whole and in parts. */
static const uint16_t general[16][5] = {
	{ X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH },
	{ X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH },
	{ X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH },
	{ X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH },
	{ X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL },
	{ X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL },
	{ X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL },
	{ X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL },
	{ X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B },
	{ X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B },
	{ X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B },
	{ X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B },
	{ X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B },
	{ X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B },
	{ X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B },
	{ X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B },
};

static uint8_t register_number(uint16_t reg)
{
	for (uint8_t n = 0; n < 16; n++)
		for (int part = 0; part < 5; part++)
			if (general[n][part] && general[n][part] == reg)
				return n;
	return HI_REG_NONE;
}

uint8_t hi_insn_register_number(uint16_t reg)
{
	return register_number(reg);
}

static uint8_t whole_register(const cs_x86_op *op)
{
	return op->type == X86_OP_REG && op->size == 8 ?
		       register_number(op->reg) :
		       HI_REG_NONE;
}

static enum hi_flow flow_of(const cs_insn *insn)
{
	switch (insn->id) {
	case X86_INS_CALL:
	case X86_INS_LCALL:
		return HI_FLOW_CALL;
	case X86_INS_JMP:
	case X86_INS_LJMP:
		return HI_FLOW_JUMP;
	case X86_INS_RET:
	case X86_INS_RETF:
	case X86_INS_RETFQ:
	case X86_INS_IRET:
	case X86_INS_IRETD:
	case X86_INS_IRETQ:
	case X86_INS_HLT:
	case X86_INS_UD0:
	case X86_INS_UD2:
	case X86_INS_UD2B:
		return HI_FLOW_END;
	case X86_INS_LOOP:
	case X86_INS_LOOPE:
	case X86_INS_LOOPNE:
	case X86_INS_XBEGIN:
	case X86_INS_JRCXZ:
	case X86_INS_JECXZ:
	case X86_INS_JAE:
	case X86_INS_JA:
	case X86_INS_JBE:
	case X86_INS_JB:
	case X86_INS_JE:
	case X86_INS_JGE:
	case X86_INS_JG:
	case X86_INS_JLE:
	case X86_INS_JL:
	case X86_INS_JNE:
	case X86_INS_JNO:
	case X86_INS_JNP:
	case X86_INS_JNS:
	case X86_INS_JO:
	case X86_INS_JP:
	case X86_INS_JS:
		return HI_FLOW_BRANCH;
	default:
		return HI_FLOW_NEXT;
	}
}

static void fill_insn(const cs_insn *from, struct hi_insn *to)
{
	const cs_x86 *x86 = &from->detail->x86;

	memset(to, 0, sizeof(*to));
	to->addr_link = from->address;
	to->len = from->size;
	to->flow = flow_of(from);
	to->is_lea = from->id == X86_INS_LEA;
	to->is_nop = from->id == X86_INS_NOP || from->id == X86_INS_INT3;
	to->is_endbr64 = from->id == X86_INS_ENDBR64;
	if (x86->encoding.modrm_offset && x86->modrm >> 6 != 3 &&
	    (x86->modrm & 7) == 4)
		to->sib_offset = x86->encoding.modrm_offset + 1;
	to->disp_offset = x86->encoding.disp_offset;
	/* capstone 4 says 2 for an operand-size prefix; 64-bit mode has no
	   16-bit displacement */
	to->disp_len = x86->encoding.disp_size == 2 ? 4 :
						      x86->encoding.disp_size;
	to->imm_offset = x86->encoding.imm_offset;
	/* capstone 4 says 4 for rorx's 8 bits; an immediate stands last */
	to->imm_len = to->imm_offset ? to->len - to->imm_offset : 0;
	for (int i = 0; i < x86->op_count; i++) {
		const cs_x86_op *op = &x86->operands[i];

		if (op->type == X86_OP_MEM && op->mem.base == X86_REG_RIP) {
			to->rip_relative = true;
			to->data_link =
				from->address + from->size + op->mem.disp;
		}
		if (op->type == X86_OP_IMM && to->flow != HI_FLOW_NEXT &&
		    to->flow != HI_FLOW_END)
			to->target_link = op->imm;
	}
}

static void fill_moves(const cs_insn *insn, struct hi_effect *effect)
{
	const cs_x86_op *to = &insn->detail->x86.operands[0];
	const cs_x86_op *from = &insn->detail->x86.operands[1];

	if (insn->detail->x86.op_count != 2)
		return;
	if (insn->id == X86_INS_MOV && from->type == X86_OP_REG &&
	    to->type == X86_OP_REG) {
		effect->copy_from = whole_register(from);
		effect->copy_to = whole_register(to);
	} else if (insn->id == X86_INS_MOV && to->type == X86_OP_MEM) {
		effect->store_from = whole_register(from);
	} else if (insn->id == X86_INS_MOV && from->type == X86_OP_MEM) {
		effect->load_to = whole_register(to);
	} else if (insn->id == X86_INS_ADD && from->type != X86_OP_MEM) {
		effect->add_to = whole_register(to);
		effect->add_from = whole_register(from);
	}
}

static void fill_effect(const struct hi_decoder *decoder,
			struct hi_effect *effect)
{
	const cs_insn *insn = decoder->insn;
	const cs_x86 *x86 = &insn->detail->x86;
	cs_regs reads, writes;
	uint8_t n_reads = 0, n_writes = 0;

	memset(effect, 0, sizeof(*effect));
	effect->base_reg = effect->index_reg = HI_REG_NONE;
	effect->copy_from = effect->copy_to = HI_REG_NONE;
	effect->store_from = effect->load_to = effect->add_to = HI_REG_NONE;
	effect->add_from = HI_REG_NONE;
	if (cs_regs_access(decoder->handle, insn, reads, &n_reads, writes,
			   &n_writes) != CS_ERR_OK)
		effect->writes = 0xffff;
	for (uint8_t i = 0; i < n_writes; i++) {
		uint8_t n = register_number(writes[i]);

		if (n != HI_REG_NONE)
			effect->writes |= 1u << n;
	}
	for (int i = 0; i < x86->op_count; i++) {
		const cs_x86_op *op = &x86->operands[i];

		if (op->type != X86_OP_MEM)
			continue;
		effect->base_reg = register_number(op->mem.base);
		effect->index_reg = register_number(op->mem.index);
	}
	fill_moves(insn, effect);
}

int hi_decoder_next(struct hi_decoder *decoder, const uint8_t *bytes,
		    size_t len, uint64_t addr_link, struct hi_insn *ret_insn,
		    struct hi_effect *ret_effect)
{
	uint64_t address = addr_link;

	if (!cs_disasm_iter(decoder->handle, &bytes, &len, &address,
			    decoder->insn))
		return 0;
	fill_insn(decoder->insn, ret_insn);
	if (ret_effect)
		fill_effect(decoder, ret_effect);
	return ret_insn->len;
}

static void fill_operand(const cs_x86_op *op, struct hi_operand *operand)
{
	operand->index = HI_REG_NONE;
	switch (op->type) {
	case X86_OP_REG:
		operand->kind = HI_OPERAND_REG;
		operand->reg = whole_register(op);
		break;
	case X86_OP_IMM:
		operand->kind = HI_OPERAND_CONST;
		operand->value = op->imm;
		break;
	case X86_OP_MEM:
		operand->kind = HI_OPERAND_MEM;
		operand->reg = register_number(op->mem.base);
		operand->index = register_number(op->mem.index);
		/* many addresses at once, or one in another segment */
		operand->scattered = (op->mem.index != X86_REG_INVALID &&
				      operand->index == HI_REG_NONE) ||
				     op->mem.segment != X86_REG_INVALID;
		operand->scale = (uint8_t)op->mem.scale;
		operand->value = op->mem.disp;
		break;
	default:
		break;
	}
}

/* mov to the lower half clears the upper one: a whole constant. */
static bool moves_constant(const cs_insn *insn)
{
	const cs_x86_op *ops = insn->detail->x86.operands;

	return (insn->id == X86_INS_MOV || insn->id == X86_INS_MOVABS) &&
	       ops[0].type == X86_OP_REG && ops[0].size >= 4 &&
	       ops[1].type == X86_OP_IMM;
}

static enum hi_verb verb_of(const cs_insn *insn)
{
	const cs_x86 *x86 = &insn->detail->x86;
	const cs_x86_op *to = &x86->operands[0], *from = &x86->operands[1];

	if (x86->op_count != 2)
		return HI_VERB_OTHER;
	if (insn->id == X86_INS_XOR && to->type == X86_OP_REG &&
	    from->type == X86_OP_REG && to->reg == from->reg && to->size >= 4)
		return HI_VERB_ZERO;
	if (moves_constant(insn))
		return HI_VERB_MOVE;
	if (to->size != 8)
		return HI_VERB_OTHER;
	switch (insn->id) {
	case X86_INS_MOV:
		return HI_VERB_MOVE;
	case X86_INS_ADD:
		return HI_VERB_ADD;
	case X86_INS_SUB:
		return HI_VERB_SUB;
	case X86_INS_CMP:
		return HI_VERB_COMPARE;
	default:
		return insn->id >= X86_INS_CMOVA && insn->id <= X86_INS_CMOVS ?
			       HI_VERB_CHOOSE :
			       HI_VERB_OTHER;
	}
}

static uint16_t register_bits(const uint16_t *regs, uint8_t n)
{
	uint16_t bits = 0;

	for (uint8_t i = 0; i < n; i++) {
		uint8_t number = register_number(regs[i]);

		if (number != HI_REG_NONE)
			bits |= 1u << number;
	}
	return bits;
}

/* Capstone's bits for flags that are only looked at. */
#define FLAGS_TESTED                                                    \
	(X86_EFLAGS_TEST_OF | X86_EFLAGS_TEST_SF | X86_EFLAGS_TEST_ZF | \
	 X86_EFLAGS_TEST_PF | X86_EFLAGS_TEST_CF | X86_EFLAGS_TEST_NT | \
	 X86_EFLAGS_TEST_DF | X86_EFLAGS_TEST_RF | X86_EFLAGS_TEST_IF | \
	 X86_EFLAGS_TEST_TF | X86_EFLAGS_TEST_AF)

static void fill_action(const struct hi_decoder *decoder,
			struct hi_action *action)
{
	const cs_insn *insn = decoder->insn;
	const cs_x86 *x86 = &insn->detail->x86;
	cs_regs reads, writes;
	uint8_t n_reads = 0, n_writes = 0;

	memset(action, 0, sizeof(*action));
	if (cs_regs_access(decoder->handle, insn, reads, &n_reads, writes,
			   &n_writes) == CS_ERR_OK) {
		action->reads = register_bits(reads, n_reads);
		action->writes = register_bits(writes, n_writes);
	} else {
		action->reads = action->writes = 0xffff;
	}
	for (int i = 0; i < x86->op_count; i++) {
		const cs_x86_op *op = &x86->operands[i];

		if (op->type != X86_OP_MEM)
			continue;
		fill_operand(op, &action->memory);
		/* capstone 4 says so of bt, too */
		action->writes_memory = op->access & CS_AC_WRITE &&
					insn->id != X86_INS_BT;
	}
	if (x86->op_count > 0)
		fill_operand(&x86->operands[0], &action->to);
	if (x86->op_count > 1)
		fill_operand(&x86->operands[1], &action->from);
	action->sets_flags = (x86->eflags & ~FLAGS_TESTED) != 0;
	action->verb = verb_of(insn);
	if (action->verb == HI_VERB_ZERO || moves_constant(insn))
		action->to.reg = register_number(x86->operands[0].reg);
	if (moves_constant(insn) && x86->operands[0].size == 4)
		action->from.value &= 0xffffffff;
	if ((insn->id == X86_INS_INC || insn->id == X86_INS_DEC) &&
	    x86->operands[0].size == 8) {
		action->verb = HI_VERB_ADD;
		action->from.kind = HI_OPERAND_CONST;
		action->from.value = insn->id == X86_INS_INC ? 1 : -1;
	}
}

int hi_decoder_explain(struct hi_decoder *decoder, const uint8_t *bytes,
		       size_t len, uint64_t addr_link, struct hi_insn *ret_insn,
		       struct hi_action *ret_action)
{
	int n = hi_decoder_next(decoder, bytes, len, addr_link, ret_insn, NULL);

	if (n > 0)
		fill_action(decoder, ret_action);
	return n;
}
