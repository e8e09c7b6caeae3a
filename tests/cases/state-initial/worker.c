/*
 * Builds that begin variables with other values: in build 2 one, in build 3 a second one,
 * from .bss, too. Pointers are other ones in each build, and say nothing.
 */
#include <stdio.h>

#include "worker.h"

static int lives = BUILD == 1 ? 3 : 5;
static struct {
	const char *name;
	int size;
} limits[] = { { "one", 1 },
	       { BUILD == 2 ? "two" : "dos", BUILD == 3 ? 4 : 2 } };
static int score = BUILD == 3 ? 7 : 0;

void worker_answer(const char *question, char *answer, size_t len)
{
	score++;
	limits[0].size++;
	lives++;
	snprintf(answer, len, "%s=%d lives=%d size=%d score=%d name=%s",
		 question, BUILD, lives, limits[1].size, score, limits[0].name);
}
