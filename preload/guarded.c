#include "preload/guarded.h"

#include <sys/syscall.h>
#include <unistd.h>

typedef void init_function(int argc, char **argv, char **envp);
typedef uint64_t resolver_function(void);

/* Where hotinject_abandon() and the stand-ins go; one load at a time. */
static void *leave[5];

static struct hi_shim_load *load(void)
{
	return &hi_shim.load;
}

/* In ld.so's order: DT_INIT, then DT_INIT_ARRAY. */
static void run_constructors(void)
{
	extern char **environ;
	static char *no_arguments[] = { NULL };
	uintptr_t base = load()->base_remote;
	const uintptr_t *array = (const void *)(base + load()->init_array_link);

	if (load()->init_link)
		((init_function *)(base + load()->init_link))(0, no_arguments,
							      environ);
	for (uint64_t i = 0; i < load()->n_init_array; i++)
		if (array[i] != 0 && array[i] != (uintptr_t)-1)
			((init_function *)array[i])(0, no_arguments, environ);
}

static void run_resolvers(void)
{
	uint64_t *resolvers = load()->resolvers;
	uint32_t n = load()->n_resolvers;

	for (uint32_t i = 0; i < n && i < HI_SHIM_RESOLVERS_MAX; i++) {
		load()->at_resolver = i;
		resolvers[i] = ((resolver_function *)resolvers[i])();
	}
}

__attribute__((noinline)) enum hi_load_step hi_guarded_run(enum hi_load_go go)
{
	if (__builtin_setjmp(leave))
		return HI_LOAD_FAILED;
	if (go == HI_GO_RESOLVE)
		run_resolvers();
	else
		run_constructors();
	return go == HI_GO_RESOLVE ? HI_LOAD_RESOLVED : HI_LOAD_CONSTRUCTED;
}

bool hi_guarded_is_here(void)
{
	return load()->step == HI_LOAD_RUNNING &&
	       load()->thread == (int32_t)syscall(SYS_gettid);
}

_Noreturn void hotinject_abandon(void)
{
	__builtin_longjmp(leave, 1);
}

_Noreturn void hi_guarded_leave(unsigned int at, int signal)
{
	load()->ended_by = at + 1;
	load()->end_signal = signal;
	hotinject_abandon();
}
