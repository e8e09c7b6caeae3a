/*
 * Threads that wait in every way; each counts the waits that a reload has cut
 * short. "call" gives the counts, "wake" ends all waits without a time limit.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int value(void);

static int event_fd, forever_fd, timed_fd, sockets[2], semaphores;
static int futex_word;
static volatile int stopping;

static int wait_forever(void)
{
	struct epoll_event event;

	return epoll_wait(forever_fd, &event, 1, -1);
}

static int wait_epoll(void)
{
	struct epoll_event event;

	return epoll_wait(timed_fd, &event, 1, 30);
}

static int wait_signal(void)
{
	struct timespec limit = { 0, 30000000 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigtimedwait(&set, NULL, &limit);
}

static int wait_semaphore(void)
{
	struct sembuf operation = { 0, -1, 0 };
	struct timespec limit = { 0, 30000000 };

	return semtimedop(semaphores, &operation, 1, &limit);
}

static int wait_socket(void)
{
	char byte;

	return (int)recv(sockets[0], &byte, 1, 0);
}

static int wait_sleep(void)
{
	struct timespec limit = { 0, 30000000 };

	return nanosleep(&limit, NULL);
}

static int wait_poll(void)
{
	return poll(NULL, 0, 30);
}

static int wait_select(void)
{
	struct timeval limit = { 0, 30000 };

	return select(0, NULL, NULL, NULL, &limit);
}

static int wait_futex(void)
{
	struct timespec limit = { 0, 30000000 };

	return (int)syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0,
			    &limit, NULL, 0);
}

static struct sleeper {
	const char *name;
	int (*wait)(void);
	pthread_t thread;
	volatile int interrupted;
	volatile int returned;
} sleepers[] = {
	{ "forever", wait_forever, 0, 0, 0 },
	{ "epoll", wait_epoll, 0, 0, 0 },
	{ "signal", wait_signal, 0, 0, 0 },
	{ "semaphore", wait_semaphore, 0, 0, 0 },
	{ "socket", wait_socket, 0, 0, 0 },
	{ "sleep", wait_sleep, 0, 0, 0 },
	{ "poll", wait_poll, 0, 0, 0 },
	{ "select", wait_select, 0, 0, 0 },
	{ "futex", wait_futex, 0, 0, 0 },
};

enum { N_SLEEPERS = sizeof(sleepers) / sizeof(*sleepers) };

static void *run(void *argument)
{
	struct sleeper *sleeper = argument;

	while (!stopping) {
		int result = sleeper->wait();

		if (result < 0 && errno == EINTR)
			sleeper->interrupted++;
		sleeper->returned++;
	}
	return NULL;
}

static void set_up(void)
{
	struct epoll_event wanted = { .events = EPOLLIN };
	struct timeval limit = { 0, 30000 };
	sigset_t set;

	/* Where that is allowed, the semaphore ends with the process. */
	if (unshare(CLONE_NEWIPC) != 0)
		errno = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	event_fd = eventfd(0, 0);
	forever_fd = epoll_create1(0);
	timed_fd = epoll_create1(0);
	epoll_ctl(forever_fd, EPOLL_CTL_ADD, event_fd, &wanted);
	socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
	setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	for (int i = 0; i < N_SLEEPERS; i++)
		pthread_create(&sleepers[i].thread, NULL, run, &sleepers[i]);
}

int main(void)
{
	uint64_t one = 1;
	char question[100];

	set_up();
	while (fgets(question, sizeof(question), stdin)) {
		if (!strncmp(question, "wake", 4)) {
			stopping = 1;
			if (write(event_fd, &one, sizeof(one)) < 0)
				return 1;
			for (int i = 0; i < N_SLEEPERS; i++)
				pthread_join(sleepers[i].thread, NULL);
		}
		printf("value=%d returned=%d", value(), sleepers[0].returned);
		for (int i = 0; i < N_SLEEPERS; i++)
			printf(" %s=%d", sleepers[i].name,
			       sleepers[i].interrupted);
		printf("\n");
		fflush(stdout);
	}
	semctl(semaphores, 0, IPC_RMID);
	return 0;
}
