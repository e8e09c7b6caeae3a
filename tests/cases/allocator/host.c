/* "hold": a thread begins to hold the allocator's lock until somebody waits for it. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int value(void);
void hold_until_wanted(volatile int *held);

static volatile int held;

static void *run(void *argument)
{
	hold_until_wanted(&held);
	pause();
	return argument;
}

int main(void)
{
	char question[100], answer[100];
	pthread_t thread;
	int len;

	while (read(STDIN_FILENO, question, sizeof(question)) > 0) {
		if (!strncmp(question, "hold", 4)) {
			pthread_create(&thread, NULL, run, NULL);
			while (!held)
				sched_yield();
		}
		/* without malloc(3), which would end the holding */
		len = snprintf(answer, sizeof(answer), "value=%d\n", value());
		if (write(STDOUT_FILENO, answer, (size_t)len) < 0)
			break;
	}
	return 0;
}
