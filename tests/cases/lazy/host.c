/* Calls by name only: nothing but lazy binding finds the functions. */
#include <stdio.h>

#include "worker.h"

int main(void)
{
	char question[100];

	while (fgets(question, sizeof(question), stdin)) {
		printf("lazy=%d in_front=%d", lazy(), in_front());
		printf(" behind=%d versioned=%d\n", behind(), versioned());
		fflush(stdout);
	}
	return 0;
}
