/*
 * THREADS threads that call without a pause, by name and by pointer. "any"
 * says that every legal result is welcome, "only N" that from now on each call
 * gives build N, and answers when each thread has made such calls.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 64, HIGHEST_BUILD = 9 };

int value(int argument);
int pointed(int argument);
int count(void);

static int (*volatile pointer)(int) = pointed;
static atomic_int wanted, stopping, wrong, first_wrong, mixed;
static _Atomic unsigned long rounds[MAX_THREADS];
static atomic_ulong counted;
static pthread_t threads[MAX_THREADS];

static void note_wrong(int result)
{
	if (atomic_fetch_add(&wrong, 1) == 0)
		first_wrong = result;
}

/* WANTED is read before the call: a newer build is then no mistake. */
static void check(int build, int expected, int result)
{
	if (build < 1 || build > HIGHEST_BUILD ||
	    (expected && build != expected))
		note_wrong(result);
}

static void *run(void *argument)
{
	_Atomic unsigned long *round = argument;
	int i = 0, expected, result;

	while (!stopping) {
		i = (i + 1) % 10;
		expected = wanted;
		result = value(i);
		check(result / 1000 - i, expected, result);
		check(result % 1000 - i, expected, result);
		if (result / 1000 != result % 1000)
			mixed++;
		expected = wanted;
		result = pointer(i);
		check(result - i, expected, result);
		count();
		counted++;
		(*round)++;
	}
	return NULL;
}

static void wait_for_rounds(int n_threads)
{
	unsigned long before[MAX_THREADS];

	for (int i = 0; i < n_threads; i++)
		before[i] = rounds[i];
	for (int i = 0; i < n_threads; i++)
		while (rounds[i] < before[i] + 3)
			sched_yield();
}

int main(int argc, char **argv)
{
	int n_threads = argc > 1 ? atoi(argv[1]) : 8;
	unsigned long all;
	char question[100];

	for (int i = 0; i < n_threads; i++)
		pthread_create(&threads[i], NULL, run, (void *)&rounds[i]);
	while (fgets(question, sizeof(question), stdin)) {
		wanted = strncmp(question, "only ", 5) ? 0 : atoi(question + 5);
		if (!strncmp(question, "stop", 4)) {
			stopping = 1;
			for (int i = 0; i < n_threads; i++)
				pthread_join(threads[i], NULL);
			all = counted;
			printf("lost=%ld calls=%lu\n",
			       (long)(count() - 1 - (int)all), all);
		} else {
			wait_for_rounds(n_threads);
			printf("wrong=%d first=%d mixed=%d\n", wrong,
			       first_wrong, mixed);
		}
		fflush(stdout);
	}
	return 0;
}
