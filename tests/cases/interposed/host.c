/*
 * The host wraps a function of the worker and one of libc, both by
 * dlsym(RTLD_NEXT). The worker's own calls go through the wrapper as well.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

#include "worker.h"

int value(void)
{
	static int (*next)(void);

	if (!next)
		next = (int (*)(void))dlsym(RTLD_NEXT, "value");
	return 100 + next();
}

/* In front of a function that has a resolver. */
int picked(void)
{
	return 500;
}

pid_t getppid(void)
{
	pid_t (*next)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "getppid");

	return next == getppid ? 0 : next();
}

int main(void)
{
	char question[100], answer[200];

	while (fgets(question, sizeof(question), stdin)) {
		int (*fresh)(void) = (int (*)(void))dlsym(RTLD_NEXT, "value");

		worker_answer("value", answer, sizeof(answer));
		printf("%s fresh=%d parent=%d\n", answer, fresh(),
		       getppid() > 0);
		fflush(stdout);
	}
	return 0;
}
