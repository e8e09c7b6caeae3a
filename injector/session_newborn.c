/*
 * What is done to a process that the host has just forked, before another process of
 * ours looks after it.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "injector/fault.h"
#include "injector/session_parts.h"

#define HOLD_TRIES  3
#define SYSCALL_LEN 2

static bool is_restricted(void)
{
	FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	if (file && fscanf(file, "%d", &scope) != 1)
		scope = 0;
	if (file)
		fclose(file);
	return scope == 1 && geteuid() != 0;
}

/* Amid a system call that it is watched at, it cannot make another one. */
static bool hold_between_calls(struct hi_host *host, struct hi_thread *thread)
{
	thread->watched = false;
	for (int i = 0; i < HOLD_TRIES; i++) {
		if (hi_host_hold(host, thread, NULL) < 0)
			return false;
		if (thread->trapped)
			return true;
		hi_host_release(host, thread);
	}
	return false;
}

/*
 * Where only forefathers may trace a process, it says itself that ours, and what this
 * process forks, may, too. True: its first thread is held.
 */
bool hi_session_allow_us(struct session *session, struct hi_host *host)
{
	uint64_t arguments[6] = { PR_SET_PTRACER, (uint64_t)getpid() };
	struct hi_thread *thread = hi_host_find_thread(host, host->pid);
	int64_t no_matter;

	if (!is_restricted() || !session->placed || !thread ||
	    !hold_between_calls(host, thread))
		return false;
	(void)!hi_remote_syscall(host, thread, &session->place, SYS_prctl,
				 arguments, &no_matter, NULL);
	return true;
}

/* clone(2) with CLONE_VM: no host of its own. Where it cannot be told, it is one. */
bool hi_session_shares_memory(const struct session *session, pid_t pid)
{
	const int kcmp_vm = 1;

	return syscall(SYS_kcmp, session->self.host->pid, pid, kcmp_vm, 0L,
		       0L) == 0;
}

/* Its thread does not see the stack that the calls of ours have used. */
static bool can_wait(struct session *session, struct hi_host *host,
		     const struct hi_thread *thread)
{
	return session->placed && thread->tid == host->pid &&
	       !hi_session_shares_memory(session, host->pid) &&
	       (host->mem_fd >= 0 || hi_host_reopen(host, NULL) == 0);
}

/* kill(2) may have been for others as well. */
static bool is_for_all(const struct hi_thread *thread,
		       const struct user_regs_struct *regs)
{
	return ((long)regs->orig_rax == SYS_kill ||
		(long)regs->orig_rax == SYS_rt_sigqueueinfo) &&
	       (pid_t)regs->rdi != thread->tid;
}

/* A signal that the thread has sent itself is to be sent again: the system call is made
   anew. A fault comes of its instruction. */
static int send_again(const struct hi_thread *thread,
		      const struct user_regs_struct *regs)
{
	struct user_regs_struct again = *regs;

	if ((long)regs->orig_rax < 0)
		return 0;
	if (is_for_all(thread, regs))
		return -1;
	again.rax = regs->orig_rax;
	again.rip -= SYSCALL_LEN;
	again.orig_rax = (unsigned long)-1;
	return hi_tracee_set_regs(thread->tid, &again, NULL);
}

bool hi_session_put_off_crash(struct session *session, struct hi_host *host,
			      struct hi_thread *thread, int signal)
{
	struct hi_shim_place place = session->place;
	struct hi_fault fault;

	/* not where the calls are made that come while the crash waits */
	place.stack_remote = place.shim.first_stack_remote;
	/* what SIGTRAP stands for is behind it already */
	if (signal == SIGTRAP ||
	    !hi_fault_read(thread, host->pid, signal, &fault) ||
	    !can_wait(session, host, thread))
		return false;
	if (send_again(thread, &fault.regs) < 0 ||
	    hi_remote_put_off(host, thread, &place, NULL) < 0) {
		(void)!hi_tracee_set_regs(thread->tid, &fault.regs, NULL);
		return false;
	}
	hi_brood_hurry(&session->brood, host);
	return true;
}
