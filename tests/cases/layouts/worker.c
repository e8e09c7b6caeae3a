/*
 * What a host hands to the worker. In build 2 a structure grows that only a host can
 * have made, in build 3 its members are exchanged, in build 4 an enum's numbers move,
 * in build 5 a callback is called with more; build 6 only counts in another way.
 */
#include <stdio.h>

#include "worker.h"

struct box {
#if BUILD == 3
	int height, width;
#else
	int width, height;
#endif
#if BUILD == 2
	int depth;
#endif
};

enum side {
#if BUILD == 4
	TOP,
#endif
	LEFT,
	RIGHT,
	FRONT,
	BACK,
	IN,
	OUT,
};

#if BUILD == 5
typedef int measure_fn(void *context, int side, int unit);
#else
typedef int measure_fn(void *context, int side);
#endif

int box_area(const struct box *box)
{
	return box->width * box->height + BUILD;
}

int box_side(const struct box *box, enum side side)
{
	return side == LEFT ? box->width : box->height;
}

int box_measure(measure_fn *measure, void *context)
{
#if BUILD == 5
	return measure(context, 1, 2);
#else
	return measure(context, 1);
#endif
}

void worker_answer(const char *question, char *answer, size_t len)
{
	snprintf(answer, len, "%s=%d", question, BUILD);
}
