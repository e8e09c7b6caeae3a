/*
 * launch - start the host so that it maps the shim, and bring it to the point
 * before its first own instruction.
 *
 * The shim's name is put into LD_PRELOAD not before the execve(2) but after it,
 * in the environment that the kernel has laid on the new program's stack: so a
 * script, or a wrapper that clears its environment, may exec the real host, and every
 * program on the way is treated alike. The program then runs to its ELF entry
 * point: by then ld.so has mapped, relocated and initialised its libraries.
 *
 * Ownership: the caller owns the host that hi_launch() gives.
 * Errors:    HI_E_HOST for a program that cannot be worked with, HI_E_SYS.
 * Threads:   one.
 * Source:    getauxval(3), AT_ENTRY and AT_SECURE; ld.so(8).
 */
#ifndef HI_INJECTOR_LAUNCH_H
#define HI_INJECTOR_LAUNCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "injector/host.h"

/* A breakpoint at the entry point, set at exec and taken away when it is met. */
struct hi_entry_stop {
	bool armed;
	uint64_t entry_remote;
	unsigned char byte; /* that the breakpoint replaced */
	bool leaks; /* the program's address sanitizer will look for leaks at
		       its end, which fails in one that is traced */
};

/*
 * Start PATH with ARGV and the signal mask MASK, seized, in the caller's process
 * group and terminal. The first thing it reports is its exec.
 */
int hi_launch(const char *path, char *const argv[], const sigset_t *mask,
	      struct hi_host **ret_host, struct hi_err *err) HI_MUST_USE;

/*
 * At an exec: add SHIM_PATH to the new program's LD_PRELOAD and arm the entry
 * stop. The thread is held. Fails for a program that cannot be worked with, which is
 * left as it is.
 */
int hi_launch_prepare(struct hi_host *host, struct hi_thread *thread,
		      const char *shim_path, struct hi_entry_stop *ret_entry,
		      struct hi_err *err) HI_MUST_USE;

/*
 * Whether a SIGTRAP of the held thread is the entry stop; if so, the program is
 * as it was, before its first instruction.
 */
bool hi_launch_at_entry(struct hi_host *host, struct hi_thread *thread,
			struct hi_entry_stop *entry);

#endif
