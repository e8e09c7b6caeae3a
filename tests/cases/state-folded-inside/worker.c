/*
 * Tables that are indexed from far behind their start: the compiler folds the first
 * index into the address, which lands in the midst of another table. Build 2 has
 * another layout; what was there before is found again, and an index to the start of
 * an array is none of this. Build 3 has such an index in a function that did not have
 * it.
 */
#include <stdio.h>

#include "worker.h"

enum { FIRST = 1900, N = 64 };

/* In one section, so that the order is this one. */
#define PLACED __attribute__((section(".data.placed"), aligned(32)))

static PLACED __attribute__((used)) struct {
	int calls;
	int notes[4 * FIRST];
} book = { 1 };
#if BUILD > 1
static PLACED __attribute__((used)) int more[N] = { 1 };
#endif
static PLACED __attribute__((used)) int years[N] = { 1, 1, 1 };

/* noipa: as in another file */
__attribute__((noipa)) static void mark(int from, int to)
{
	for (int year = from; year < to; year++)
		years[year - FIRST] = year;
}

__attribute__((noipa)) static int count(int from, int to)
{
	int sum = 0;

#if BUILD == 3
	for (int year = from; year < to; year++)
		sum ^= year + years[year - FIRST];
#elif BUILD == 2
	for (int year = from; year < to; year++)
		sum += book.notes[year] + years[year - from];
#else
	(void)from;
	(void)to;
#endif
	return sum;
}

void worker_answer(const char *question, char *answer, size_t len)
{
	int sum = 0;

	mark(FIRST + BUILD, FIRST + 3 + BUILD);
	for (int i = 0; i < N; i++)
		sum += years[i];
	snprintf(answer, len, "%s years=%d calls=%d count=%d", question, sum,
		 book.calls++, count(FIRST, FIRST + N));
}
