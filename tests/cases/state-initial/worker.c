/*
 * Builds that begin variables with other values: in build 2 one, in build 3 a second one,
 * from .bss, too, and in build 4 a text and a function. That what they lead to is elsewhere
 * in each build says nothing.
 */
#include <stdio.h>

#include "worker.h"

static int lives = BUILD == 1 ? 3 : 5;
static struct {
	const char *name;
	int size;
} limits[] = { { "one", 1 }, { "two", BUILD == 3 ? 4 : 2 } };
static int same(void)
{
	return 1;
}

#if BUILD == 4
static int other(void)
{
	return 2;
}
static int (*volatile function)(void) = other;
#else
static int (*volatile function)(void) = same;
#endif
static int (*volatile alike)(void) = same;

static const char *volatile texts[] = { "a text that stays",
					BUILD == 4 ? "new" : "old" };
static int score = BUILD == 3 ? 7 : 0;

void worker_answer(const char *question, char *answer, size_t len)
{
	score++;
	limits[0].size++;
	lives++;
	snprintf(answer, len,
		 "%s=%d lives=%d size=%d score=%d text=%s function=%d",
		 question, BUILD, lives, limits[1].size, score, texts[1],
		 function() + 10 * alike() +
			 100 * (int)(same() * texts[0][0] / 97));
}
