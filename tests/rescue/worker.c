#include "worker.h"

static long all, moved;
static __thread long here;

long work(long n)
{
	return n * STEP + BUILD;
}

static long give_back(long n)
{
	return n * STEP + BUILD;
}

callback *get_callback(void)
{
	return give_back;
}

long count(void)
{
	return ++here;
}

long add(void)
{
	return __atomic_add_fetch(&all, 1, __ATOMIC_RELAXED);
}

long get_all(void)
{
	return __atomic_load_n(&all, __ATOMIC_RELAXED);
}

static void fail(void)
{
#ifdef BAD
	*(volatile long *)8 = BUILD;
#endif
}

long risk(long n)
{
	if (n < 0)
		fail();
	return n < 0 ? 1 : n * STEP + BUILD;
}

#if BUILD == 1
static long early(long n)
{
	return n + 1;
}
#else
static long late(long n)
{
	if (n < 0)
		fail();
	return n + 1;
}
#define early late
#endif

callback *get_late(void)
{
	return early;
}

long hang(void)
{
#ifdef BAD
	/* a loop that begins at the entry would be led to the next build */
	volatile long turns = BUILD;

	for (;;)
		turns++;
#endif
	return 1;
}

long move(void)
{
	fail();
	return ++moved;
}
