/*
 * Reaches the worker on every route that a program has, and answers each line
 * that it reads with one word for each route.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker.h"

static worker_function volatile initialised = by_initialiser;
static worker_function volatile tiny_initialised = tiny_pointer;
/* In .data.rel.ro: read-only once the program runs. */
static const struct api const_table = { by_const_initialiser,
					by_const_initialiser };
static const struct api *volatile const_pointer = &const_table;

static worker_function volatile taken, dlsym_kept, default_kept, next_kept;
static worker_function volatile ifunc_pointer, api_copy;
static worker_function volatile tiny_dlsym;
static const struct api *volatile api;
static const struct api *volatile last_api; /* of the last question */
static void *handle;

static struct {
	const char *name;
	worker_function function;
} callbacks[8];
static int n_callbacks;

static void put(const char *name, worker_function function)
{
	callbacks[n_callbacks].name = name;
	callbacks[n_callbacks++].function = function;
}

static worker_function find(void *where, const char *name)
{
	worker_function function = (worker_function)dlsym(where, name);

	if (!function) {
		printf("no %s\n", name);
		exit(1);
	}
	return function;
}

static void take_addresses(void)
{
	handle = dlopen("libworker.so", RTLD_NOW | RTLD_NOLOAD);
	if (!handle)
		exit(2);
	taken = by_taken_address;
	dlsym_kept = find(handle, "by_dlsym_kept");
	default_kept = find(RTLD_DEFAULT, "by_default_kept");
	next_kept = find(RTLD_NEXT, "by_next_kept");
	ifunc_pointer = by_ifunc_pointer;
	tiny_dlsym = find(handle, "tiny");
	last_api = api = worker_api();
	api_copy = api->first;
	worker_register(put);
	signal(SIGUSR1, worker_on_signal);
}

static void call_imports(void)
{
	worker_function volatile fresh = by_fresh_address;

	printf("plt=%d", by_plt());
	printf(" initialiser=%d", initialised());
	printf(" const_initialiser=%d", const_pointer->first());
	printf(" taken=%d fresh=%d", taken(), fresh());
	printf(" ifunc=%d ifunc_pointer=%d", by_ifunc(), ifunc_pointer());
	printf(" protected=%d alias=%d weak=%d", by_protected(), by_alias(),
	       by_weak());
	printf(" tiny=%d tiny_pointer=%d", tiny() + 1, tiny_initialised() + 1);
}

static void call_found(void)
{
	printf(" dlsym_kept=%d", dlsym_kept());
	printf(" dlsym_fresh=%d", find(handle, "by_dlsym_fresh")());
	printf(" dlsym_ifunc=%d", find(handle, "by_ifunc")());
	printf(" default_kept=%d", default_kept());
	printf(" default_fresh=%d", find(RTLD_DEFAULT, "by_default_fresh")());
	printf(" next_kept=%d", next_kept());
	printf(" next_fresh=%d", find(RTLD_NEXT, "by_dlsym_fresh")());
	printf(" tiny_dlsym=%d", tiny_dlsym() + 1);
}

static void call_inside(void)
{
	printf(" tail_call=%d", through_tail_call());
	printf(" static_tail_call=%d", through_static_tail_call());
	printf(" exported=%d static=%d hidden=%d", through_exported(),
	       through_static(), through_hidden());
	printf(" pointer=%d table=%d", through_pointer(), through_table());
	printf(" recursion=%d", through_recursion());
}

static void call_given(void)
{
	printf(" api=%d api_second=%d", api->first(), api->second());
	printf(" api_last=%d", last_api->first());
	last_api = worker_api();
	printf(" api_copy=%d api_fresh=%d", api_copy(), worker_api()->first());
	for (int i = 0; i < n_callbacks; i++)
		printf(" %s=%d", callbacks[i].name, callbacks[i].function());
	raise(SIGUSR1);
	printf(" signal=%d", worker_signal_seen());
}

static void compare_addresses(void)
{
	int same = 1;

	for (int i = 0; i < n_callbacks; i++)
		same &= worker_knows(callbacks[i].name, callbacks[i].function);
	printf(" same_callbacks=%d", same);
	printf(" same_default=%d", find(RTLD_DEFAULT, "by_plt") == by_plt);
	/*
	 * In a program at a fixed address the function's address is that of
	 * the program's own PLT entry: a protected or symbolic worker and
	 * dlsym(handle) do not know it, with or without a reload.
	 */
#if defined(__PIE__)
	same = find(handle, "by_plt") == by_plt;
#endif
#if defined(SYMBOLIC) && !defined(__PIE__)
	printf(" same_handle=%d same_worker=1", same);
#else
	printf(" same_handle=%d same_worker=%d", same,
	       worker_address() == by_plt);
#endif
}

int main(void)
{
	char question[100];

	take_addresses();
	while (fgets(question, sizeof(question), stdin)) {
		call_imports();
		call_found();
		call_inside();
		call_given();
		compare_addresses();
		printf("\n");
		fflush(stdout);
	}
	return 0;
}
