/*
 * tls_flow - what registers and stack slots hold at each instruction of a function
 * that calls __tls_get_addr for the module's block: the block's base, that plus
 * an index, or something else.
 *
 * Values are carried along all branches until nothing changes any more. Registers
 * stay what they are on a jump into the part that the compiler moved away, which
 * is a flow of its own that is entered from its parent.
 *
 * Units:     addresses are link-time.
 * Ownership: hi_flow_init() fills a value that hi_flow_done() ends, also after a
 *            failure.
 * Errors:    HI_E_NOMEM.
 * Source:    x86-64 psABI 1.0 ch. 3.2.1; ELF Handling For Thread-Local Storage.
 */
#ifndef HI_ELFSCAN_TLS_FLOW_H
#define HI_ELFSCAN_TLS_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elfscan/image.h"
#include "elfscan/insn.h"
#include "elfscan/regions.h"

/* What a register or stack slot holds; larger is what a join gives. */
enum {
	HI_VALUE_NOTHING_YET = 0, /* no path has come here */
	HI_VALUE_OTHER = 1,
	HI_VALUE_PERHAPS = 2, /* the base on some paths only */
	HI_VALUE_BASE = 3,    /* HI_VALUE_BASE + 2n: the result of call n */
			      /* HI_VALUE_BASE + 2n + 1: that plus an index */
};

#define HI_FLOW_REGS  16
#define HI_FLOW_SLOTS 16

struct hi_value_set {
	uint16_t at[HI_FLOW_REGS + HI_FLOW_SLOTS];
};

struct hi_step {
	struct hi_insn insn;
	struct hi_effect effect;
	struct hi_value_set in;
	uint16_t made; /* the HI_VALUE_BASE that this call returns, or 0 */
	bool entered;  /* some instruction is known to lead here */
	bool queued;
};

struct hi_stack_slot {
	uint8_t reg; /* rsp or rbp */
	int32_t disp;
};

struct hi_tls_flow {
	const uint8_t *bytes; /* of the region */
	uint64_t start_link;
	uint64_t end_link;
	struct hi_step *steps;
	size_t n_steps;
	uint32_t *index; /* byte offset -> step + 1; 0: none starts there */
	size_t *queue;
	size_t n_queue;
	uint64_t *bases; /* call n -> place of its lea's field */
	size_t n_bases;
	struct hi_stack_slot slots[HI_FLOW_SLOTS];
	size_t n_slots;
	struct hi_value_set elsewhere; /* what landing pads and jump tables see */
};

/* PARENT, or NULL, is the flow of the function that REGION was moved away from. */
int hi_flow_init(struct hi_tls_flow *flow, const struct hi_image *image,
		 const struct hi_region *region,
		 const struct hi_tls_flow *parent,
		 struct hi_err *err) HI_MUST_USE;
void hi_flow_done(struct hi_tls_flow *flow);

/* Disassemble the region; false when an instruction is not known. */
bool hi_flow_decode(struct hi_tls_flow *flow, struct hi_decoder *decoder);
/* Find which instructions are led to by others. */
void hi_flow_mark_entered(struct hi_tls_flow *flow);
/* Begin at the function's entry, or where steps of PARENT jump into it. */
void hi_flow_enter(struct hi_tls_flow *flow);
void hi_flow_enter_from(struct hi_tls_flow *flow,
			const struct hi_tls_flow *parent);
void hi_flow_run(struct hi_tls_flow *flow);

/* The step at ADDR; n_steps when none begins there. */
size_t hi_flow_step_at(const struct hi_tls_flow *flow, uint64_t addr);
bool hi_flow_is_base(uint16_t value);

#endif
