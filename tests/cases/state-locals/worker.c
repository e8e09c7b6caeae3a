/* Static variables of the same name, told apart by their functions. */
#include <stdio.h>

#include "worker.h"

#define APART __attribute__((noinline))

#if BUILD >= 3
static APART int count_new(void)
{
	static int count = 1000;

	return ++count;
}
#endif

static APART int count_first(void)
{
	static int count = 100;

	return ++count;
}

#if BUILD == 2
/* The compiler numbers the variables anew. */
static APART int numbered(int a)
{
	int b = a, c = b, d = c;

	return a + b + c + d;
}
#endif

static APART int count_second(void)
{
	static int count = 200;

	return ++count;
}

static APART int count_third(void)
{
	static int count;

	return ++count;
}

void worker_answer(const char *question, char *answer, size_t len)
{
	int first, second, third, fresh = 0;

#if BUILD == 2
	fresh = numbered(0);
#elif BUILD >= 3
	fresh = count_new();
#endif
#if BUILD == 3
	third = count_third();
	second = count_second();
	first = count_first();
#else
	first = count_first();
	second = count_second();
	third = count_third();
#endif
	snprintf(answer, len, "%s=%d first=%d second=%d third=%d new=%d",
		 question, BUILD, first, second, third, fresh);
}
