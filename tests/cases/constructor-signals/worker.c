#include "worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#if BUILD == 5
static void (*volatile leave)(int) = 0;
#else
#define leave exit
#endif

#if BUILD == 6
static void *end(void *unused)
{
	exit(7);
	return unused;
}
#endif

__attribute__((constructor)) static void construct(void)
{
#if BUILD == 2
	raise(SIGUSR1);
	pthread_kill(pthread_self(), SIGUSR1);
	kill(getpid(), SIGUSR1);
#elif BUILD == 3
	raise(SIGTERM);
#elif BUILD == 4
	raise(SIGUSR2);
	kill(getpid(), SIGUSR2);
	raise(SIGCHLD);
	kill(getpid(), 0);
#elif BUILD == 5
	leave = exit;
#elif BUILD == 6
	pthread_t thread;

	pthread_create(&thread, NULL, end, NULL);
	pthread_join(thread, NULL);
#elif BUILD == 7
	*(volatile int *)8 = 1;
#endif
}

int worker_value(void)
{
	return BUILD;
}

void worker_end(void)
{
	leave(7);
}
