/*
 * "block" sends a thread into the worker, "release" brings it out and says what
 * it got: the callee's value before and the builds of block() and of the callee
 * afterwards. "call" is a call of another thread.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int value(void);
int block(int fd);

static int fds[2];
static int result;
static pid_t tid;
static sem_t inside;
static pthread_t thread;

static void *run(void *argument)
{
	tid = gettid();
	sem_post(&inside);
	result = block(fds[0]);
	return argument;
}

/* Whether the thread's PC is that of a read. */
static int sleeps(void)
{
	char path[100], text[200] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return !strncmp(text, "0 ", 2);
}

int main(void)
{
	char question[100];

	sem_init(&inside, 0, 0);
	if (pipe(fds) != 0)
		return 1;
	while (fgets(question, sizeof(question), stdin)) {
		if (!strncmp(question, "block", 5)) {
			pthread_create(&thread, NULL, run, NULL);
			sem_wait(&inside);
			while (!sleeps())
				usleep(100);
			printf("inside=1\n");
		} else if (!strncmp(question, "release", 7)) {
			if (write(fds[1], "x", 1) != 1)
				return 1;
			pthread_join(thread, NULL);
			printf("result=%d\n", result);
		} else {
			printf("value=%d\n", value());
		}
		fflush(stdout);
	}
	return 0;
}
