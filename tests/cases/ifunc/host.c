/* Calls the worker's functions on every route, and answers what each gave. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "worker.h"

static int (*volatile kept)(void);

int main(void)
{
	void *handle = dlopen("libworker.so", RTLD_NOW | RTLD_NOLOAD);
	int (*volatile found)(void);
	char question[100];

	kept = by_pointer;
	while (handle && fgets(question, sizeof(question), stdin)) {
		found = (int (*)(void))dlsym(handle, "chosen");
		printf("call=%d found=%d", chosen(), found());
		printf(" pointer=%d inside=%d", kept(), through_chosen());
		printf(" given=%d", address_of_chosen()());
		printf(" hidden=%d", through_hidden());
		printf(" one=%d two=%d", shared_one(), shared_two());
		printf(" same=%d", address_of_chosen() == chosen);
		printf(" seen=%d\n", seen_by_constructor());
		fflush(stdout);
	}
	return 0;
}
