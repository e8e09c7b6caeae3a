/*
 * What is left of builds is looked at: of those with EXTRA, a type, one has extra().
 * "loop" begins a thread that never leaves the build, "break" makes it crash there.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "worker.h"
#ifdef TEXT
const char text[TEXT] = { 1 };
#endif
static int calls;
static volatile int broken; /* what loops crashes */
static int *volatile nowhere;

#ifdef EXTRA
static EXTRA extra_calls;
__attribute__((noinline)) int extra(void)
{
	return ++extra_calls;
}
#else
#define extra() 0
#endif

/* The tests know its lines. */
static void *endless_loop(void *inside)
{
	sem_post(inside);
	while (!usleep(1000) && !broken)
		;
	*nowhere = 1;
	return inside;
}

void worker_answer(const char *question, char *answer, size_t size)
{
	pthread_t thread;
	static sem_t inside;

	if (!strcmp(question, "break"))
		broken = 1;
	if (!strcmp(question, "loop")) {
		pthread_create(&thread, NULL, endless_loop, &inside);
		sem_wait(&inside);
	}
	snprintf(answer, size, "value=%d calls=%d extra=%d", BUILD, ++calls,
		 extra());
}
