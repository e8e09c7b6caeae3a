/*
 * Runs $HOTINJECT until it has written to the host some number of times, and kills it
 * before the next one: "killer ARGUMENT..." in the folder where the file "kill" holds the
 * number. While there is no such file, nothing is counted. What it tells of is its end as
 * well: before the event "live" or "ready" it is killed, too, and the file "told" is made,
 * with the number of times.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t tool;

/* -1: there is none */
static long read_limit(void)
{
	FILE *file = fopen("kill", "re");
	long limit = -1;

	if (file && fscanf(file, "%ld", &limit) != 1)
		limit = -1;
	if (file)
		fclose(file);
	return limit;
}

static int tells(unsigned long long address)
{
	char text[24] = "";

	for (size_t i = 0; i < sizeof(text) / sizeof(long); i++) {
		long word = ptrace(PTRACE_PEEKDATA, tool,
				   (char *)address + i * sizeof(long), NULL);

		memcpy(text + i * sizeof(long), &word, sizeof(long));
	}
	text[sizeof(text) - 1] = '\0';
	return strncmp(text, "{\"event\":\"live\"", 15) == 0 ||
	       strncmp(text, "{\"event\":\"ready\"", 16) == 0;
}

static void tell(long n)
{
	FILE *file = fopen("told", "we");

	if (file) {
		fprintf(file, "%ld\n", n);
		fclose(file);
	}
}

/* Whether the system call that begins is the last. */
static int is_last(void)
{
	static long n;
	struct __ptrace_syscall_info info = { .op = PTRACE_SYSCALL_INFO_NONE };
	long limit;

	ptrace(PTRACE_GET_SYSCALL_INFO, tool, sizeof(info), &info);
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY ||
	    (info.entry.nr != SYS_process_vm_writev &&
	     info.entry.nr != SYS_pwrite64 && info.entry.nr != SYS_write))
		return 0;
	limit = read_limit();
	if (limit < 0)
		return 0;
	if (info.entry.nr != SYS_write)
		return n++ == limit;
	if (!tells(info.entry.args[1]))
		return 0;
	tell(n);
	return 1;
}

static void pass_on(int signal)
{
	kill(tool, signal);
}

int main(int argc, char **argv)
{
	int status;

	argv[0] = getenv("HOTINJECT");
	tool = argc > 1 && argv[0] ? fork() : -1;
	if (tool == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execv(argv[0], argv);
		_exit(127);
	}
	if (tool < 0 || waitpid(tool, &status, 0) != tool)
		return 127;
	signal(SIGINT, pass_on);
	ptrace(PTRACE_SETOPTIONS, tool, NULL,
	       PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
	while (!WIFEXITED(status) && !WIFSIGNALED(status)) {
		int stop = WSTOPSIG(status);

		if (stop == (SIGTRAP | 0x80) && is_last())
			kill(tool, SIGKILL);
		ptrace(PTRACE_SYSCALL, tool, NULL,
		       stop == SIGTRAP || stop == (SIGTRAP | 0x80) ? 0 : stop);
		if (waitpid(tool, &status, 0) != tool)
			return 127;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	kill(getpid(), WTERMSIG(status));
	return 127;
}
