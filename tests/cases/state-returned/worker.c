/*
 * Variables that one build lacks. What comes back with the same type has its value;
 * what comes back as something else of the same size is refused.
 */
#include <stdio.h>

#include "worker.h"

struct span {
	int from, to;
};

#if BUILD == 1 || BUILD == 4
static int counter = 10;
#elif BUILD == 3
static float counter = 0.5;
#endif
#if BUILD == 2
static struct span last = { 1, 2 };
#elif BUILD == 5
static struct {
	int to, from;
} last = { 3, 4 };
#elif BUILD == 6
static struct span last = { 5, 6 };
#endif

void worker_answer(const char *question, char *answer, size_t len)
{
	int seen = 0, from = 0;

#if BUILD == 1 || BUILD == 3 || BUILD == 4
	seen = (int)(counter += 1);
#endif
#if BUILD == 2 || BUILD == 5 || BUILD == 6
	from = last.from++;
	last.to++;
#endif
	snprintf(answer, len, "build=%d counter=%d from=%d", BUILD, seen, from);
	(void)question;
}
