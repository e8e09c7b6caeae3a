/*
 * insn - one instruction at a time; the only module that knows capstone.
 *
 * Ownership: hi_decoder_new() gives a decoder that hi_decoder_free() ends.
 * Errors:    HI_E_INTERNAL when capstone cannot start; bytes that do not decode
 *            are no error: hi_decoder_next() returns 0 for them.
 * Threads:   one at a time per decoder.
 */
#ifndef HI_ELFSCAN_INSN_H
#define HI_ELFSCAN_INSN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

enum hi_flow {
	HI_FLOW_NEXT,     /* goes on with the next instruction */
	HI_FLOW_CALL,     /* call; target_link is 0 when it is indirect */
	HI_FLOW_JUMP,     /* unconditional; target_link 0 when indirect */
	HI_FLOW_BRANCH,   /* conditional */
	HI_FLOW_END,      /* ret, ud2, hlt: does not go on */
};

struct hi_insn {
	uint64_t addr_link;
	uint8_t len;
	enum hi_flow flow;
	uint64_t target_link; /* of a direct call, jump or branch */
	bool rip_relative;    /* has a memory operand [rip + disp32] */
	uint64_t data_link;   /* its target */
	uint8_t disp_offset;  /* of the displacement in the instruction, 0: none */
	uint8_t disp_len;     /* 1, 4 or 0 */
	int64_t disp;         /* of any memory operand */
	uint8_t base_reg;     /* capstone register of the memory operand, 0: none */
	uint8_t dest_reg;     /* register that is written by mov/lea, 0: none */
	uint8_t source_reg;   /* register-to-register mov: its source, 0: none */
	bool is_lea;
	bool is_nop;          /* any nop or int3: padding */
	bool is_endbr64;
};

struct hi_decoder;

int hi_decoder_new(struct hi_decoder **ret_decoder,
		   struct hi_err *err) HI_MUST_USE;
void hi_decoder_free(struct hi_decoder *decoder);

/*
 * Decode the instruction at BYTES (LEN available), which runs at ADDR_LINK.
 * Returns its length, 0 when the bytes are no instruction that is known.
 */
int hi_decoder_next(struct hi_decoder *decoder, const uint8_t *bytes, size_t len,
		    uint64_t addr_link, struct hi_insn *ret_insn);

#endif
