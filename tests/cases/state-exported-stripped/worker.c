#include <stdio.h>

#include "worker.h"

int counter = 10;
int numbers[4] = { 1, 2, 3, 4 };

void worker_answer(const char *question, char *answer, size_t len)
{
	counter++;
	for (int *p = numbers; p != numbers + 4; p++)
		(*p)++;
	snprintf(answer, len, "%s=%d counter=%d numbers=%d", question, BUILD,
		 counter, numbers[3]);
}
