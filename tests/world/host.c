/* Does to itself what programs do: forks, locks itself in, becomes another. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

int value(void);

extern char **environ;

static unsigned long n_storms, n_bad;

/* --- forks ---------------------------------------------------------------- */

/* In a child of a program with threads: system calls only. */
static int look_at_child(void)
{
	unsigned char entry[16];
	int number = value();

	memcpy(entry, (const void *)(size_t)value, sizeof(entry));
	if (entry[0] == 0xcc || entry[4] == 0xcc)
		return 102;
	return number;
}

static void check_child(pid_t pid, int low, int high)
{
	int status = 0;

	if (pid <= 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) < low || WEXITSTATUS(status) > high)
		n_bad++;
}

static void *storm(void *unused)
{
	static char *words[] = { "sh", "-c", "exit 5", NULL };
	pid_t pid;

	for (;;) {
		pid = fork();
		if (pid == 0)
			_exit(look_at_child());
		check_child(pid, 1, 3);
		pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
		if (pid == 0) {
			execv("/bin/sh", words);
			_exit(103);
		}
		check_child(pid, 5, 5);
		if (posix_spawn(&pid, "/bin/sh", NULL, NULL, words, environ))
			pid = -1;
		check_child(pid, 5, 5);
		n_bad += system("exit 3") != 3 << 8;
		n_storms++;
	}
	return unused;
}

/* The first process ends at once, as that of a daemon does. */
static void become_daemon(void)
{
	fflush(stdout);
	if (fork() > 0)
		_exit(3);
	setsid();
	if (fork() > 0)
		_exit(4);
}

/* --- sandboxes -------------------------------------------------------------- */

/* What reading, writing and ending need; ACTION for all else. */
static int filter(unsigned int action)
{
	static const int known[] = { SYS_read,       SYS_write,
				     SYS_exit_group, SYS_rt_sigreturn,
				     SYS_newfstatat, SYS_restart_syscall,
				     SYS_brk,        SYS_lseek };
	struct sock_filter code[40];
	struct sock_fprog program = { 0, code };
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)known[i], 0,
			1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
							 SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
	program.len = n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int limit(int resource, rlim_t number)
{
	struct rlimit limits = { number, number };

	return setrlimit((__rlimit_resource_t)resource, &limits);
}

static int own_mounts(void)
{
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return -1;
	return mount("tmpfs", getenv("XDG_RUNTIME_DIR"), "tmpfs", 0, NULL);
}

static int become(unsigned int id)
{
	return setresgid(id, id, id) || setresuid(id, id, id);
}

static int raw(void)
{
	struct termios mode;

	if (tcgetattr(STDIN_FILENO, &mode) != 0)
		return -1;
	mode.c_oflag &= ~(tcflag_t)OPOST;
	mode.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	return tcsetattr(STDIN_FILENO, TCSANOW, &mode);
}

/* --- questions -------------------------------------------------------------- */

static int change(const char *word, const char *rest)
{
	pthread_t thread;

	if (!strcmp(word, "not-dumpable"))
		return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (!strcmp(word, "filter-kill"))
		return filter(SECCOMP_RET_KILL_PROCESS);
	if (!strcmp(word, "filter-errno"))
		return filter(SECCOMP_RET_ERRNO | EPERM);
	if (!strcmp(word, "strict"))
		return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	if (!strcmp(word, "files"))
		return limit(RLIMIT_NOFILE, strtoul(rest, NULL, 10));
	if (!strcmp(word, "chroot"))
		return chroot(rest) || chdir("/");
	if (!strcmp(word, "own-mounts"))
		return own_mounts();
	if (!strcmp(word, "become"))
		return become((unsigned int)strtoul(rest, NULL, 10));
	if (!strcmp(word, "close-all"))
		return close_range(3, ~0U, 0);
	if (!strcmp(word, "raw"))
		return raw();
	if (!strcmp(word, "storm"))
		return pthread_create(&thread, NULL, storm, NULL);
	if (!strcmp(word, "daemon"))
		become_daemon();
	return 0;
}

static void on_signal(int number)
{
	/* NOLINTNEXTLINE(bugprone-signal-handler) */
	dprintf(STDOUT_FILENO, "signal=%d\r\n", number);
}

static void answer(const char *word, const char *rest, char **argv)
{
	if (!strcmp(word, "value"))
		printf("value=%d\n", value());
	else if (!strcmp(word, "pid"))
		printf("pid=%d\n", getpid());
	else if (!strcmp(word, "storms"))
		printf("storms=%lu bad=%lu\n", n_storms, n_bad);
	else if (!strcmp(word, "variable"))
		printf("%s\n", getenv(rest) ? getenv(rest) : "(none)");
	else if (!strcmp(word, "handle"))
		printf("handled=%d\n",
		       signal(atoi(rest), on_signal) == SIG_ERR);
	else if (!strcmp(word, "exit"))
		exit(atoi(rest));
	else if (!strcmp(word, "again"))
		execv("/proc/self/exe", argv);
	else if (!strcmp(word, "execute"))
		execl("/bin/sh", "sh", "-c", rest, NULL);
	else
		printf("%s=%d\n", word, change(word, rest));
}

_Noreturn static void converse(char **argv);

static void *run(void *argv)
{
	converse(argv);
}

/* Another thread goes on with the conversation. */
static void end_first(char **argv)
{
	pthread_t thread;

	pthread_create(&thread, NULL, run, argv);
	pthread_exit(NULL);
}

_Noreturn static void converse(char **argv)
{
	char question[400];

	while (fgets(question, sizeof(question), stdin)) {
		char *rest = question + strcspn(question, " \n");

		if (*rest)
			*rest++ = '\0';
		rest[strcspn(rest, "\n")] = '\0';
		answer(question, rest, argv);
		fflush(stdout);
		if (!strcmp(question, "end-first"))
			end_first(argv);
	}
	exit(0);
}

/* The buffers are there before a sandbox is. */
int main(int argc, char **argv)
{
	static char in[4096], out[4096];

	(void)argc;
	setvbuf(stdin, in, _IOLBF, sizeof(in));
	setvbuf(stdout, out, _IOFBF, sizeof(out));
	converse(argv);
}
