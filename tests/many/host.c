/*
 * A process with others below it, to each of which it talks through a pipe:
 *
 *     host fork N       they are forks of it
 *     host single N     they are programs of their own: "host"
 *     host              one of those
 *
 * It answers each line of its standard input with a line.
 */
#include <dlfcn.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX 8

extern char **environ;

#ifdef WITHOUT
static int step(void)
{
	return 0;
}
#elif defined(OPENED)
/* What is forked opens it by itself. */
static pid_t server;

static int step(void)
{
	static int (*found)(void);

	if (getpid() == server)
		return -1;
	if (!found)
		found = (int (*)(void))dlsym(dlopen("./libworker.so", RTLD_NOW),
					     "step");
	return found();
}
#else
int step(void);
#endif

static struct child {
	pid_t pid;
	FILE *to, *from;
} children[MAX];
static int n_children;
static const char *program; /* NULL: forks */

static void say(const char *name, int value)
{
	printf("%s=%d\n", name, value);
	fflush(stdout);
}

/* How often N system calls that never sleep have had this process stopped. */
static int make_calls(int n)
{
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	for (int i = 0; i < n; i++)
		syscall(SYS_getppid);
	getrusage(RUSAGE_SELF, &after);
	return (int)(after.ru_nvcsw - before.ru_nvcsw);
}

static void serve(void)
{
	char line[100];

	while (fgets(line, sizeof(line), stdin))
		say("value", line[0] == '\n' ? step() : make_calls(atoi(line)));
	_exit(0);
}

static void start(struct child *child)
{
	int to[2], from[2];

	if (pipe(to) < 0 || pipe(from) < 0)
		exit(1);
	fflush(NULL);
	child->pid = fork();
	if (child->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to[0], 0);
		dup2(from[1], 1);
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		__fpurge(stdin); /* the next questions are the parent's */
		clearerr(stdin);
		if (!program)
			serve();
		execl(program, program, NULL);
		_exit(1);
	}
	close(to[0]);
	close(from[1]);
	child->to = fdopen(to[1], "w");
	child->from = fdopen(from[0], "r");
}

static int ask(const struct child *child, const char *question)
{
	char line[100] = "";

	fputs(question, child->to);
	fflush(child->to);
	if (!fgets(line, sizeof(line), child->from))
		return -1;
	return atoi(line + strlen("value="));
}

static void end(struct child *child)
{
	int status;

	kill(child->pid, SIGKILL);
	waitpid(child->pid, &status, 0);
	fclose(child->to);
	fclose(child->from);
	child->pid = 0;
}

/* The values of all, or -2 when they are not one. */
static int ask_all(void)
{
	int value = program ? -1 : step();

	for (int i = 0; i < n_children; i++) {
		int one = children[i].pid ? ask(&children[i], "\n") : value;

		value = value == -1 || value == one ? one : -2;
	}
	return value;
}

/* N of each kind of processes that have nothing to do with the worker for long. */
static int make_processes(int n)
{
	char *words[] = { "true", NULL };
	int n_bad = 0, status;
	pid_t pid;

	for (int i = 0; i < n; i++) {
		n_bad += system("true") != 0;
		n_bad += posix_spawnp(&pid, "true", NULL, NULL, words,
				      environ) != 0 ||
			 waitpid(pid, &status, 0) != pid || status != 0;
		pid = fork();
		if (pid == 0)
			_exit(step() ? 7 : 8);
		n_bad += waitpid(pid, &status, 0) != pid ||
			 WEXITSTATUS(status) != 7;
		pid = vfork();
		if (pid == 0)
			_exit(6);
		n_bad += waitpid(pid, &status, 0) != pid ||
			 WEXITSTATUS(status) != 6;
	}
	return n_bad;
}

int main(int argc, char **argv)
{
	char line[100], word[20];
	int number;

#ifdef OPENED
	server = getpid();
#endif
	if (argc < 3)
		serve();
	program = strcmp(argv[1], "fork") != 0 ? "./host" : NULL;
	n_children = atoi(argv[2]);
	for (int i = 0; i < n_children; i++)
		start(&children[i]);
	while (fgets(line, sizeof(line), stdin)) {
		number = 0;
		if (sscanf(line, "%19s %d", word, &number) < 1)
			continue;
		if (!strcmp(word, "pid"))
			say("pid", children[number].pid);
		else if (!strcmp(word, "end"))
			end(&children[number]);
		else if (!strcmp(word, "replace"))
			end(&children[number]), start(&children[number]);
		else if (!strcmp(word, "add"))
			start(&children[n_children++]), say("add", n_children);
		else if (!strcmp(word, "calls"))
			say("stops",
			    ask(&children[0], line + strlen("calls ")));
		else if (!strcmp(word, "processes"))
			say("bad", make_processes(number));
		else
			say("all", ask_all());
	}
	for (int i = 0; i < n_children; i++)
		if (children[i].pid)
			end(&children[i]);
	return 3;
}
