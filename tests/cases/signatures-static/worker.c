/*
 * A static function takes one parameter more from build 2 on. What has stored its
 * address calls it as it was.
 */
#include <stdio.h>

#include "worker.h"

static int (*volatile stored)(int);

#if BUILD == 1
__attribute__((noinline)) static int scale(int x)
{
	return x * 2;
}
#else
__attribute__((noinline)) static int scale(int x, int y)
{
	return x * y * BUILD;
}

static int (*volatile now)(int, int) = scale;
#endif

void worker_answer(const char *question, char *text, size_t len)
{
	int direct;

#if BUILD == 1
	direct = scale(7);
	if (!stored)
		stored = scale;
#else
	direct = now(7, 10) + (now == scale ? 0 : 1);
#endif
	snprintf(text, len, "%s stored=%d direct=%d", question, stored(100),
		 direct);
}
