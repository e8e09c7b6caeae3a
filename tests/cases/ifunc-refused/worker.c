/* A resolver that does no good; the answer is the build's number. */
#include "worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef int implementation(void);

#define APART __attribute__((noinline, noclone))

#if BUILD != 8
static APART int good(void)
{
	return BUILD;
}
#endif

#if BUILD == 3
static int deep(int volatile depth)
{
	return depth ? deep(depth + 1) + depth : 0;
}
#elif BUILD == 9
static APART int other(void)
{
	return -BUILD;
}
#endif

__attribute__((used)) static implementation *resolve(void)
{
#if BUILD == 2
	*(int volatile *)8 = 1;
#elif BUILD == 3
	if (deep(1))
		return 0;
#elif BUILD == 4
	for (;;)
		__asm__ volatile("");
#elif BUILD == 5
	exit(3);
#elif BUILD == 6
	raise(SIGTERM);
#elif BUILD == 9
	return other;
#endif
#if BUILD == 8
	return 0;
#else
	return good;
#endif
}

__attribute__((used)) static implementation *resolve_two(void)
{
#if BUILD == 8
	return 0;
#else
	return good;
#endif
}

int resolved(void) __attribute__((ifunc("resolve")));
int two(void) __attribute__((ifunc("resolve_two")));

void worker_answer(const char *question, char *answer, size_t len)
{
	(void)question;
	snprintf(answer, len, "value=%d two=%d", resolved(), two());
}
