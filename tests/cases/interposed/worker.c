#include <stdio.h>

#include "worker.h"

/* Compilers may otherwise know what it returns without calling it. */
static volatile int build = BUILD;

__attribute__((noinline)) int value(void)
{
	return build ? BUILD : 0;
}

int inner(void)
{
	return value();
}

static int picked_here(void)
{
	return BUILD;
}

__attribute__((used)) static int (*pick(void))(void)
{
	return picked_here;
}

int picked(void) __attribute__((ifunc("pick")));

void worker_answer(const char *question, char *text, size_t len)
{
	snprintf(text, len, "%s=%d inner=%d picked=%d", question, value(),
		 inner(), picked());
}
