/*
 * Tables that are indexed from far behind their start: the compiler folds the first
 * index into the address, which then is not in writable data at all. Build 2 has the
 * same layout, build 3 another one, build 4 only reads such a table, and what it reads
 * might be a constant.
 */
#include <stdio.h>
#include <string.h>

#include "worker.h"

enum { FIRST = 1900, N = 64 };

#if BUILD == 3
static int more[2 * N];
#endif
static __attribute__((used)) int years[N] = { 1, 1, 1 };

/* noipa: as in another file */
__attribute__((noipa)) static void mark(int from, int to)
{
	for (int year = from; year < to; year++)
		years[year - FIRST] = year;
}

#if BUILD != 4
__attribute__((noipa)) static int count(int from, int to)
{
	int sum = 0;

	for (int year = from; year < to; year++)
		sum += years[year - FIRST];
	return sum;
}
#else
__attribute__((noipa)) static int count(int from, int to)
{
	const int *table;
	int sum = 0;

	/* as gcc -O0 has it for "years + 1 - FIRST" */
	__asm__("lea years-7596(%%rip), %0" : "=r"(table));
	for (int year = from; year < to; year++)
		sum += table[year];
	return sum;
}
#endif

void worker_answer(const char *question, char *answer, size_t len)
{
	int sum = 0;

	mark(FIRST + BUILD, FIRST + 3 + BUILD);
	for (int i = 0; i < N - 1; i++)
		sum += years[i];
	years[N - 1]++;
#if BUILD == 3
	more[strlen(question) % (2 * N)]++;
#endif
	snprintf(answer, len, "years=%d calls=%d count=%d", sum, years[N - 1],
		 count(FIRST, FIRST + N - 1));
	(void)question;
}
