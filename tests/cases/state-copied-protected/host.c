/* Has a copy of one variable of the worker, and one of its own instead of another. */
#include <stdio.h>

extern int counter;
int other = 7;
int step(void);

int main(void)
{
	char question[100];

	while (fgets(question, sizeof(question), stdin)) {
		counter += 100;
		printf("step=%d", step());
		printf(" counter=%d other=%d\n", counter, other);
		fflush(stdout);
	}
	return 0;
}
