/* Has a copy of one variable of the worker, and one of its own instead of another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern int counter;
int other = 7;
int step(void);

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
		if (!strncmp(question, "builds ", 7)) {
			printf("builds=%d\n", await_builds(atoi(question + 7)));
			fflush(stdout);
			continue;
		}
		counter += 100;
		printf("step=%d", step());
		printf(" counter=%d other=%d\n", counter, other);
		fflush(stdout);
	}
	return 0;
}
