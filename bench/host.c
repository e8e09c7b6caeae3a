/*
 * host - an unmodified program that calls its worker and times itself.
 *
 * It answers each line of standard input with one line:
 *
 *   time N       nanoseconds per call, over N calls
 *   callers N    start N threads that call without pause
 *   sleepers N   start N threads that sleep in a system call
 *   beat         start a thread that looks at the clock without pause
 *   gap          the longest that it stood still since the last question, us
 *   check        wrong results so far, and callers that call no more
 *   seen BUILD   call until BUILD answers; when that was (CLOCK_MONOTONIC, ns)
 *   quit
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 256
#define NS_PER_S    1000000000ULL
#define PATIENCE_NS (5 * NS_PER_S)

/* The worker's: ARGUMENT + 1000 * the number of the build, which is 1 or 2. */
uint64_t bench_call(uint64_t argument);

struct caller {
	pthread_t thread;
	volatile uint64_t n_calls, n_wrong;
} __attribute__((aligned(64)));

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void nap_us(long us)
{
	struct timespec nap = { 0, us * 1000 };

	nanosleep(&nap, NULL);
}

static void time_calls(long n)
{
	uint64_t start = now_ns();

	for (long i = 0; i < n; i++)
		bench_call((uint64_t)i);
	printf("%.4f\n", (double)(now_ns() - start) / (double)n);
}

static void *call_without_pause(void *argument)
{
	struct caller *caller = argument;

	for (uint64_t i = 0;; i++) {
		uint64_t build = (bench_call(i) - i) / 1000;

		if ((bench_call(i) - i) % 1000 != 0 || build < 1 || build > 2)
			caller->n_wrong++;
		caller->n_calls++;
	}
	return NULL;
}

static void *sleep_for_good(void *unused)
{
	(void)unused;
	for (;;)
		poll(NULL, 0, -1);
	return NULL;
}

static size_t start_threads(struct caller *callers, size_t n_old, size_t n,
			    void *(*run)(void *))
{
	size_t n_all = n_old;

	while (n_all < n_old + n && n_all < THREADS_MAX &&
	       pthread_create(&callers[n_all].thread, NULL, run,
			      &callers[n_all]) == 0)
		n_all++;
	/* until they are where they are to be */
	nap_us(50000);
	printf("%zu\n", n_all - n_old);
	return n_all;
}

static _Atomic uint64_t longest_ns;

static void *beat(void *unused)
{
	uint64_t last = now_ns();

	(void)unused;
	for (;;) {
		uint64_t now = now_ns();

		if (now - last > longest_ns)
			longest_ns = now - last;
		last = now;
	}
	return NULL;
}

static size_t count_still(const struct caller *callers, size_t n,
			  const uint64_t *before)
{
	size_t n_still = 0;

	for (size_t i = 0; i < n; i++)
		n_still += callers[i].n_calls == before[i];
	return n_still;
}

static void check(const struct caller *callers, size_t n)
{
	uint64_t before[THREADS_MAX];
	uint64_t end = now_ns() + PATIENCE_NS;
	uint64_t n_wrong = 0, n_calls = 0;

	for (size_t i = 0; i < n; i++)
		before[i] = callers[i].n_calls;
	while (count_still(callers, n, before) > 0 && now_ns() < end)
		nap_us(1000);
	for (size_t i = 0; i < n; i++) {
		n_wrong += callers[i].n_wrong;
		n_calls += callers[i].n_calls;
	}
	printf("%llu %zu %llu\n", (unsigned long long)n_wrong,
	       count_still(callers, n, before), (unsigned long long)n_calls);
}

static void see(unsigned long build)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	while (bench_call(7) != 7 + 1000 * build && now_ns() < end)
		nap_us(20);
	printf("%llu\n", (unsigned long long)now_ns());
}

int main(void)
{
	static struct caller callers[THREADS_MAX];
	size_t n_callers = 0;
	char line[100];

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* short naps, so that "seen" is exact */
	prctl(PR_SET_TIMERSLACK, 1UL);
	while (fgets(line, sizeof(line), stdin)) {
		long number = strtol(line + strcspn(line, " \n"), NULL, 10);

		if (!strncmp(line, "time ", 5))
			time_calls(number);
		else if (!strncmp(line, "callers ", 8))
			n_callers = start_threads(callers, n_callers,
						  (size_t)number,
						  call_without_pause);
		else if (!strncmp(line, "sleepers ", 9))
			(void)start_threads(callers, n_callers, (size_t)number,
					    sleep_for_good);
		else if (!strncmp(line, "beat", 4))
			(void)start_threads(callers, n_callers, 1, beat);
		else if (!strncmp(line, "gap", 3))
			printf("%.1f\n",
			       (double)atomic_exchange(&longest_ns, 0) / 1e3);
		else if (!strncmp(line, "check", 5))
			check(callers, n_callers);
		else if (!strncmp(line, "seen ", 5))
			see((unsigned long)number);
		else
			break;
	}
	fflush(stdout);
	_exit(0);
}
