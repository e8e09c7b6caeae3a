/* Reaches each function in one way, which it took before the first reload. */
#include <dlfcn.h>
#include <stdio.h>

#include "worker.h"

static worker_function volatile initialised = by_initialiser;
static const struct api const_table = { by_const_initialiser };
static const struct api *volatile const_pointer = &const_table;

int wrapped(void)
{
	return -1;
}

static worker_function find(void *where, const char *name)
{
	return (worker_function)dlsym(where, name);
}

int main(void)
{
	void *handle = dlopen("libworker.so", RTLD_NOW | RTLD_NOLOAD);
	worker_function volatile taken = by_taken_address;
	worker_function kept = find(handle, "by_dlsym");
	worker_function kept_default = find(RTLD_DEFAULT, "inner");
	worker_function next = find(RTLD_NEXT, "wrapped");
	worker_function table = worker_api()->first;
	worker_function given = worker_callback();
	char question[100];

	while (fgets(question, sizeof(question), stdin)) {
		printf("plt=%d initialiser=%d", by_plt(), initialised());
		printf(" const_initialiser=%d", const_pointer->first());
		printf(" taken=%d", taken());
		printf(" kept=%d fresh=%d", kept(), find(handle, "inner")());
		printf(" default=%d", kept_default());
		printf(" next=%d next_fresh=%d", next(),
		       find(RTLD_NEXT, "wrapped")());
		printf(" table=%d given=%d", table(), given());
		printf(" same_given=%d", given == worker_callback());
		printf(" same_plt=%d", find(RTLD_DEFAULT, "by_plt") == by_plt);
		/* the wrapper is asked for by name, and the worker calls it */
		printf(" wrapper=%d", find(RTLD_DEFAULT, "wrapped")());
		printf(" wrapped=%d", find(handle, "wrapped")());
		printf(" wrapper_inside=%d\n", worker_call_wrapped());
		fflush(stdout);
	}
	return 0;
}
