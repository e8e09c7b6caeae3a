/*
 * What tells whether a local object has been made is followed by a new object in build 2:
 * an address there is that of the new one, and never the end of the other.
 */
#include <cstdio>
#include <unistd.h>

#include "worker.h"

struct table {
	int values[3];

	explicit table(int first) : values{ first, first, first }
	{
		values[2] += getpid() < 0;
	}
};

struct counted {
	int value;

	explicit counted(int value) : value(value + (getpid() < 0))
	{
	}
};

#pragma GCC visibility push(hidden)
#if BUILD > 1
inline table added(7);
#endif

inline counted &local()
{
	__attribute__((section(".elsewhere"))) static counted object(30);

	return object;
}
#pragma GCC visibility pop

extern "C" void worker_answer(const char *question, char *answer, size_t len)
{
	int sum = 0;

#if BUILD > 1
	added.values[1]++;
	for (int value : added.values)
		sum += value;
#endif
	snprintf(answer, len, "%s=%d local=%d sum=%d", question, BUILD,
		 ++local().value, sum);
}
