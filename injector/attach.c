#include "injector/attach.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "injector/clock.h"
#include "injector/priority.h"
#include "injector/program.h"

/* --- why not ------------------------------------------------------------------- */

/* A number in a line of /proc/PID/status, or -1. */
static long read_status(pid_t pid, const char *key)
{
	char path[64], line[256];
	long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key))) {
			value = strtol(line + strlen(key), NULL, 10);
			break;
		}
	if (file)
		fclose(file);
	return value;
}

static void read_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");

	*text = '\0';
	if (file && fgets(text, (int)size, file))
		text[strcspn(text, "\n")] = '\0';
	if (file)
		fclose(file);
}

static void read_name(pid_t pid, char name[64])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	read_line(path, name, 64);
}

static int fail_traced(pid_t pid, const char *name, pid_t tracer,
		       struct hi_err *err)
{
	char by[64];

	read_name(tracer, by);
	hi_fail(err, HI_E_RIGHTS, "%s (%d) is already traced by %s (%d)", name,
		pid, *by ? by : "a process", tracer);
	hi_err_hint(err, "a process has one tracer at a time; end %s first",
		    *by ? by : "it");
	return HI_E_RIGHTS;
}

static int fail_yama(pid_t pid, const char *name, long scope,
		     struct hi_err *err)
{
	hi_fail(err, HI_E_RIGHTS,
		"%s (%d) may not be traced: kernel.yama.ptrace_scope is %ld",
		name, pid, scope);
	if (scope >= 3)
		hi_err_hint(err, "nobody may trace until the next boot; start "
				 "the host with hotinject in a system "
				 "without it");
	else
		hi_err_hint(err,
			    "start the host with hotinject, run hotinject as "
			    "root, or set it to 0: sysctl "
			    "kernel.yama.ptrace_scope=0");
	return HI_E_RIGHTS;
}

