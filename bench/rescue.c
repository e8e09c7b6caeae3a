/*
 * rescue - an unmodified program whose worker crashes, and that times itself.
 *
 * It answers each line of standard input with one line:
 *
 *   crash N DEPTH   microseconds from the call to the next instruction of its own,
 *                   of N functions that each crash DEPTH calls below
 *   sleepers N      start N threads that sleep in a system call
 *   quit
 *
 * With an argument, it takes the signal itself: the least that the system needs.
 */
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_US 1000.0
#define NS_PER_S  1000000000ULL
#define REST_MS   30 /* until what is done after a rescue is done, too */

typedef long crasher(long depth);

/* The worker's, so that it is there from the start. */
long rescue_0(long depth);

static sigjmp_buf before;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void jump_back(int number)
{
	(void)number;
	siglongjmp(before, 1);
}

static double time_one(crasher *crash, long depth, bool own)
{
	volatile uint64_t start = now_ns();
	long result = -1;

	if (!own)
		result = crash(depth);
	else if (sigsetjmp(before, 1) == 0)
		crash(depth);
	else
		result = 0;
	return result == 0 ? (double)(now_ns() - start) / NS_PER_US : -1;
}

static void crash_some(long n, long depth, bool own)
{
	static int next;
	char name[32];

	for (long i = 0; i < n; i++) {
		crasher *crash;

		snprintf(name, sizeof(name), "rescue_%d", next++);
		crash = next == 1 ? rescue_0 :
				    (crasher *)dlsym(RTLD_DEFAULT, name);
		printf("%.1f ", crash ? time_one(crash, depth, own) : -1);
		poll(NULL, 0, REST_MS);
	}
	printf("\n");
}

static void *sleep_for_good(void *unused)
{
	poll(NULL, 0, -1);
	return unused;
}

static void start_sleepers(long n)
{
	pthread_t thread;
	long i = 0;

	while (i < n && !pthread_create(&thread, NULL, sleep_for_good, NULL))
		i++;
	printf("%ld\n", i);
}

int main(int argc, char **argv)
{
	long n, depth;
	char line[100];

	(void)argv;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1)
		(void)signal(SIGSEGV, jump_back);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "crash %ld %ld", &n, &depth) == 2)
			crash_some(n, depth, argc > 1);
		else if (sscanf(line, "sleepers %ld", &n) == 1)
			start_sleepers(n);
		else
			break;
	}
	fflush(stdout);
	_exit(0);
}
