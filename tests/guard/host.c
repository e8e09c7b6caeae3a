/*
 * A host that calls what crashes. Questions:
 *
 *     NAME            fault_NAME(7), on the main thread
 *     thread NAME     the same on a thread with a small stack
 *     end NAME        and then it calls pthread_exit(3)
 *     many NAME       on 16 threads at once: the sum of the results
 *     again NAME N    N times: the sum of the results
 *     leave NAME      on a thread that is not waited for
 *     too NAME        on another one
 *     join            wait for the first; its result
 *     count           worker_calls()
 *     go              worker_go()
 *     spoil           worker_spoil()
 *     sleeper         fault_callback() calls a function of the host that sleeps,
 *     spinner         or that does not
 *     wake            end that
 *     malloc          malloc(3) and free(3)
 *     raise           let the worker handle a signal
 *     exit N
 *
 * The answer is the result.
 */
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "faults.h"

#define N_THREADS   16
#define SMALL_STACK (64 << 10)

static guard_function *callback, *tiny;
static volatile char *volatile no_place;

static long call_called_back(long x)
{
	return callback(x);
}

static long call_tiny(long x)
{
	return tiny(x);
}

static long call_raise(long x)
{
	raise(SIGUSR1);
	return x;
}

static long call_count(long x)
{
	(void)x;
	return worker_calls();
}

static long call_malloc(long x)
{
	char *volatile bytes = (char *)malloc(5000);

	free(bytes);
	return x;
}

static long call_spoil(long x)
{
	worker_spoil();
	return x;
}

static long call_go(long x)
{
	worker_go();
	return x;
}

#ifdef __cplusplus
static Shape *shape;

static long call_area(long x)
{
	return shape->area(x);
}
#endif

/* The host's own part of a stack that the worker is on. */
static long crash_here(long x)
{
	return x + *no_place;
}

static int may_wake;

static long sleep_here(long x)
{
	struct timespec nap = { 0, 1000000 };

	while (!__atomic_load_n(&may_wake, __ATOMIC_SEQ_CST))
		clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
	return x;
}

static long spin_here(long x)
{
	while (!__atomic_load_n(&may_wake, __ATOMIC_SEQ_CST))
		;
	return x;
}

static long call_sleeper(long x)
{
	worker_set_callback(sleep_here);
	return x;
}

static long call_spinner(long x)
{
	worker_set_callback(spin_here);
	return x;
}

static long call_wake(long x)
{
	__atomic_store_n(&may_wake, 1, __ATOMIC_SEQ_CST);
	return x;
}

/* With a frame of its own. */
#define CALL(name)                                                 \
	static long call_##name(long x)                            \
	{                                                          \
		long result = fault_##name ? fault_##name(x) : -1; \
                                                                   \
		__asm__ volatile("" : "+r"(result));               \
		return result;                                     \
	}
GUARD_FAULTS(CALL)

#define ENTRY(name) { #name, call_##name },
static const struct {
	const char *name;
	guard_function *function;
} entries[] = { GUARD_FAULTS(ENTRY) ENTRY(called_back) ENTRY(tiny) ENTRY(raise)
			ENTRY(count) ENTRY(go) ENTRY(spoil) ENTRY(sleeper)
				ENTRY(spinner) ENTRY(wake) ENTRY(malloc)
#ifdef __cplusplus
					ENTRY(area)
#endif
};

static guard_function *find(const char *name)
{
	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++)
		if (!strcmp(entries[i].name, name))
			return entries[i].function;
	exit(99);
}

struct job {
	pthread_t thread;
	guard_function *function;
	pthread_barrier_t *barrier;
	bool exits;
	long result;
};

static void *work(void *context)
{
	struct job *job = (struct job *)context;

	if (job->barrier)
		pthread_barrier_wait(job->barrier);
	job->result = job->function(7);
	if (job->exits)
		pthread_exit(NULL);
	return NULL;
}

static void start(struct job *job, guard_function *function,
		  pthread_barrier_t *barrier)
{
	pthread_attr_t attr;

	job->function = function;
	job->barrier = barrier;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, SMALL_STACK);
	if (pthread_create(&job->thread, &attr, work, job) != 0)
		exit(98);
}

static long finish(struct job *job)
{
	pthread_join(job->thread, NULL);
	return job->result;
}

static long run_many(guard_function *function)
{
	struct job jobs[N_THREADS] = {};
	pthread_barrier_t barrier;
	long sum = 0;

	pthread_barrier_init(&barrier, NULL, N_THREADS);
	for (int i = 0; i < N_THREADS; i++)
		start(&jobs[i], function, &barrier);
	for (int i = 0; i < N_THREADS; i++)
		sum += finish(&jobs[i]);
	return sum;
}

static struct job left, other;

static long answer(char *question)
{
	const char *verb = strtok(question, " \n");
	const char *name = strtok(NULL, " \n"), *times = strtok(NULL, " \n");
	struct job job = { .exits = !strcmp(verb, "end") };
	long sum = 0;

	if (!strcmp(verb, "exit"))
		exit(atoi(name));
	if (!strcmp(verb, "join"))
		return finish(&left);
	if (!name)
		return find(verb)(7);
	if (!strcmp(verb, "many"))
		return run_many(find(name));
	if (!strcmp(verb, "thread") || job.exits) {
		start(&job, find(name), NULL);
		return finish(&job);
	}
	if (!strcmp(verb, "leave"))
		start(&left, find(name), NULL);
	if (!strcmp(verb, "too"))
		start(&other, find(name), NULL);
	for (int i = times ? atoi(times) : 0; i > 0; i--)
		sum += find(name)(7);
	return sum;
}

int main(void)
{
	char question[200];

	callback = worker_get_callback();
	tiny = worker_get_tiny();
#ifdef __cplusplus
	if (worker_get_shape)
		shape = worker_get_shape();
#endif
	worker_set_callback(crash_here);
	signal(SIGUSR1, worker_handle);
	while (fgets(question, sizeof(question), stdin)) {
		printf("%ld\n", answer(question));
		fflush(stdout);
		/* the worker has enabled them */
		fedisableexcept(FE_ALL_EXCEPT);
	}
	return 5;
}
