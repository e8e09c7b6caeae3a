/*
 * Arrays without a gap between them, walked by pointers that end one behind and
 * one before. Build 2 puts other variables in between, build 3 is as build 1.
 */
#include <stdio.h>

#include "worker.h"

enum { N = 8 };

/* In one section, so that the order is this one. */
#define PLACED __attribute__((section(".data.placed"), aligned(32)))

static PLACED int first[N] = { 1, 1, 1, 1, 1, 1, 1, 1 };
#if BUILD == 2
static PLACED int between[N] = { 9, 9, 9, 9, 9, 9, 9, 9 };
#endif
static PLACED int second[N] = { 2, 2, 2, 2, 2, 2, 2, 2 };
#if BUILD == 2
static PLACED int behind[N] = { 9, 9, 9, 9, 9, 9, 9, 9 };
#endif
static PLACED int third[N] = { 3, 3, 3, 3, 3, 3, 3, 3 };

static __attribute__((noinline)) void go_up(int by)
{
	for (int *p = first; p != first + N; p++)
		*p += by;
	for (int *p = second; p != second + N; p++)
		*p += by;
	for (int *p = third; p != third + N; p++)
		*p += by;
}

static __attribute__((noinline)) int go_down(void)
{
	int sum = 0;

	for (int *p = first + N - 1; p != first - 1; p--)
		sum += *p;
	for (int *p = second + N - 1; p != second - 1; p--)
		sum += *p;
	for (int *p = third + N - 1; p != third - 1; p--)
		sum += *p;
	return sum;
}

void worker_answer(const char *question, char *answer, size_t len)
{
	go_up(1);
#if BUILD == 2
	for (int *p = between; p != between + N; p++)
		between[0] += p != behind;
#endif
	snprintf(answer, len, "%s=%d,%d,%d sum=%d build=%d", question,
		 first[N - 1], second[0], third[N - 1], go_down(), BUILD);
}
