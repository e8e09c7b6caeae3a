/*
 * "until N" answers when all that the loop calls has given N; "again" has the loop begin
 * in the newest build.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

void frame_loop(volatile int *running, volatile int *values);

static volatile int running = 1, values[3];

static void *run(void *argument)
{
	frame_loop(&running, values);
	return argument;
}

int main(void)
{
	pthread_t thread;
	char question[100];

	pthread_create(&thread, NULL, run, NULL);
	while (fgets(question, sizeof(question), stdin)) {
		int wanted = atoi(question + 6);

		if (question[0] == 'a') {
			running = 0;
			pthread_join(thread, NULL);
			running = 1;
			pthread_create(&thread, NULL, run, NULL);
			wanted = values[0];
		}

		while (values[0] != wanted || values[1] != wanted ||
		       values[2] != wanted)
			sched_yield();
		printf("exported=%d static=%d pointed=%d\n", values[0],
		       values[1], values[2]);
		fflush(stdout);
	}
	running = 0;
	pthread_join(thread, NULL);
	return 0;
}
