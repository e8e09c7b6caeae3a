/*
 * uses_parts - what the two halves of uses share; no one else includes it.
 */
#ifndef HI_ELFSCAN_USES_PARTS_H
#define HI_ELFSCAN_USES_PARTS_H

#include "elfscan/insn.h"
#include "elfscan/uses.h"

#define HI_USES_REGS  16
#define HI_USES_SLOTS 32

/* What a register or a slot of the frame holds on the path that is followed. */
struct hi_value {
	enum {
		HI_VALUE_UNKNOWN,
		HI_VALUE_CONST,   /* offset */
		HI_VALUE_ADDRESS, /* the site's target plus offset */
		HI_VALUE_NEAR,    /* the same, the offset is not known */
	} kind;
	bool moved;
	size_t site;
	int64_t offset;
};

struct hi_values {
	struct hi_value regs[HI_USES_REGS];
	struct hi_value slots[HI_USES_SLOTS];
	uint16_t told;  /* bit n: what condition n comes to is known, */
	uint16_t holds; /* and it is true (Intel SDM vol. 1, B.1) */
	/* The same of a constant that was counted or compared: in a later round
	   of a loop it is another one, and the condition may be, too. */
	uint16_t counted;
	uint16_t count_holds;
	struct hi_operand counter;
};

struct hi_use_step {
	struct hi_insn insn;
	struct hi_action action;
	size_t site; /* the address that it takes; HI_USE_NOBODY: none */
	struct hi_values in;
	bool reached;
};

struct hi_use_slot {
	uint8_t reg; /* rsp or rbp */
	int64_t disp;
};

/* The uses of one site while they are collected. */
struct hi_use_list {
	size_t site;
	struct hi_use *uses;
	size_t n;
	size_t cap;
	bool failed;
};

struct hi_uses {
	const struct hi_site *sites;
	const uint8_t *bytes;
	uint64_t start_link;
	uint64_t end_link;
	struct hi_use_step *steps;
	size_t n_steps;
	uint32_t *index; /* byte offset -> step + 1; 0: none starts there */
	struct hi_use_slot slots[HI_USES_SLOTS];
	size_t n_slots;
};

#define HI_USE_NO_CONDITION 16 /* of the flags: loop, jrcxz */

/* The condition that STEP, a branch or a cmov, depends on. */
uint8_t hi_use_condition(const struct hi_uses *uses,
			 const struct hi_use_step *step);
void hi_use_tell(struct hi_values *values, uint8_t condition, bool holds);
/* The constant that VALUES are decided by is not known any more. */
void hi_use_forget_counter(struct hi_uses *uses, struct hi_values *values);

static inline bool hi_value_has_site(const struct hi_value *value)
{
	return value->kind == HI_VALUE_ADDRESS || value->kind == HI_VALUE_NEAR;
}

/* Into LIST, which may be NULL, if VALUE is of its site. */
void hi_use_note(struct hi_use_list *list, const struct hi_value *value,
		 enum hi_use_kind kind);
void hi_use_note_access(struct hi_use_list *list, const struct hi_value *value,
			bool written);
void hi_use_note_pass(struct hi_use_list *list, const struct hi_value *value,
		      const struct hi_use_step *step, uint8_t argument);
void hi_use_note_compare(struct hi_use_list *list, const struct hi_value *a,
			 const struct hi_value *b);

/* Run STEP on VALUES; LIST, which may be NULL, gets what happens to its site. */
void hi_use_step_run(struct hi_uses *uses, const struct hi_use_step *step,
		     struct hi_values *values, struct hi_use_list *list);

#endif
