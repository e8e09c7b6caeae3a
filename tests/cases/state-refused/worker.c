/*
 * Build 2 makes an array longer, build 3 makes a variable thread-local, build 4
 * only counts in another way.
 */
#include <stdio.h>

#include "worker.h"

#if BUILD == 2
static int table[8];
#else
static int table[4];
#endif

#if BUILD == 3
static __thread int counter = 10;
#else
static int counter = 10;
#endif

void worker_answer(const char *question, char *answer, size_t len)
{
	int sum = 0;

	counter += BUILD;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		sum += ++table[i];
	snprintf(answer, len, "%s=%d counter=%d sum=%d", question, BUILD,
		 counter, sum);
}
