/* Tells the order in which the worker's constructors and destructors have run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int value(void);

int volatile host_awaited, host_done;

static char notes[100];
static int n_notes;

void host_note(char what)
{
	if (n_notes + 1 < (int)sizeof(notes))
		notes[n_notes++] = what;
}

/* setuid(2) of the C library waits for every thread of the process. */
static int become_oneself(void)
{
	int result;

	while (!host_awaited)
		usleep(100);
	result = setuid(getuid());
	host_done = 1;
	return result;
}

/* Wait until N builds of the worker are mapped: letting go of one takes its time. */
static int await_builds(int n)
{
	char line[500];
	int found = -1;

	for (int i = 0; i < 5000 && found != n; i++) {
		FILE *maps = fopen("/proc/self/maps", "r");

		found = 0;
		while (maps && fgets(line, sizeof(line), maps))
			found += strstr(line, " r-xp ") &&
				 strstr(line, "libworker");
		if (maps)
			fclose(maps);
		usleep(1000);
	}
	return found;
}

int main(void)
{
	char question[100];

	while (fgets(question, sizeof(question), stdin)) {
		if (!strcmp(question, "become\n"))
			printf("become=%d ", become_oneself());
		if (!strncmp(question, "builds ", 7))
			printf("builds=%d ", await_builds(atoi(question + 7)));
		printf("value=%d notes=%s\n", value(), notes);
		fflush(stdout);
	}
	return 0;
}
