/*
 * A host that has its own crashes and handlers. Questions:
 *
 *     crash, abort    outside the worker
 *     after           at the instruction that follows a call of it
 *     reporter        a handler that dies of the worker's crash
 *     recover         a handler that leaves the worker; how often that was
 *     worse           a handler that crashes itself
 *     send SIGNAL     by a thread, to one that is inside the worker
 *     kill            by another process
 *     worker          the worker crashes
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"

static volatile char *volatile no_place;
static sigjmp_buf back;

static void leave(int signal)
{
	siglongjmp(back, signal);
}

static void report(int number)
{
	static const char text[] = "the host has crashed\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

static void get_worse(int signal)
{
	(void)signal;
	(void)raise(SIGBUS);
}

static long recover(void)
{
	static volatile long times;

	(void)signal(SIGSEGV, leave);
	if (sigsetjmp(back, 1) == 0)
		fault_null(7);
	else
		times++;
	return times;
}

static void *stay_inside(void *unused)
{
	fault_waits(7);
	return unused;
}

static pthread_t begin_inside(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, stay_inside, NULL) != 0)
		exit(98);
	while (worker_calls() == 0)
		usleep(1000);
	return thread;
}

static void send(const char *what)
{
	pthread_t thread = begin_inside();

	pthread_kill(thread, strcmp(what, "abort") ? SIGSEGV : SIGABRT);
	pthread_join(thread, NULL);
}

/* The thread that is inside gets it: this one does not take it. */
static void be_killed(void)
{
	pthread_t thread = begin_inside();
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (fork() == 0)
		_exit(kill(getppid(), SIGSEGV));
	pthread_join(thread, NULL);
}

static void answer(const char *verb, const char *name)
{
	if (!strcmp(verb, "crash"))
		*no_place = 1;
	if (!strcmp(verb, "after"))
		*(volatile char *)worker_calls();
	if (!strcmp(verb, "abort"))
		abort();
	if (!strcmp(verb, "send"))
		send(name);
	if (!strcmp(verb, "kill"))
		be_killed();
	if (!strcmp(verb, "reporter"))
		(void)signal(SIGSEGV, report);
	if (!strcmp(verb, "worse"))
		(void)signal(SIGSEGV, get_worse);
	if (!strcmp(verb, "recover"))
		printf("caught %ld\n", recover());
	else
		printf("%ld\n", fault_null(7));
	fflush(stdout);
}

int main(void)
{
	char question[200];

	while (fgets(question, sizeof(question), stdin)) {
		const char *verb = strtok(question, " \n");

		answer(verb, strtok(NULL, " \n"));
	}
	return 5;
}
