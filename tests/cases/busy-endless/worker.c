/* A frame loop that never returns to the host. */
#include <sched.h>

#define APART __attribute__((noinline))

APART int exported_callee(void)
{
	__asm__ volatile("");
	return BUILD;
}

static APART int static_callee(void)
{
	__asm__ volatile("");
	return BUILD;
}

static APART int pointed_to(void)
{
	__asm__ volatile("");
	return BUILD;
}

static int (*volatile pointer)(void) = pointed_to;

void frame_loop(volatile int *running, volatile int *values)
{
	while (*running) {
		values[0] = exported_callee();
		values[1] = static_callee();
		values[2] = pointer();
		sched_yield();
	}
}
