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

/*
 * Take the shim out of one "LD_PRELOAD=..." entry. The injector wrote that
 * string below the environment, so it may be shortened in place. Returns 0
 * when nothing but the shim was in it.
 */
static int leave_preload(char *entry, const char *self)
{
	char *value = strchr(entry, '=') + 1;
	size_t len = strlen(self);

	if (strncmp(value, self, len) != 0)
		return 1;
	if (value[len] == '\0')
		return 0;
	if (value[len] != ':')
		return 1;
	memmove(value, value + len + 1, strlen(value + len + 1) + 1);
	return 1;
}

/* Of a running program, whose environment is in use, nothing is written. */
static int was_preloaded(char **envp, const char *self)
{
	for (char **entry = envp; *entry; entry++)
		if (strncmp(*entry, "LD_PRELOAD=", 11) == 0 &&
		    strncmp(*entry + 11, self, strlen(self)) == 0)
			return 1;
	return 0;
}

static void leave_environment(char **envp, const char *self)
{
	char **kept = envp;

	if (!was_preloaded(envp, self))
		return;
	for (char **entry = envp; *entry; entry++) {
		if (strncmp(*entry, "LD_PRELOAD=", 11) == 0 &&
		    !leave_preload(*entry, self))
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
	hi_shim.hold_registers_remote = (uintptr_t)hotinject_hold_registers;
	hi_shim.hold_x87_remote = (uintptr_t)hotinject_hold_x87;
	hi_shim.hold_x87_pair_remote = (uintptr_t)hotinject_hold_x87_pair;
	hi_shim.hold_memory_remote = (uintptr_t)hotinject_hold_memory;
	hi_guarded_init();
	hi_dlsym_init();
	if (envp && dladdr(&hi_shim, &self) && self.dli_fname)
		leave_environment(envp, self.dli_fname);
}
