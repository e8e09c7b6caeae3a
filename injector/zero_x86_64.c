#include "injector/zero_x86_64.h"

#include <string.h>

#include "injector/tracee.h"

/* In the area that XSAVE writes. */
#define FSW_AT    2
#define FTW_AT    4 /* abridged: a bit for each register that is not empty */
#define ST_AT     32
#define ST_LEN    16
#define XMM_AT    160
#define XMM_LEN   16
#define BV_AT     512 /* what is not in its initial state */
#define BV_X87    1ULL
#define YMM_AT    576 /* the upper halves */
#define YMM_LEN   16
#define N_RESULTS 2 /* xmm0, xmm1 */

#define DIRECTION_FLAG 0x400UL
#define TRAP_FLAG      0x100UL
#define STATUS_TOP     11

static void put16(unsigned char *at, unsigned int value)
{
	at[0] = (unsigned char)value;
	at[1] = (unsigned char)(value >> 8);
}

static void empty_x87(struct hi_xstate *xstate, unsigned int n_results)
{
	unsigned int top = (8 - n_results) & 7, tags = 0;
	uint64_t bv;

	/* nor is an exception pending, which the next x87 instruction would
	   raise */
	put16(xstate->bytes + FSW_AT, top << STATUS_TOP);
	for (unsigned int i = 0; i < n_results; i++)
		tags |= 1U << (7 - i);
	put16(xstate->bytes + FTW_AT, tags);
	memset(xstate->bytes + ST_AT, 0, (size_t)n_results * ST_LEN);
	memcpy(&bv, xstate->bytes + BV_AT, sizeof(bv));
	bv |= BV_X87;
	memcpy(xstate->bytes + BV_AT, &bv, sizeof(bv));
}

static void clear_vectors(struct hi_xstate *xstate)
{
	memset(xstate->bytes + XMM_AT, 0, (size_t)N_RESULTS * XMM_LEN);
	if (xstate->len >= YMM_AT + N_RESULTS * YMM_LEN)
		memset(xstate->bytes + YMM_AT, 0, (size_t)N_RESULTS * YMM_LEN);
}

int hi_zero_return(const struct hi_thread *thread,
		   const struct user_regs_struct *regs, unsigned int n_x87,
		   struct hi_err *err)
{
	struct user_regs_struct after = *regs;
	struct hi_xstate xstate;
	int code = hi_tracee_get_xstate(thread->tid, &xstate, err);

	if (code < 0)
		return code;
	empty_x87(&xstate, n_x87);
	clear_vectors(&xstate);
	after.rdx = 0;
	after.orig_rax = (unsigned long long)-1; /* no system call */
	after.eflags &= ~(DIRECTION_FLAG | TRAP_FLAG);
	code = hi_tracee_set_xstate(thread->tid, &xstate, err);
	if (code == 0)
		code = hi_tracee_set_regs(thread->tid, &after, err);
	return code;
}
