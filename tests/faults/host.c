/* Has as many threads as it is told to make, which all answer when they are asked. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int value(void);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t asked = PTHREAD_COND_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static unsigned long n_questions, n_answers, n_threads;

static void *run(void *unused)
{
	unsigned long seen = 0;

	pthread_mutex_lock(&lock);
	for (;;) {
		while (seen == n_questions)
			pthread_cond_wait(&asked, &lock);
		seen = n_questions;
		n_answers += value() > 0;
		pthread_cond_signal(&answered);
	}
	return unused;
}

static void make_threads(unsigned long n)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	while (n--)
		if (pthread_create(&thread, &attr, run, NULL) == 0)
			n_threads++;
	printf("threads=%lu\n", n_threads);
}

static void ask_threads(void)
{
	pthread_mutex_lock(&lock);
	n_answers = 0;
	n_questions++;
	pthread_cond_broadcast(&asked);
	while (n_answers < n_threads)
		pthread_cond_wait(&answered, &lock);
	printf("answers=%lu\n", n_answers);
	pthread_mutex_unlock(&lock);
}

int main(void)
{
	char question[100];

	while (fgets(question, sizeof(question), stdin)) {
		if (!strncmp(question, "threads ", 8))
			make_threads(strtoul(question + 8, NULL, 10));
		else if (!strncmp(question, "ask", 3))
			ask_threads();
		else
			printf("value=%d\n", value());
		fflush(stdout);
	}
	return 0;
}
