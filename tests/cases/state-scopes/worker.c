/*
 * Static variables of one name and size that only their functions tell apart: gcc
 * numbers them anew. Build 2 has the functions in another order; in build 3, one
 * is gone and another is new; build 4 has the old one again.
 */
#include <stdio.h>

#include "worker.h"

#define COUNT_FROM(name, start)                         \
	static __attribute__((noinline)) int name(void) \
	{                                               \
		static int count = start;               \
                                                        \
		return ++count;                         \
	}

#if BUILD == 2
COUNT_FROM(count_third, 300)
COUNT_FROM(count_second, 200)
COUNT_FROM(count_first, 100)
#elif BUILD == 3
COUNT_FROM(count_fourth, 400)
COUNT_FROM(count_second, 200)
COUNT_FROM(count_third, 300)
#else
COUNT_FROM(count_first, 100)
COUNT_FROM(count_second, 200)
COUNT_FROM(count_third, 300)
#endif

void worker_answer(const char *question, char *answer, size_t len)
{
	int second = count_second(), third = count_third();

#if BUILD == 3
	snprintf(answer, len, "%s=%d second=%d third=%d fourth=%d", question,
		 BUILD, second, third, count_fourth());
#else
	snprintf(answer, len, "%s=%d second=%d third=%d first=%d", question,
		 BUILD, second, third, count_first());
#endif
}
