#include "elfscan/insn_clobbers.h"

#include <capstone/capstone.h>
#include <string.h>

#include "elfscan/insn_parts.h"

#define ALIGNED_MIN 16 /* bytes */

/* Capstone's numbers in a row: xmm, ymm and zmm of a number are one register. */
static uint64_t clobber_bit(uint16_t reg)
{
	static const struct {
		uint16_t first, n;
		uint8_t bit;
	} rows[] = {
		{ X86_REG_XMM0, 32, 16 },
		{ X86_REG_YMM0, 32, 16 },
		{ X86_REG_ZMM0, 32, 16 },
		{ X86_REG_K0, 8, 48 },
	};
	uint8_t n = hi_insn_register_number(reg);

	if (n != HI_REG_NONE)
		return (1ULL << n) & HI_CLOBBERS_GENERAL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (reg >= rows[i].first && reg < rows[i].first + rows[i].n)
			return 1ULL << (rows[i].bit + reg - rows[i].first);
	return 0;
}

/* Capstone 4 takes the first operand of some of these for written. */
static bool only_reads(const cs_insn *insn)
{
	static const unsigned int ids[] = {
		X86_INS_CMP,     X86_INS_TEST,     X86_INS_PUSH,
		X86_INS_BT,      X86_INS_NOP,      X86_INS_CALL,
		X86_INS_JMP,     X86_INS_COMISD,   X86_INS_COMISS,
		X86_INS_UCOMISD, X86_INS_UCOMISS,  X86_INS_VCOMISD,
		X86_INS_VCOMISS, X86_INS_VUCOMISD, X86_INS_VUCOMISS,
		X86_INS_PTEST,   X86_INS_VPTEST,   X86_INS_VTESTPS,
		X86_INS_VTESTPD,
	};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (insn->id == ids[i])
			return true;
	/* padding that capstone takes for xchg */
	return insn->size == 2 && !memcmp(insn->bytes, "\x66\x90", 2);
}

/* The only operand is read, and capstone's lists are right. */
static bool multiplies(const cs_insn *insn)
{
	return insn->detail->x86.op_count == 1 &&
	       (insn->id == X86_INS_MUL || insn->id == X86_INS_IMUL ||
		insn->id == X86_INS_DIV || insn->id == X86_INS_IDIV);
}

/* What no operand and no list of capstone 4 tells. */
static uint64_t hidden_clobbers(const cs_insn *insn)
{
	const uint8_t *opcode = insn->detail->x86.opcode;

	switch (insn->id) {
	case X86_INS_SYSCALL:
		return 1u << 0 | 1u << 1 | 1u << 11;
	case X86_INS_VZEROUPPER:
	case X86_INS_VZEROALL:
		return HI_CLOBBERS_VECTOR;
	case X86_INS_SYSENTER:
	case X86_INS_INT:
	case X86_INS_FXRSTOR:
	case X86_INS_FXRSTOR64:
	case X86_INS_XRSTOR:
	case X86_INS_XRSTOR64:
	case X86_INS_XRSTORS:
	case X86_INS_XRSTORS64:
		return HI_CLOBBERS_ALL;
	default:
		break;
	}
	/* movs, cmps, stos, lods, scas: rax, rcx, rsi, rdi; not test */
	if (opcode[0] >= 0xa4 && opcode[0] <= 0xaf && opcode[1] == 0 &&
	    !only_reads(insn))
		return 1u << 0 | 1u << 1 | 1u << 6 | 1u << 7;
	return 0;
}

/* A memory operand that may have to be aligned. */
static bool is_aligned(const cs_insn *insn, const cs_x86_op *op)
{
	return op->type == X86_OP_MEM && op->size >= ALIGNED_MIN &&
	       op->mem.base != X86_REG_RIP && !strstr(insn->mnemonic, "movu") &&
	       !strstr(insn->mnemonic, "movdqu") && insn->id != X86_INS_LDDQU &&
	       insn->id != X86_INS_VLDDQU;
}

/* It is in the function's own frame. */
static bool is_in_frame(const cs_x86_op *op)
{
	return op->mem.base == X86_REG_RSP ||
	       (op->mem.base == X86_REG_RBP && op->mem.disp < 0);
}

/* Capstone 4 does not know of each operand whether it is written: the first one and
   those it knows nothing of are taken for it. */
static uint64_t operand_clobbers(const cs_insn *insn)
{
	const cs_x86 *x86 = &insn->detail->x86;
	bool all = insn->id == X86_INS_XCHG || insn->id == X86_INS_XADD ||
		   strstr(insn->mnemonic, "gather");
	uint64_t bits = 0;

	if (only_reads(insn) || multiplies(insn))
		return 0;
	for (int i = 0; i < x86->op_count; i++) {
		const cs_x86_op *op = &x86->operands[i];

		if (op->type == X86_OP_REG &&
		    (i == 0 || all || op->access != CS_AC_READ))
			bits |= clobber_bit(op->reg);
	}
	return bits;
}

struct hi_clobbers hi_decoder_get_clobbers(const struct hi_decoder *decoder)
{
	const cs_insn *insn = decoder->insn;
	const cs_x86 *x86 = &insn->detail->x86;
	struct hi_clobbers clobbers = { 0, HI_CLOBBERS_ALL };
	cs_regs reads, writes;
	uint8_t n_reads = 0, n_writes = 0;

	if (cs_regs_access(decoder->handle, insn, reads, &n_reads, writes,
			   &n_writes) != CS_ERR_OK)
		return clobbers;
	for (uint8_t i = 0; i < n_writes && !only_reads(insn); i++)
		clobbers.least |= clobber_bit(writes[i]);
	clobbers.most = clobbers.least | operand_clobbers(insn) |
			hidden_clobbers(insn);
	for (int i = 0; i < x86->op_count; i++) {
		if (!is_aligned(insn, &x86->operands[i]))
			continue;
		clobbers.most |= HI_CLOBBERS_STACK;
		if (is_in_frame(&x86->operands[i]))
			clobbers.least |= HI_CLOBBERS_STACK;
	}
	return clobbers;
}
