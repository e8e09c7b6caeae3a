/* "begin" sends a thread into the worker, "rounds" waits for some of its rounds there,
   "end" brings it out. */
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int value(void);
int serve(int fd);
void stop(void);

enum { ROUNDS = 5, LIMIT_MS = 5000 };

static int fd, served;
static pthread_t thread;

static void *run(void *argument)
{
	served = serve(fd);
	return argument;
}

static int count_rounds(void)
{
	struct pollfd told = { .fd = fd, .events = POLLIN };
	uint64_t no_matter;
	int n = 0;

	while (thread && n < ROUNDS && poll(&told, 1, LIMIT_MS) > 0)
		n += read(fd, &no_matter, sizeof(no_matter)) > 0;
	return n;
}

int main(void)
{
	char question[100];

	fd = eventfd(0, 0);
	while (fgets(question, sizeof(question), stdin)) {
		if (!strncmp(question, "begin", 5)) {
			pthread_create(&thread, NULL, run, NULL);
			printf("begun=%d\n", count_rounds() > 0);
		} else if (!strncmp(question, "rounds", 6)) {
			printf("rounds=%d value=%d\n", count_rounds(), value());
		} else {
			stop();
			pthread_join(thread, NULL);
			thread = 0;
			printf("served=%d\n", served);
		}
		fflush(stdout);
	}
	return 0;
}
