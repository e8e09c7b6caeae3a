/*
 * A thread loops in the worker. "round" waits until it has been round and says what
 * it gets; "call" is a call of another thread, "leave" ends the loop, "enter" begins
 * one.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

long now(void);
void loop(volatile int *go, volatile long *seen, long rounds);

static volatile int go;
static volatile long seen;
static pthread_t thread;

static void *run(void *argument)
{
	loop(&go, &seen, 0);
	return argument;
}

int main(void)
{
	char question[100];

	while (fgets(question, sizeof(question), stdin)) {
		if (!strncmp(question, "enter", 5)) {
			go = 1;
			pthread_create(&thread, NULL, run, NULL);
		} else if (!strncmp(question, "leave", 5)) {
			go = 0;
			pthread_join(thread, NULL);
		}
		/* the round that has begun may be one of before */
		for (int i = 0; i < 2 && go; i++) {
			seen = 0;
			while (!seen)
				sched_yield();
		}
		printf("called=%ld seen=%ld\n", now(), go ? seen : 0);
		fflush(stdout);
	}
	return 0;
}
