/*
 * A host with threads that call its worker without pause, and one that mostly
 * sleeps. It answers each line with what it sees: the build, counts that go on, its
 * callback, and how often a result was wrong.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "worker.h"

static atomic_long wrong, rounds;
static callback *kept;

static void check(long n)
{
	long back = kept(n) - 2 * n;

	if (compute(n) != 3 * n + 1 || back < 1 || back > 99)
		wrong++;
	rounds++;
}

static void *work(void *unused)
{
	for (long n = 0;; n = (n + 1) % 1000)
		check(n);
	return unused;
}

static void *nap(void *unused)
{
	const struct timespec moment = { 0, 50000 };

	for (long n = 0;; n = (n + 1) % 1000) {
		nanosleep(&moment, NULL);
		check(n);
	}
	return unused;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;
	pthread_t thread;
	char line[64];

	kept = get_callback();
	for (int i = 0; i < n; i++)
		pthread_create(&thread, NULL, i % 2 ? work : nap, NULL);
	while (fgets(line, sizeof(line), stdin)) {
		check(7);
		printf("build=%d count=%ld here=%ld same=%d callback=%ld "
		       "wrong=%ld\n",
		       build(), count(), count_here(), kept == get_callback(),
		       kept(10) - 20, atomic_load(&wrong));
		fflush(stdout);
	}
	return 0;
}