/* What stands in the way, the surest first. */
static int explain(pid_t pid, struct hi_err *err)
{
	long tracer = read_status(pid, "TracerPid:");
	long uid = read_status(pid, "Uid:");
	char name[64], text[32], path[64];
	struct stat st;

	read_name(pid, name);
	if (tracer > 0)
		return fail_traced(pid, name, (pid_t)tracer, err);
	if (uid >= 0 && geteuid() != 0 && (uid_t)uid != geteuid()) {
		hi_fail(err, HI_E_RIGHTS,
			"%s (%d) belongs to another user (%ld)", name, pid,
			uid);
		hi_err_hint(err, "run hotinject as that user, or as root");
		return HI_E_RIGHTS;
	}
	read_line("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text));
	if (strtol(text, NULL, 10) > (geteuid() == 0 ? 2 : 0))
		return fail_yama(pid, name, strtol(text, NULL, 10), err);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	if (geteuid() != 0 && stat(path, &st) == 0 && st.st_uid != geteuid()) {
		hi_fail(err, HI_E_RIGHTS,
			"%s (%d) keeps its memory from its own user (it is not "
			"dumpable: prctl(2), or a program that may not be "
			"read)",
			name, pid);
		hi_err_hint(err, "run hotinject as root");
		return HI_E_RIGHTS;
	}
	hi_fail(err, HI_E_RIGHTS,
		"the system does not allow to trace %s (%d): a container "
		"without ptrace, or a locked-down kernel",
		name, pid);
	hi_err_hint(err, "in a container, add the capability SYS_PTRACE");
	return HI_E_RIGHTS;
}

/* --- all threads ------------------------------------------------------------- */

static int fail_gone(pid_t pid, struct hi_err *err)
{
	return hi_fail(err, HI_E_GONE, "there is no process %d", pid);
}

/* As proc(5) has it, '?' when there is none. */
static char read_state(pid_t tid)
{
	char path[64], text[256];
	const char *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	read_line(path, text, sizeof(text));
	state = strrchr(text, ')');
	if (!state || state[1] != ' ')
		return '?';
	return state[2];
}

static bool is_ending(pid_t tid)
{
	char state = read_state(tid);

	return state == 'Z' || state == 'X' || state == '?';
}

static int seize_one(struct hi_host *host, pid_t tid, size_t *n,
		     struct hi_err *err)
{
	int code = hi_tracee_seize(tid, err);
	/* it may be traced since it was made */
	bool ours = code == 0 || read_status(tid, "TracerPid:") == getpid();

	/* One that is ending is refused as for want of a right, and gone soon.
	   A leader whose other threads go on is a zombie, of which nobody
	   hears. */
	if (code == HI_E_GONE || (!ours && is_ending(tid)))
		return 0;
	if (!ours)
		return code == HI_E_RIGHTS ? explain(host->pid, err) : code;
	++*n;
	return hi_host_add_thread(host, tid) ?
		       0 :
		       hi_fail(err, HI_E_NOMEM, "no memory for threads");
}

/* Seize the threads that are not yet; *RET_N says how many there were. */
static int seize_round(struct hi_host *host, size_t *ret_n, struct hi_err *err)
{
	const struct dirent *entry;
	char path[64];
	DIR *tasks;
	int code = 0;

	*ret_n = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", host->pid);
	tasks = opendir(path);
	if (!tasks)
		return fail_gone(host->pid, err);
	while (code == 0 && (entry = readdir(tasks))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (isdigit((unsigned char)entry->d_name[0]) &&
		    !hi_host_find_thread(host, tid))
			code = seize_one(host, tid, ret_n, err);
	}
	closedir(tasks);
	return code;
}

/* What is not to be had from a process in this state, whoever asks. */
static int check_state(pid_t pid, const char *name, struct hi_err *err)
{
	long n_threads = read_status(pid, "Threads:");

	switch (read_state(pid)) {
	case 'Z':
		if (n_threads > 1)
			return hi_fail(err, HI_E_HOST,
				       "the first thread of %s (%d) has ended, "
				       "and with it the system's view of its "
				       "memory",
				       name, pid);
		return hi_fail(err, HI_E_GONE,
			       "%s (%d) has ended; its parent has not yet "
			       "taken note",
			       name, pid);
	case 'T':
		hi_fail(err, HI_E_BUSY, "%s (%d) is stopped", name, pid);
		hi_err_hint(err, "have it go on first: kill -CONT %d", pid);
		return HI_E_BUSY;
	default:
		return 0;
	}
}

static int check_program(pid_t pid, struct hi_err *err)
{
	char path[64], name[64];
	int no_matter, code;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	read_name(pid, name);
	if (!*name)
		return fail_gone(pid, err);
	code = check_state(pid, name, err);
	if (code < 0)
		return code;
	if (access(path, R_OK) != 0)
		return explain(pid, err);
	return hi_program_check(path, name, &no_matter, err);
}

/* A thread that is made meanwhile is traced with its maker, or found in the next
   round. */
static int seize_all(struct hi_host *host, struct hi_err *err)
{
	size_t n = 1;
	int code = 0;

	while (code == 0 && n > 0)
		code = seize_round(host, &n, err);
	if (code == 0)
		code = hi_host_reopen(host, err);
	if (code == 0 && !host->threads)
		code = fail_gone(host->pid, err);
	return code;
}

int hi_attach(pid_t pid, struct hi_host **ret_host, struct hi_err *err)
{
	struct hi_host *host;
	int code = check_program(pid, err);

	if (code < 0)
		return code;
	host = hi_host_new(pid);
	if (!host)
		return hi_fail(err, HI_E_NOMEM, "no memory for the host");
	code = seize_all(host, err);
	if (code < 0) {
		hi_attach_end(host);
		hi_host_free(host);
		return code;
	}
	*ret_host = host;
	return 0;
}

void hi_attach_end(struct hi_host *host)
{
	bool raised = hi_priority_raise(HI_PRIORITY_SELF);

	host->leaving = true;
	hi_host_hold_all(host);
	hi_host_release_all(host, NULL);
	if (raised)
		hi_priority_lower(HI_PRIORITY_SELF);
	host->ended = true;
}

int hi_attach_again(struct hi_host *host, struct hi_err *err)
{
	if (read_status(host->pid, "TracerPid:") > 0)
		return hi_fail(err, HI_E_BUSY, "%s (%d) is still traced",
			       host->name, host->pid);
	return seize_all(host, err);
}
