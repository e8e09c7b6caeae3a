#include <stdio.h>

#include "worker.h"

int value(void)
{
	return BUILD;
}

int inner(void)
{
	return value();
}

void worker_answer(const char *question, char *text, size_t len)
{
	snprintf(text, len, "%s=%d inner=%d", question, value(), inner());
}
