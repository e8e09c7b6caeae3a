/*
 * load FILE SYMBOL N - milliseconds of a bare dlopen() and dlsym() of FILE, N times.
 *
 * Each time the file has a new name, else the loader would take it for one that it
 * has. What is open stays open, as the builds of a worker do.
 */
#include <dlfcn.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void copy(const char *from, const char *to)
{
	char command[9000];

	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	if (system(command) != 0)
		errx(1, "%s", command);
}

int main(int argc, char **argv)
{
	char path[4096];

	if (argc != 4)
		errx(1, "usage: load FILE SYMBOL N");
	for (long i = 0; i < strtol(argv[3], NULL, 10); i++) {
		double start;
		void *handle;

		snprintf(path, sizeof(path), "%s.%ld", argv[1], i);
		copy(argv[1], path);
		start = now_ms();
		handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		if (!handle || !dlsym(handle, argv[2]))
			errx(1, "%s", dlerror());
		printf("%.3f\n", now_ms() - start);
		unlink(path);
	}
	return 0;
}
