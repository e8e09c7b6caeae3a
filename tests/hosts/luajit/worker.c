/* Called through the foreign functions of LuaJIT, from the code that it compiles. */
#include <stdio.h>

static long n_calls;
static long n_ticks;
static __thread long n_on_thread;

int number(void)
{
	return BUILD;
}

long tick(void)
{
	return ++n_ticks;
}

#if BUILD >= 3
long twice(long n)
{
	return 2 * n;
}
#endif

int answer(char *text, size_t len)
{
	n_calls++;
	n_on_thread++;
#if BUILD >= 3
	return snprintf(text, len, "answer=%d calls=%ld thread=%ld twice=%ld",
			BUILD, n_calls, n_on_thread, twice(n_calls));
#else
	return snprintf(text, len, "answer=%d calls=%ld thread=%ld", BUILD,
			n_calls, n_on_thread);
#endif
}
