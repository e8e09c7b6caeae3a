/*
 * A worker whose functions give 1. Those of builds 1 and 3 crash: the one with all
 * that a call may change, the other with as little as possible.
 */
#include "wide.h"

static long *volatile no_place;

/* What a result may be in holds something else. */
#define CRASH()                                                               \
	__asm__ volatile("fninit\n\tfldpi\n\tfldpi\n\tfldpi\n\t" FILL_VECTORS \
			 "mov $-1, %%rax\n\tmov %%rax, %%rdx\n\t"             \
			 "mov %0, %%rcx\n\tmovq $1, (%%rcx)"                  \
			 :                                                    \
			 : "m"(no_place)                                      \
			 : "rax", "rcx", "rdx", "xmm0", "xmm1", "memory")

#define DEFINE(name, type, is)             \
	type wide_##name(void)             \
	{                                  \
		static type value = { 1 }; \
                                           \
		if (BUILD == 3)            \
			*no_place = 1;     \
		else if (BUILD == 1)       \
			CRASH();           \
		return value;              \
	}
WIDE_RESULTS(DEFINE)
