/*
 * sandbox - whether the host has locked itself in, so that it may not, or must
 * not, do what a load asks of it.
 *
 * A seccomp filter may end the process for a call that it does not know. Without
 * CAP_SYS_ADMIN nobody can read it, so a thread that has more filters than hotinject
 * itself (what a container gives both does no harm) is never made to call anything.
 *
 * Errors:    HI_E_RIGHTS with a sentence and a hint.
 * Threads:   no shared state.
 * Source:    seccomp(2); proc(5): Seccomp, Seccomp_filters, Uid of status; root.
 */
#ifndef HI_INJECTOR_SANDBOX_H
#define HI_INJECTOR_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

/* Whether thread TID of process PID is under a filter that hotinject is not. */
bool hi_sandbox_has(pid_t pid, pid_t tid);

/* The sentence about it, for process PID of NAME. Returns HI_E_RIGHTS. */
int hi_sandbox_fail(pid_t pid, const char *name, struct hi_err *err);

/*
 * The sentence for process PID of NAME, whose tracer may no longer read its memory
 * (ptrace(2), access mode): it has become another user, or not dumpable. Returns
 * HI_E_RIGHTS.
 */
int hi_sandbox_fail_closed(pid_t pid, const char *name, struct hi_err *err);

/*
 * Why process PID of NAME cannot open PATH, a file of hotinject's own: another root
 * folder or mount namespace, another user. 0 when nothing is known to stand in
 * the way, else HI_E_RIGHTS.
 */
int hi_sandbox_explain(pid_t pid, const char *name, const char *path,
		       struct hi_err *err);

#endif
