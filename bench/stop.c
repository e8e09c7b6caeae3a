/*
 * stop PID N - microseconds to stop and resume all threads of PID, N times, with
 * nothing done in between.
 *
 * The policy is SCHED_FIFO meanwhile, where that is permitted.
 */
#include <dirent.h>
#include <err.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#define THREADS_MAX 256

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static size_t seize_all(const char *pid, pid_t *tids)
{
	char path[100];
	struct dirent *entry;
	DIR *folder;
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	folder = opendir(path);
	if (!folder)
		err(1, "%s", path);
	while ((entry = readdir(folder)) && n < THREADS_MAX) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid <= 0)
			continue;
		if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0)
			err(1, "seizing thread %d", tid);
		tids[n++] = tid;
	}
	closedir(folder);
	return n;
}

static bool set_fifo(bool on)
{
	struct sched_param param = { on ? 1 : 0 };

	return sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &param) ==
	       0;
}

static double stop_once(const pid_t *tids, size_t n)
{
	double start = now_us();

	for (size_t i = 0; i < n; i++)
		ptrace(PTRACE_INTERRUPT, tids[i], NULL, NULL);
	for (size_t i = 0; i < n; i++)
		waitpid(tids[i], NULL, __WALL);
	for (size_t i = 0; i < n; i++)
		ptrace(PTRACE_CONT, tids[i], NULL, NULL);
	return now_us() - start;
}

int main(int argc, char **argv)
{
	pid_t tids[THREADS_MAX];
	size_t n_threads;

	if (argc != 3)
		errx(1, "usage: stop PID N");
	n_threads = seize_all(argv[1], tids);
	for (long i = 0; i < strtol(argv[2], NULL, 10); i++) {
		struct timespec nap = { 0, 10000000 };
		double us;

		set_fifo(true);
		us = stop_once(tids, n_threads);
		set_fifo(false);
		printf("%.1f\n", us);
		nanosleep(&nap, NULL);
	}
	return 0;
}
