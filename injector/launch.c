#include "injector/launch.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "injector/preload_entry.h"
#include "injector/program.h"
#include "injector/remote.h"
#include "injector/start_stack.h"

/*
 * The child waits for a byte, so that it is seized before it execs. PDEATHSIG is
 * not set: a host outlives its hotinject.
 */
static _Noreturn void run_child(int wait_fd, const char *path,
				char *const argv[], const sigset_t *mask)
{
	char byte;

	while (read(wait_fd, &byte, 1) < 0 && errno == EINTR)
		;
	close(wait_fd);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execv(path, argv);
	_exit(HI_EXIT_NO_EXEC);
}

int hi_launch(const char *path, char *const argv[], const sigset_t *mask,
	      struct hi_host **ret_host, struct hi_err *err)
{
	struct hi_host *host;
	int ends[2];
	pid_t pid;
	int code;

	if (pipe2(ends, 0) != 0)
		return hi_fail_sys(err, "starting %s", path);
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		run_child(ends[0], path, argv, mask);
	}
	close(ends[0]);
	host = pid > 0 ? hi_host_new(pid) : NULL;
	if (!host || !hi_host_add_thread(host, pid)) {
		close(ends[1]);
		hi_host_free(host);
		return hi_fail_sys(err, "starting %s", path);
	}
	code = hi_tracee_seize(pid, err);
	if (code == 0 && write(ends[1], "", 1) != 1)
		code = hi_fail_sys(err, "starting %s", path);
	close(ends[1]);
	if (code < 0) {
		kill(pid, SIGKILL);
		hi_host_free(host);
		return code;
	}
	*ret_host = host;
	return 0;
}

/* LD_PRELOAD gets the shim. */
static int add_preload(struct hi_host *host, struct hi_thread *thread,
		       const struct hi_start_stack *stack,
		       const char *shim_path, struct user_regs_struct *regs,
		       bool *ret_leaks, struct hi_err *err)
{
	struct hi_preload_entry entry;
	uint64_t sp_remote;
	int code = hi_preload_entry_make(host, stack, shim_path, &entry, err);

	if (code < 0)
		return code;
	code = hi_start_stack_write(host, regs->rsp, stack, entry.at,
				    entry.text, &sp_remote, err);
	free(entry.text);
	if (code < 0)
		return code;
	*ret_leaks = entry.leaks;
	regs->rsp = sp_remote;
	return hi_tracee_set_regs(thread->tid, regs, err);
}

static int arm(struct hi_host *host, uint64_t entry_remote,
	       struct hi_entry_stop *entry, struct hi_err *err)
{
	static const unsigned char int3 = 0xcc;
	int code = hi_remote_read(host, entry_remote, &entry->byte, 1, err);

	if (code == 0)
		code = hi_remote_poke(host, entry_remote, &int3, 1, err);
	if (code < 0)
		return code;
	entry->entry_remote = entry_remote;
	entry->armed = true;
	return 0;
}

static int check_program(const struct hi_host *host,
			 const struct hi_start_stack *stack, struct hi_err *err)
{
	char path[64];
	int exit_status = 0;

	snprintf(path, sizeof(path), "/proc/%d/exe", host->pid);
	if (hi_start_stack_get_aux(stack, AT_SECURE))
		return hi_fail(err, HI_E_HOST,
			       "%s runs with rights of its own, so the loader "
			       "ignores LD_PRELOAD",
			       host->name);
	return hi_program_check(path, host->name, &exit_status, err);
}

int hi_launch_prepare(struct hi_host *host, struct hi_thread *thread,
		      const char *shim_path, struct hi_entry_stop *ret_entry,
		      struct hi_err *err)
{
	struct hi_start_stack stack = { NULL, 0, 0, 0, 0 };
	struct user_regs_struct regs;
	int code = hi_host_reopen(host, err);

	memset(ret_entry, 0, sizeof(*ret_entry));
	if (code == 0)
		code = hi_tracee_get_regs(thread->tid, &regs, err);
	if (code == 0)
		code = hi_start_stack_read(host, regs.rsp, &stack, err);
	if (code == 0)
		code = check_program(host, &stack, err);
	if (code == 0)
		code = add_preload(host, thread, &stack, shim_path, &regs,
				   &ret_entry->leaks, err);
	if (code == 0)
		code = arm(host, hi_start_stack_get_aux(&stack, AT_ENTRY),
			   ret_entry, err);
	hi_start_stack_done(&stack);
	return code;
}

bool hi_launch_at_entry(struct hi_host *host, struct hi_thread *thread,
			struct hi_entry_stop *entry)
{
	struct user_regs_struct regs;

	if (!entry->armed || hi_tracee_get_regs(thread->tid, &regs, NULL) < 0 ||
	    regs.rip != entry->entry_remote + 1)
		return false;
	entry->armed = false;
	regs.rip = entry->entry_remote;
	return hi_remote_poke(host, entry->entry_remote, &entry->byte, 1,
			      NULL) == 0 &&
	       hi_tracee_set_regs(thread->tid, &regs, NULL) == 0;
}
