/* Catches some signals and ignores one; answers how many came. */
#include <signal.h>
#include <stdio.h>

#include "worker.h"

static int volatile n_user, n_term;

static void on_signal(int number)
{
	if (number == SIGTERM)
		n_term++;
	else
		n_user++;
}

/* The kernel takes a handler away when its signal is forced on a thread that blocks it. */
static int has_handler(void)
{
	struct sigaction action;

	sigaction(SIGSEGV, NULL, &action);
	return action.sa_handler == on_signal;
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESTART };
	char question[100];

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	signal(SIGUSR2, SIG_IGN);
	while (fgets(question, sizeof(question), stdin)) {
		printf("value=%d user=%d term=%d handler=%d\n", worker_value(),
		       n_user > 0, n_term, has_handler());
		fflush(stdout);
	}
	worker_end();
	return 0;
}
