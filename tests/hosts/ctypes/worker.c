/* A plain library: its host finds each function with dlsym(). */
#include <stdio.h>

static long n_calls;
static __thread long n_on_thread;
long n_exported;

int number(void)
{
	return BUILD;
}

#if BUILD >= 3
long twice(long n)
{
	return 2 * n;
}
#endif

static int format(char *text, size_t len)
{
#if BUILD >= 3
	return snprintf(text, len, "answer=%d calls=%ld thread=%ld twice=%ld",
			BUILD, n_calls, n_on_thread, twice(n_calls));
#else
	return snprintf(text, len, "answer=%d calls=%ld thread=%ld", BUILD,
			n_calls, n_on_thread);
#endif
}

/* Calls back into the host, which may have been given it long ago. */
int answer(int (*print)(const char *))
{
	char text[200];

	n_calls++;
	n_on_thread++;
	n_exported++;
	format(text, sizeof(text));
	return print(text);
}
