#include "preload/shim.h"

#include <dlfcn.h>
#include <string.h>

#include "preload/dlsym.h"
#include "preload/guarded.h"
#include "preload/load.h"

/* Places in the assembly. */
extern const char hotinject_return[];
extern const char hotinject_syscall[];
extern const char hotinject_hold_registers[];
extern const char hotinject_hold_registers_avx[];
extern const char hotinject_hold_x87[];
extern const char hotinject_hold_x87_pair[];
extern const char hotinject_hold_memory[];

struct hi_shim hi_shim = {
	.magic = HI_SHIM_MAGIC,
	.version = HI_SHIM_VERSION,
	.size = sizeof(struct hi_shim),
};

extern HI_EXPORT struct hi_shim hotinject_shim
	__attribute__((alias("hi_shim")));

/* A frame for rt_sigreturn(2), the largest vector state included. */
#define FIRST_STACK_LEN 32768
static _Alignas(64) unsigned char first_stack[FIRST_STACK_LEN];

#define PRELOAD     "LD_PRELOAD="
#define PRELOAD_LEN (sizeof(PRELOAD) - 1)

/* Where SELF stands in one "LD_PRELOAD=..." entry, as an element of its list. */
static char *find_preload(char *entry, const char *self)
{
	size_t len = strlen(self);
	char *at = entry + PRELOAD_LEN;

	if (strncmp(entry, PRELOAD, PRELOAD_LEN) != 0)
		return NULL;
	while ((at = strstr(at, self)) != NULL) {
		if ((at[-1] == '=' || at[-1] == ':') &&
		    (at[len] == '\0' || at[len] == ':'))
			return at;
		at++;
	}
	return NULL;
}

/*
 * Take the shim out of an entry, and what was added before it: that ends in two
 * colons. The injector wrote that string below the environment, so it may be
 * shortened in place. Returns 0 when nothing else was in it.
 */
static int leave_preload(char *entry, char *at, const char *self)
{
	char *start = at;
	char *rest = at + strlen(self);

	if (at[-1] == ':' && at[-2] == ':')
		start = entry + PRELOAD_LEN;
	if (*rest == ':')
		rest++;
	else if (start[-1] == ':')
		start--;
	memmove(start, rest, strlen(rest) + 1);
	return entry[PRELOAD_LEN] != '\0';
}

/* Of a running program, whose environment is in use, nothing is written. */
static int was_preloaded(char **envp, const char *self)
{
	for (char **entry = envp; *entry; entry++)
		if (find_preload(*entry, self))
			return 1;
	return 0;
}

static void leave_environment(char **envp, const char *self)
{
	char **kept = envp;

	if (!was_preloaded(envp, self))
		return;
	for (char **entry = envp; *entry; entry++) {
		char *at = find_preload(*entry, self);

		if (at && !leave_preload(*entry, at, self))
			continue;
		*kept++ = *entry;
	}
	*kept = NULL;
}

/* glibc hands main()'s arguments to constructors; envp is environ here. */
__attribute__((constructor)) static void start(int argc, char **argv,
					       char **envp)
{
	Dl_info self;

	(void)argc;
	(void)argv;
	hi_shim.spawn_remote = (uintptr_t)hotinject_spawn;
	hi_shim.return_remote = (uintptr_t)hotinject_return;
	hi_shim.syscall_remote = (uintptr_t)hotinject_syscall;
	hi_shim.abandon_remote = (uintptr_t)hotinject_abandon;
	hi_shim.first_stack_remote = (uintptr_t)(first_stack + FIRST_STACK_LEN);
	__builtin_cpu_init();
	hi_shim.hold_registers_remote =
		__builtin_cpu_supports("avx") ?
			(uintptr_t)hotinject_hold_registers_avx :
			(uintptr_t)hotinject_hold_registers;
	hi_shim.hold_x87_remote = (uintptr_t)hotinject_hold_x87;
	hi_shim.hold_x87_pair_remote = (uintptr_t)hotinject_hold_x87_pair;
	hi_shim.hold_memory_remote = (uintptr_t)hotinject_hold_memory;
	hi_guarded_init();
	hi_dlsym_init();
	if (envp && dladdr(&hi_shim, &self) && self.dli_fname)
		leave_environment(envp, self.dli_fname);
}
