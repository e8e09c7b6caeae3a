/*
 * "call" calls in this process and in a child of fork, and runs a program by
 * vfork as system(3) does; "keep" leaves a child running that answers at "ask".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int value(void);

static int in_child(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(value());
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int to_child[2], from_child[2];

static int keep(void)
{
	char byte;
	int got;

	if (pipe(to_child) != 0 || pipe(from_child) != 0)
		return 0;
	if (fork() != 0)
		return 1;
	close(to_child[1]);
	while (read(to_child[0], &byte, 1) == 1) {
		got = value();
		if (write(from_child[1], &got, sizeof(got)) < 0)
			break;
	}
	_exit(0);
}

static int ask(void)
{
	int got = -1;

	if (write(to_child[1], "x", 1) != 1 ||
	    read(from_child[0], &got, sizeof(got)) != sizeof(got))
		return -1;
	return got;
}

int main(void)
{
	char question[100];

	while (fgets(question, sizeof(question), stdin)) {
		if (!strncmp(question, "keep", 4))
			printf("kept=%d\n", keep());
		else if (!strncmp(question, "ask", 3))
			printf("asked=%d\n", ask());
		else
			printf("value=%d child=%d program=%d\n", value(),
			       in_child(), WEXITSTATUS(system("exit 5")));
		fflush(stdout);
	}
	/* a child that lives on would be told as that of a daemon */
	if (to_child[1])
		close(to_child[1]);
	while (wait(NULL) > 0)
		;
	return 0;
}
