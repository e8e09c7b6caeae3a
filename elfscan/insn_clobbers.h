/*
 * insn_clobbers - what an instruction changes of that which a call may change.
 *
 *     bit  0..15   general registers, by number
 *     bit  4       rsp is never changed: it stands for a stack that has to be
 *                  aligned at the entry, as the convention has it
 *     bit 16..47   vector registers
 *     bit 48..55   mask registers
 *
 * The x87 registers are empty at every call (psABI), so nobody relies on them.
 *
 * Threads: one at a time per decoder.
 * Source:  x86-64 psABI 1.0 ch. 3.2; Intel SDM vol. 2.
 */
#ifndef HI_ELFSCAN_INSN_CLOBBERS_H
#define HI_ELFSCAN_INSN_CLOBBERS_H

#include "elfscan/insn.h"

#define HI_CLOBBERS_GENERAL 0x0fc7ULL
#define HI_CLOBBERS_STACK   0x0010ULL
#define HI_CLOBBERS_VECTOR  0x0000ffffffff0000ULL
#define HI_CLOBBERS_MASK    0x00ff000000000000ULL
#define HI_CLOBBERS_REGISTERS \
	(HI_CLOBBERS_GENERAL | HI_CLOBBERS_VECTOR | HI_CLOBBERS_MASK)
#define HI_CLOBBERS_ALL (HI_CLOBBERS_REGISTERS | HI_CLOBBERS_STACK)

struct hi_clobbers {
	uint64_t least; /* changed without doubt */
	uint64_t most;  /* all others stay as they are */
};

/* Of the instruction decoded last; of a call, not what is called. */
struct hi_clobbers hi_decoder_get_clobbers(const struct hi_decoder *decoder);

#endif
