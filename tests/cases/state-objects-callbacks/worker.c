/*
 * A plugin in C: the host makes objects as large as the table says, and hands them to the
 * functions of the table. In build 2 they are of a larger struct, in build 3 of the same
 * and counted in another way, in build 4 only what is on a stack has grown.
 */
#include <stdio.h>

#include "plugin.h"

typedef struct {
	int count;
#if BUILD == 2
	int more[100];
#endif
} counter;

struct passing {
	int by;
#if BUILD == 4
	int more;
#endif
};

static int add(counter *self, const struct passing *passing)
{
#if BUILD == 2
	self->more[99]++;
#endif
	self->count += passing->by;
	return self->count;
}

static int step(void *object)
{
	struct passing passing = { BUILD };

	return add(object, &passing);
}

static int reset(counter *self)
{
	self->count = 0;
	return BUILD;
}

const struct plugin plugin = { sizeof(counter), step, (int (*)(void *))reset };
