/* Makes one object at the start, and has the plugin work on it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

int main(void)
{
	char question[100];
	void *object = calloc(1, plugin.size);

	while (fgets(question, sizeof(question), stdin)) {
		if (!strncmp(question, "reset", 5))
			printf("reset=%d\n", plugin.reset(object));
		else
			printf("count=%d\n", plugin.step(object));
		fflush(stdout);
	}
	free(object);
	return 0;
}
