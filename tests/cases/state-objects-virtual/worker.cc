/* Objects of classes that only this file knows, kept as their base. */
#include <cstdio>

#include "worker.h"

struct shape {
	virtual int area() const = 0;
};

namespace
{
struct circle : shape {
	int radius = 2;
#if BUILD == 2
	int scale[100] = { BUILD };
#endif
	int area() const override
	{
#if BUILD == 2
		return radius * scale[99];
#else
		return radius + BUILD;
#endif
	}
};

struct square : shape {
#if BUILD == 3
	virtual int around() const
	{
		return 4;
	}
#endif
#if BUILD == 4
	int edge = 3;
	int length() const
	{
		return edge;
	}
#else
	int side = 3;
	int length() const
	{
		return side;
	}
#endif
	int area() const override
	{
		return length() + BUILD;
	}
};
} // namespace

static const shape *shapes[2];

extern "C" void worker_answer(const char *question, char *answer, size_t len)
{
	(void)question;
	if (!shapes[0]) {
		shapes[0] = new circle;
		shapes[1] = new square;
	}
	snprintf(answer, len, "circle=%d square=%d", shapes[0]->area(),
		 shapes[1]->area());
}
