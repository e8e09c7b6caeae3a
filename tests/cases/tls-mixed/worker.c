/*
 * Thread-locals of one module, some kept and some new. Where a function reaches
 * all of its own by one call for the module, it cannot reach both: build 2 has the
 * new ones in functions of their own, build 3 among the kept ones; in build 4, the
 * order is another one.
 */
#include <stdio.h>

#include "worker.h"

#define APART __attribute__((noinline))

#if BUILD >= 2
static __thread int added = 30;
static __thread int added_too = 40;
#endif
#if BUILD == 4
static __thread long unused[4];
static __thread int second = 20;
static __thread int first = 10;
#else
static __thread int first = 10;
static __thread int second = 20;
#endif

static APART int count_kept(void)
{
	first++;
	second++;
#if BUILD == 3
	added++;
	added_too++;
#endif
	return first * 100 + second;
}

#if BUILD >= 2
static APART int count_added(void)
{
#if BUILD != 3
	added++;
	added_too++;
#endif
	return added * 100 + added_too;
}
#endif

void worker_answer(const char *question, char *answer, size_t len)
{
	int kept = count_kept();

	(void)question;

#if BUILD >= 2
	snprintf(answer, len, "value=%d added=%d", kept, count_added());
#else
	snprintf(answer, len, "value=%d", kept);
#endif
#if BUILD == 4
	unused[0]++;
#endif
}
