#include <stdio.h>

#include "worker.h"

int value(void)
{
	return BUILD;
}

#if BUILD == 1
int only_in_one(void)
{
	return 1;
}
int variable_in_one = 1;
#endif

#if BUILD >= 2
int only_later(void)
{
	return 100 * BUILD;
}
#endif

#if BUILD == 3
static int helper(void)
{
	return value();
}
#define value helper
#endif

void worker_answer(const char *question, char *text, size_t len)
{
#if BUILD == 1
	snprintf(text, len, "%s=%d", question, value());
#else
	snprintf(text, len, "%s=%d later=%d", question, value(), only_later());
#endif
}
