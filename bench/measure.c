/*
 * measure N COMMAND... - run it N times, its output thrown away; a line for each: the
 * milliseconds from start to end, and the most memory in KB.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void run(char **command)
{
	double start = now_ms();
	struct rusage used;
	pid_t child = fork();

	if (child < 0)
		err(1, "fork");
	if (child == 0) {
		int nothing = open("/dev/null", O_RDWR);

		dup2(nothing, 1);
		dup2(nothing, 2);
		execvp(command[0], command);
		_exit(127);
	}
	if (wait4(child, NULL, 0, &used) < 0)
		err(1, "wait4");
	printf("%.3f %ld\n", now_ms() - start, used.ru_maxrss);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(1, "usage: measure N COMMAND...");
	for (long n = strtol(argv[1], NULL, 10); n > 0; n--)
		run(argv + 2);
	return 0;
}
