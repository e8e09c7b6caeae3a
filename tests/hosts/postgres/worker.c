/* A C function of SQL: PostgreSQL keeps its address once it has looked it up. */
#include <postgres.h>
#include <fmgr.h>
#include <utils/builtins.h>

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(answer);

static long n_calls;
static __thread long n_on_thread;

#if BUILD >= 3
static __attribute__((noipa)) long twice(long n)
{
	return 2 * n;
}
#endif

Datum answer(PG_FUNCTION_ARGS)
{
	char *text;

	(void)fcinfo;
	n_calls++;
	n_on_thread++;
#if BUILD >= 3
	text = psprintf("answer=%d calls=%ld thread=%ld twice=%ld", BUILD,
			n_calls, n_on_thread, twice(n_calls));
#else
	text = psprintf("answer=%d calls=%ld thread=%ld", BUILD, n_calls,
			n_on_thread);
#endif
	PG_RETURN_TEXT_P(cstring_to_text(text));
}
