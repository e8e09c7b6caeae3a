/*
 * "enter" has a thread wait below a function of the worker, "leave" has it return.
 * Compiled so that nobody can follow the frames of the host.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

int through(int (*callback)(void));

static int (*volatile pointer)(int (*callback)(void)) = through;
static pthread_t thread;
static sem_t entered, leave;
static int result;

static int wait_here(void)
{
	sem_post(&entered);
	sem_wait(&leave);
	return 0;
}

static int return_at_once(void)
{
	return 0;
}

static void *run(void *argument)
{
	result = through(wait_here);
	return argument;
}

int main(void)
{
	char question[100];

	sem_init(&entered, 0, 0);
	sem_init(&leave, 0, 0);
	while (fgets(question, sizeof(question), stdin)) {
		if (!strncmp(question, "enter", 5)) {
			pthread_create(&thread, NULL, run, NULL);
			sem_wait(&entered);
			printf("entered=1\n");
		} else if (!strncmp(question, "leave", 5)) {
			sem_post(&leave);
			pthread_join(thread, NULL);
			printf("left=%d\n", result);
		} else {
			printf("call=%d pointer=%d\n", through(return_at_once),
			       pointer(return_at_once));
		}
		fflush(stdout);
	}
	return 0;
}
