/*
 * insn_parts - what the files of the decoder share.
 *
 * Threads: as insn.
 */
#ifndef HI_ELFSCAN_INSN_PARTS_H
#define HI_ELFSCAN_INSN_PARTS_H

#include <stddef.h>
#include <stdint.h>

struct hi_decoder {
	size_t handle;        /* csh */
	struct cs_insn *insn; /* the one decoded last */
};

/* The number of a general register of capstone's, or of a part of one; or
   HI_REG_NONE. */
uint8_t hi_insn_register_number(uint16_t reg);

#endif
