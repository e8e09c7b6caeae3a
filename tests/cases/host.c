/*
 * The host of stories that need no other: each line that it reads is a
 * question, which the worker answers. "exit N" ends it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker.h"

int main(void)
{
	char question[200], answer[500];

	while (fgets(question, sizeof(question), stdin)) {
		question[strcspn(question, "\n")] = '\0';
		if (!strncmp(question, "exit ", 5))
			return atoi(question + 5);
		worker_answer(question, answer, sizeof(answer));
		puts(answer);
		fflush(stdout);
	}
	return 0;
}
