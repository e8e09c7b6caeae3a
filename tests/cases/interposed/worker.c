#include <stdio.h>

#include "worker.h"

__attribute__((noinline)) int value(void)
{
	__asm__ volatile("");
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
