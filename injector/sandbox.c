#include "injector/sandbox.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct state {
	int mode;      /* Seccomp: 0 none, 1 strict, 2 filter */
	int n_filters; /* -1 before Linux 5.9 */
	long uid;      /* effective */
};

static void read_state(const char *path, struct state *ret_state)
{
	struct state state = { 0, -1, -1 };
	FILE *status = fopen(path, "re");
	char line[256];

	while (status && fgets(line, sizeof(line), status)) {
		(void)!sscanf(line, "Seccomp: %d", &state.mode);
		(void)!sscanf(line, "Seccomp_filters: %d", &state.n_filters);
		(void)!sscanf(line, "Uid: %*d %ld", &state.uid);
	}
	if (status)
		fclose(status);
	*ret_state = state;
}

bool hi_sandbox_has(pid_t pid, pid_t tid)
{
	struct state own, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	read_state(path, &theirs);
	if (theirs.mode == 0)
		return false;
	read_state("/proc/thread-self/status", &own);
	return theirs.mode != own.mode || theirs.n_filters > own.n_filters;
}

int hi_sandbox_fail(pid_t pid, const char *name, struct hi_err *err)
{
	hi_fail(err, HI_E_RIGHTS,
		"%s (%d) has locked itself in with seccomp, which may end it "
		"for a system call that a load needs",
		name, pid);
	hi_err_hint(err, "start it without its sandbox");
	return HI_E_RIGHTS;
}

int hi_sandbox_fail_closed(pid_t pid, const char *name, struct hi_err *err)
{
	struct state state;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	read_state(path, &state);
	if (state.uid >= 0 && state.uid != (long)geteuid()) {
		hi_fail(err, HI_E_RIGHTS,
			"%s (%d) has become user %ld, whose memory is closed "
			"to others",
			name, pid, state.uid);
		hi_err_hint(err, "start hotinject as that user");
		return HI_E_RIGHTS;
	}
	hi_fail(err, HI_E_RIGHTS,
		"%s (%d) keeps its memory from other programs of its user "
		"(PR_SET_DUMPABLE)",
		name, pid);
	hi_err_hint(err, "start hotinject with CAP_SYS_PTRACE, as root");
	return HI_E_RIGHTS;
}

int hi_sandbox_explain(pid_t pid, const char *name, const char *path,
		       struct hi_err *err)
{
	char through[PATH_MAX];
	struct stat ours, theirs;
	struct state state;

	if (stat(path, &ours) != 0)
		return 0;
	snprintf(through, sizeof(through), "/proc/%d/root%s", pid, path);
	if (stat(through, &theirs) != 0 || ours.st_ino != theirs.st_ino ||
	    ours.st_dev != theirs.st_dev) {
		hi_fail(err, HI_E_RIGHTS,
			"%s (%d) does not see %s: it has another root folder "
			"or its own mounts",
			name, pid, path);
		hi_err_hint(err, "start it without chroot or unshare, or start "
				 "hotinject inside");
		return HI_E_RIGHTS;
	}
	snprintf(through, sizeof(through), "/proc/%d/status", pid);
	read_state(through, &state);
	if (state.uid < 0 || state.uid == (long)geteuid())
		return 0;
	hi_fail(err, HI_E_RIGHTS,
		"%s (%d) has become user %ld, who may not read %s", name, pid,
		state.uid, path);
	hi_err_hint(err, "start hotinject as that user");
	return HI_E_RIGHTS;
}
