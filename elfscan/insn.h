/*
 * insn - one instruction at a time.
 *
 * Two readers of the same bytes. hi_insn_measure() knows the encoding only:
 * length, displacement, immediate and branch target, from tables, a few
 * nanoseconds for each instruction; it is what a whole library can be walked
 * with. The decoder knows what instructions mean (which registers they write);
 * it is the only user of capstone and a hundred times slower.
 *
 *     [prefixes] [REX | VEX | EVEX] opcode [ModRM [SIB]] [disp] [imm]
 *                                                  ^     ^      ^
 *                                         sib_offset     |      imm_offset
 *                                                        disp_offset
 *
 * Ownership: hi_decoder_new() gives a decoder that hi_decoder_free() ends.
 * Errors:    HI_E_INTERNAL when capstone cannot start; bytes that do not decode
 *            are no error: both readers return 0 for them.
 * Threads:   hi_insn_measure() is pure; one thread at a time per decoder.
 * Source:    Intel SDM vol. 2, ch. 2 and appendix A; AMD64 APM vol. 3.
 */
#ifndef HI_ELFSCAN_INSN_H
#define HI_ELFSCAN_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define HI_INSN_MAX 15 /* bytes; longer ones fault */

enum hi_flow {
	HI_FLOW_NEXT,   /* goes on with the next instruction */
	HI_FLOW_CALL,   /* call; target_link is 0 when it is indirect */
	HI_FLOW_JUMP,   /* unconditional; target_link 0 when indirect */
	HI_FLOW_BRANCH, /* conditional */
	HI_FLOW_END,    /* ret, ud2, hlt: does not go on */
};

/* What the encoding alone tells. */
struct hi_insn {
	uint64_t addr_link;
	uint64_t target_link; /* of a direct call, jump or branch, else 0 */
	uint64_t data_link;   /* target of [rip + disp32], else 0 */
	enum hi_flow flow;
	uint8_t len;
	uint8_t sib_offset;  /* of the SIB byte, 0: none */
	uint8_t disp_offset; /* of the displacement, 0: none */
	uint8_t disp_len;    /* 1, 4, 8 (moffs) or 0 */
	uint8_t imm_offset;  /* of the immediate or branch distance, 0: none */
	uint8_t imm_len;
	bool rip_relative; /* has a memory operand [rip + disp32] */
	bool is_lea;
	bool is_nop; /* any nop, or int3: padding */
	bool is_endbr64;
	bool is_evex; /* an 8-bit displacement is scaled */
};

/*
 * Measure the instruction at BYTES (LEN available), which runs at ADDR_LINK.
 * Returns its length; 0 when the bytes are no valid opcode of 64-bit mode, are
 * cut off, or mean different things on different makers' processors (a near
 * branch with an operand-size prefix); RET_INSN holds nothing of use then.
 */
int hi_insn_measure(const uint8_t *bytes, size_t len, uint64_t addr_link,
		    struct hi_insn *ret_insn);

#define HI_REG_NONE 0xff

/* What the instruction does with the 16 general registers, by number (rax 0, rcx
   1, rdx 2, rbx 3, rsp 4, rbp 5, rsi 6, rdi 7, r8 ...). */
struct hi_effect {
	uint16_t writes;   /* bit n: register n, or a part of it, is written */
	uint8_t base_reg;  /* of the memory operand, or HI_REG_NONE */
	uint8_t index_reg; /* the same */
	uint8_t copy_from; /* mov between 64-bit registers: its source */
	uint8_t copy_to;   /* and its destination; HI_REG_NONE otherwise */
	uint8_t store_from; /* mov of a 64-bit register to memory: the register */
	uint8_t load_to;    /* mov of 64 bits from memory: the register */
	uint8_t add_to;     /* add to a 64-bit register: the register */
	uint8_t add_from;   /* and what is added; HI_REG_NONE: a constant */
};

enum hi_verb {
	HI_VERB_OTHER,
	HI_VERB_MOVE,    /* 64 bits, or a constant: to = from */
	HI_VERB_ADD,     /* 64 bits: to += from; inc and dec too */
	HI_VERB_SUB,     /* 64 bits: to -= from */
	HI_VERB_COMPARE, /* 64 bits */
	HI_VERB_CHOOSE,  /* cmov: to = from, or as it was */
	HI_VERB_ZERO,    /* xor of a register with itself */
};

struct hi_operand {
	enum {
		HI_OPERAND_NONE,
		HI_OPERAND_REG,
		HI_OPERAND_MEM, /* [reg + index * scale + value] */
		HI_OPERAND_CONST,
	} kind;
	uint8_t reg;   /* number, or HI_REG_NONE: not a whole general one */
	uint8_t index; /* the same */
	uint8_t scale;
	bool scattered; /* a vector of indexes, or a segment: somewhere else */
	int64_t value;
};

/* What the instruction does, operand by operand. */
struct hi_action {
	enum hi_verb verb;
	struct hi_operand to, from;
	struct hi_operand memory; /* the one in memory, whichever it is */
	uint16_t reads;     /* bit n: register n, or a part of it, is read, */
	uint16_t writes;    /* written */
	bool writes_memory; /* the operand "memory" */
	bool sets_flags;
};

struct hi_decoder;

int hi_decoder_new(struct hi_decoder **ret_decoder,
		   struct hi_err *err) HI_MUST_USE;
void hi_decoder_free(struct hi_decoder *decoder);

/*
 * Decode the instruction at BYTES with capstone. Returns its length, 0 when the
 * bytes are no instruction that is known. RET_EFFECT may be NULL. The fields of
 * RET_INSN are the same as those hi_insn_measure() gives, found independently.
 */
int hi_decoder_next(struct hi_decoder *decoder, const uint8_t *bytes,
		    size_t len, uint64_t addr_link, struct hi_insn *ret_insn,
		    struct hi_effect *ret_effect);

/* The same with all that is known of the operands. */
int hi_decoder_explain(struct hi_decoder *decoder, const uint8_t *bytes,
		       size_t len, uint64_t addr_link, struct hi_insn *ret_insn,
		       struct hi_action *ret_action);

#endif
