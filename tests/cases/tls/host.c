/*
 * Threads "a", "b", ... which are made when they are first named, and each
 * call the worker when it is their turn.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "worker.h"

static struct turn {
	pthread_t thread;
	sem_t go, done;
	char answer[300];
} turns[26];
static char known[26];

static void *run(void *argument)
{
	struct turn *turn = argument;

	for (;;) {
		sem_wait(&turn->go);
		worker_answer("value", turn->answer, sizeof(turn->answer));
		sem_post(&turn->done);
	}
	return NULL;
}

int main(void)
{
	char question[100];

	while (fgets(question, sizeof(question), stdin)) {
		int i = question[0] - 'a';

		if (!known[i]) {
			sem_init(&turns[i].go, 0, 0);
			sem_init(&turns[i].done, 0, 0);
			if (pthread_create(&turns[i].thread, NULL, run,
					   &turns[i]) != 0)
				return 1;
			known[i] = 1;
		}
		sem_post(&turns[i].go);
		sem_wait(&turns[i].done);
		puts(turns[i].answer);
		fflush(stdout);
	}
	return 0;
}
