/*
 * attach - trace a process that runs already: all its threads, and those that it
 * makes meanwhile.
 *
 * Ownership: the caller owns the host that hi_attach() gives.
 * Errors:    HI_E_RIGHTS with the reason why the kernel does not allow it, and what can
 *            be done; HI_E_HOST for a program that cannot be worked with; HI_E_GONE.
 * Threads:   one.
 * Source:    ptrace(2) "Ptrace access mode checking", "/proc/sys/kernel/yama/
 *            ptrace_scope"; proc(5) TracerPid.
 */
#ifndef HI_INJECTOR_ATTACH_H
#define HI_INJECTOR_ATTACH_H

#include "common/err.h"
#include "injector/host.h"

int hi_attach(pid_t pid, struct hi_host **ret_host,
	      struct hi_err *err) HI_MUST_USE;
/* Let go of all threads, which run on; the host is ended for us afterwards. */
void hi_attach_end(struct hi_host *host);
/*
 * Trace a host again of which all threads were let go. HI_E_BUSY: another traces it.
 * After a failure it may be tried again.
 */
int hi_attach_again(struct hi_host *host, struct hi_err *err) HI_MUST_USE;

#endif
