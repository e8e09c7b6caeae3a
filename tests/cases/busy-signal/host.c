/*
 * "spin" sends a thread into the worker, and a signal's handler interrupts it there
 * and sleeps; "release" lets both return. With ALTSTACK the handler has a stack of its
 * own.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int spin(volatile int *go);

static volatile int begun, go;
static int fds[2];
static int result;
static sem_t handled;

static void handle(int signal)
{
	char byte;

	(void)signal;
	sem_post(&handled);
	while (read(fds[0], &byte, 1) != 1)
		;
}

static void *run(void *argument)
{
#ifdef ALTSTACK
	static char memory[65536];
	stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };

	sigaltstack(&stack, NULL);
#endif
	begun = 1;
	result = spin(&go);
	return argument;
}

int main(void)
{
	struct sigaction action = { .sa_handler = handle,
				    .sa_flags = SA_ONSTACK };
	char question[100];
	pthread_t thread;

	sem_init(&handled, 0, 0);
	sigaction(SIGUSR1, &action, NULL);
	if (pipe(fds) != 0)
		return 1;
	while (fgets(question, sizeof(question), stdin)) {
		if (!strncmp(question, "spin", 4)) {
			begun = go = 0;
			pthread_create(&thread, NULL, run, NULL);
			while (!begun)
				usleep(100);
			usleep(20000);
			pthread_kill(thread, SIGUSR1);
			sem_wait(&handled);
			printf("inside=1\n");
		} else {
			go = 1;
			if (write(fds[1], "x", 1) != 1)
				return 1;
			pthread_join(thread, NULL);
			printf("result=%d\n", result);
		}
		fflush(stdout);
	}
	return 0;
}
