/*
 * Objects that outlive the code which made them. In build 2 those of a list grow,
 * in build 3 a structure that is a variable has its members exchanged, in build 4
 * the numbers of a stored enum move, in build 5 what an opaque handle leads to is
 * another thing, in build 6 padding becomes a member; build 7 changes only what no
 * variable leads to; build 8 gives a list of other things another variable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker.h"

struct thing {
	struct thing *next;
	int value;
#if BUILD == 2
	int more[3];
#endif
};

struct place {
#if BUILD == 3
	int y, x;
#else
	int x, y;
#endif
};

enum mode {
#if BUILD == 4
	SLOW,
#endif
	FAST,
	FASTER,
};

struct handle {
#if BUILD == 5
	float amount;
#else
	int amount;
#endif
};

struct padded {
	long first;
	char second;
#if BUILD == 6
	char third;
#endif
};

/* on the stack, for the length of a call */
struct passing {
#if BUILD == 7
	char name[40];
#endif
	int sum;
};

#if BUILD == 8
struct other {
	char name[8];
	struct other *next;
};
static struct other *others;
#endif

static struct thing *things;
static struct place place = { 3, 4 };
static enum mode mode = FASTER;
static struct padded padded = { .first = 5 };

struct handle *handle_new(void)
{
	return calloc(1, sizeof(struct handle));
}

int handle_get(const struct handle *handle)
{
	return (int)handle->amount;
}

static void add(struct passing *passing, int value)
{
	passing->sum += value;
}

void worker_answer(const char *question, char *answer, size_t len)
{
	struct passing passing = { .sum = 0 };
	struct thing *thing = calloc(1, sizeof(*thing));

	if (!strcmp(question, "move")) {
		place.x++;
		mode = FAST;
		padded.first++;
	}
	thing->next = things;
	thing->value = BUILD;
	things = thing;
	for (thing = things; thing; thing = thing->next)
		add(&passing, thing->value);
#if BUILD == 8
	others = calloc(1, sizeof(*others));
	add(&passing, others->name[0]);
	free(others);
#endif
	snprintf(answer, len, "%s=%d place=%d,%d mode=%d padded=%ld sum=%d",
		 question, BUILD, place.x, place.y, (int)mode, padded.first,
		 passing.sum);
}
