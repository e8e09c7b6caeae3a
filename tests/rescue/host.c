/*
 * A host with threads that call its worker all the time, and check each result. A call
 * that was ended by a rescue gives zero; whether it counted, nobody knows.
 *
 *   value   the build that answers, and what the threads have seen
 *   risk    call what may crash, in this thread
 *   late N  call what the builds have only from the second on
 *   all     risk, once in each thread
 *   hang    call what may never return, in a thread of its own
 *   hung    whether it has returned
 *   sum     hold the threads, and compare what they have counted
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker.h"

static atomic_long wrong, zeros, rounds, added, unsure, risked, parked;
static atomic_bool park, hangs;
static atomic_uint rough;
static callback *kept;
static int n_threads;

/* RESULT is N's, of some build; HELD: or of a function that is held. */
static void check(long result, long n, bool held)
{
	if (result == 0 && !held)
		zeros++;
	else if (result != 0 && (result / STEP != n || result % STEP == 0))
		wrong++;
}

static void check_count(long *mine, bool *may_be_more)
{
	long result = count();

	if (result == 0) {
		zeros++;
		*may_be_more = true;
		return;
	}
	if (result != *mine + 1 && !(*may_be_more && result > *mine))
		wrong++;
	*mine = result;
	*may_be_more = false;
}

static void check_add(void)
{
	if (add() > 0) {
		added++;
	} else {
		unsure++;
		zeros++;
	}
}

static void *run(void *unused)
{
	const struct timespec moment = { 0, 20000 };
	unsigned int seen = 0;
	bool more = false;
	long mine = 0;

	for (long n = 1;; n = n % 1000 + 1) {
		check(work(n), n, false);
		check(kept(n), n, false);
		check_count(&mine, &more);
		check_add();
		check(risk(n), n, true);
		if (seen != rough) {
			seen = rough;
			(void)risk(-1);
			risked++;
		}
		rounds++;
		if (park) {
			parked++;
			while (park)
				nanosleep(&moment, NULL);
			parked--;
		}
		if (n % 16 == 0)
			nanosleep(&moment, NULL);
	}
	return unused;
}

static void *be_hung(void *unused)
{
	(void)hang();
	hangs = false;
	return unused;
}

static void start_hang(void)
{
	pthread_t thread;

	hangs = true;
	pthread_create(&thread, NULL, be_hung, NULL);
	pthread_detach(thread);
}

static void sum(void)
{
	const struct timespec moment = { 0, 100000 };
	long all;

	park = true;
	while (parked < n_threads)
		nanosleep(&moment, NULL);
	all = get_all();
	printf("all=%ld added=%ld unsure=%ld\n", all, (long)added,
	       (long)unsure);
	park = false;
	while (parked > 0)
		nanosleep(&moment, NULL);
}

static void tell_value(void)
{
	printf("build=%ld callback=%ld wrong=%ld zeros=%ld risked=%ld "
	       "rounds=%ld\n",
	       work(0), kept(0), (long)wrong, (long)zeros, (long)risked,
	       (long)rounds);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char line[64];

	n_threads = argc > 1 ? atoi(argv[1]) : 0;
	kept = get_callback();
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 0; i < n_threads; i++)
		pthread_create(&thread, NULL, run, NULL);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "risk\n"))
			printf("risk=%ld\n", risk(-1));
		else if (!strncmp(line, "late ", 5))
			printf("late=%ld\n",
			       get_late()(strtol(line + 5, NULL, 10)));
		else if (!strcmp(line, "all\n"))
			printf("rough=%u\n", ++rough);
		else if (!strcmp(line, "hang\n")) {
			start_hang();
			printf("hangs=1\n");
		} else if (!strcmp(line, "hung\n"))
			printf("hangs=%d\n", (int)hangs);
		else if (!strcmp(line, "sum\n"))
			sum();
		else
			tell_value();
	}
	return 0;
}
