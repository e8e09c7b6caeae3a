#include "worker.h"

static long calls;
static __thread long calls_here;

static __attribute__((noinline)) long add(long one, long other)
{
	volatile long sum = one;

	for (int i = 0; i < BUILD; i++)
		sum += i;
	for (int i = 0; i < BUILD; i++)
		sum -= i;
	return sum + other;
}

static __attribute__((noinline)) long times(long n, long factor)
{
	long sum = 0;

	for (long i = 0; i < factor; i++)
		sum = add(sum, n);
	return sum;
}

static long twice(long n)
{
	return add(n, n) + BUILD;
}

int build(void)
{
	calls++;
	calls--;
	return (int)add(BUILD, 0);
}

long count(void)
{
	return ++calls;
}

long count_here(void)
{
	return ++calls_here;
}

callback *get_callback(void)
{
	return twice;
}

long compute(long n)
{
	return add(times(n, 3), 1);
}
