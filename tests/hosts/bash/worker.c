/* A loadable builtin: bash copies answer_struct into its table of builtins. */
#include <config.h>
#include <stdio.h>
#include "builtins.h"
#include "shell.h"

static long n_calls;
static __thread long n_on_thread;
long n_exported;

#if BUILD >= 3
static __attribute__((noipa)) long twice(long n)
{
	return 2 * n;
}
#endif

static int answer_builtin(WORD_LIST *list)
{
	(void)list;
	n_calls++;
	n_on_thread++;
	n_exported++;
	printf("answer=%d calls=%ld thread=%ld exported=%ld", BUILD, n_calls,
	       n_on_thread, n_exported);
#if BUILD >= 3
	printf(" twice=%ld", twice(n_calls));
#endif
	printf("\n");
	fflush(stdout);
	return EXECUTION_SUCCESS;
}

static char *answer_doc[] = { "Say which build answers.", NULL };

struct builtin answer_struct = {
	"answer", answer_builtin, BUILTIN_ENABLED, answer_doc, "answer", NULL,
};
