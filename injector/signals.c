#include "injector/signals.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(signal) (1ULL << ((signal)-1))

/* Those that do not end a process by default. */
#define HARMLESS                                                     \
	(BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | BIT(SIGWINCH) | \
	 BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))
/* A process that catches them does so to end in good order. */
#define ASK_TO_END (BIT(SIGTERM) | BIT(SIGINT) | BIT(SIGQUIT))

struct sets {
	uint64_t pending, ignored, caught;
};

static void read_line(const char *line, struct sets *sets)
{
	if (strncmp(line, "SigPnd:", 7) == 0)
		sets->pending = strtoull(line + 7, NULL, 16);
	else if (strncmp(line, "SigIgn:", 7) == 0)
		sets->ignored = strtoull(line + 7, NULL, 16);
	else if (strncmp(line, "SigCgt:", 7) == 0)
		sets->caught = strtoull(line + 7, NULL, 16);
}

/* All are empty when the thread is gone. */
static struct sets read_sets(pid_t pid, pid_t tid)
{
	struct sets sets = { 0, 0, 0 };
	char text[200];
	FILE *file;

	snprintf(text, sizeof(text), "/proc/%d/task/%d/status", pid, tid);
	file = fopen(text, "re");
	if (!file)
		return sets;
	while (fgets(text, sizeof(text), file))
		read_line(text, &sets);
	fclose(file);
	return sets;
}

uint64_t hi_signals_get_stuck(pid_t pid, pid_t tid)
{
	struct sets sets = read_sets(pid, tid);

	return sets.pending & ~HARMLESS & ~sets.ignored &
	       (~sets.caught | ASK_TO_END);
}

bool hi_signals_are_caught(pid_t pid, pid_t tid, int signal)
{
	return read_sets(pid, tid).caught & BIT(signal);
}
