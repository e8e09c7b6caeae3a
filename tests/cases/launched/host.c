/* Tells what a program can see of its own start. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int value(void);
int second_value(void);

extern char **environ;

static int errno_at_start;

__attribute__((constructor)) static void keep_errno(void)
{
	errno_at_start = errno;
}

static void on_signal(int number)
{
	char text[40];
	int len = snprintf(text, sizeof(text), "signal=%d\n", number);

	if (write(STDOUT_FILENO, text, (size_t)len) != len)
		_exit(1);
}

static void handle(int number)
{
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESTART };

	sigaction(number, &action, NULL);
	printf("handled\n");
}

/* The output of a command, as one line. */
static void show_command(const char *command)
{
	FILE *pipe = popen(command, "r");
	int c;

	while (pipe && (c = fgetc(pipe)) != EOF)
		putchar(c == '\n' ? ' ' : c);
	if (pipe)
		pclose(pipe);
	printf("\n");
}

static void show_status_lines(const char *prefix)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[300];

	while (status && fgets(line, sizeof(line), status)) {
		line[strcspn(line, "\n")] = '\0';
		/* SigQ counts the signals of all the user's processes */
		if (!strncmp(line, prefix, strlen(prefix)) &&
		    strncmp(line, "SigQ", 4) != 0)
			printf("%s ", line);
	}
	if (status)
		fclose(status);
}

static void show_limits(void)
{
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit;

		getrlimit(i, &limit);
		printf("%d:%ld/%ld ", i, (long)limit.rlim_cur,
		       (long)limit.rlim_max);
	}
	printf("%d %d\n", getpriority(PRIO_PROCESS, 0), getppid() == 1);
}

static void show_descriptors(void)
{
	for (int fd = 0; fd < 1000; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
	printf("\n");
}

static void answer(const char *question, char **argv)
{
	if (!strcmp(question, "arguments"))
		for (argv++; *argv; argv++)
			printf("[%s]", *argv);
	else if (!strcmp(question, "environment"))
		for (char **variable = environ; *variable; variable++)
			printf("%s ", *variable);
	else if (!strcmp(question, "preload"))
		printf("%s",
		       getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "(none)");
	else if (!strcmp(question, "signal masks"))
		show_status_lines("Sig");
	else if (!strcmp(question, "threads"))
		show_status_lines("Threads:");
	else if (!strcmp(question, "errno"))
		printf("%d", errno_at_start);
	else
		printf("value=%d", value());
#ifdef SECOND_WORKER
	printf(" second=%d", second_value());
#endif
	printf("\n");
}

int main(int argc, char **argv)
{
	char question[200];

	(void)argc;
	while (fgets(question, sizeof(question), stdin)) {
		question[strcspn(question, "\n")] = '\0';
		if (!strncmp(question, "exit ", 5))
			exit(atoi(question + 5));
		else if (!strncmp(question, "raise ", 6))
			raise(atoi(question + 6));
		else if (!strncmp(question, "handle ", 7))
			handle(atoi(question + 7));
		else if (!strcmp(question, "child's environment"))
			show_command("env");
		else if (!strcmp(question, "child's descriptors"))
			show_command("ls /proc/self/fd");
		else if (!strcmp(question, "limits"))
			show_limits();
		else if (!strcmp(question, "descriptors"))
			show_descriptors();
		else
			answer(question, argv);
		fflush(stdout);
	}
	return 0;
}
