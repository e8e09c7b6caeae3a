/*
 * A thread loops in the worker. "round" waits until it has been round and says what
 * it gets of the builds of helper() and easy() and how often its values were wrong;
 * "call" is a call of another thread, "leave" ends the loop, "enter" begins one.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

long exported(void);
void loop(volatile int *go, const long *p, const double *d,
	  volatile long *builds, volatile long *wrong);

static volatile int go;
static volatile long builds, wrong;
static pthread_t thread;

static void *run(void *argument)
{
	static const long values[] = { 1, 2, 3, 4, 5, 6 };
	static const double doubles[] = { 1, 2, 3 };

	loop(&go, values, doubles, &builds, &wrong);
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
		if (!strncmp(question, "call", 4)) {
			printf("called=%ld\n", exported());
		} else {
			for (int i = 0; i < 2 && go; i++) {
				builds = 0;
				while (!builds)
					sched_yield();
			}
			printf("seen=%ld wrong=%d\n", go ? builds : 0,
			       wrong != 0);
		}
		fflush(stdout);
	}
	return 0;
}
