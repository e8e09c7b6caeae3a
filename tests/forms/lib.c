/*
 * What scan_forms compiles in many ways: one of each kind of type and export that C
 * has. OTHER leaves out what a second library must not share with it.
 */
#include <stdbool.h>
#include <stddef.h>
struct node;
typedef int visit(struct node *, void *);
enum color { RED, GREEN = 5, NONE = -1 };
typedef struct {
	double x, y;
} point;
struct node {
	struct node *next, *before;
	point at;
	enum color color : 4;
	unsigned int a : 3, b : 9;
	bool ready : 1;
	union {
		long number;
		char text[3][5];
		struct {
			short in, out;
		};
	};
	visit *each;
	const char *const names[2];
	char rest[];
};
struct hidden;
struct node *first;
point origin;
const long limit = 7;
static int count;
#ifndef OTHER
__thread int turn;
#else
int turn;
#endif
#ifndef OTHER
__thread struct {
	int a;
	char b;
} mine = { 1, 2 };
#else
struct {
	int a;
	char b;
} mine = { 1, 2 };
#endif
int grid[4][6];
volatile int flag;
visit *hook;
static int *where(int *a)
{
	return a + count;
}
int walk(struct node *from, visit *each, void *context)
{
	for (; from; from = from->next)
		count += each(from, context);
	return count;
}
int unused(int a, long b, point c)
{
	return 3;
}
point middle(const point *a, point b)
{
	return (point){ a->x + b.x, a->y + b.y };
}
int say(const char *format, ...)
{
	return *format;
}
struct hidden *open_it(enum color color, size_t n, int list[])
{
	turn += mine.b;
	return (struct hidden *)where(list + n + color);
}
__int128 wide(unsigned char a, signed char b, float c, long double d)
{
	return a + b + (int)c + (int)d;
}
_Complex double twice(_Complex double a)
{
	return a * 2;
}
int same(int a, int b)
{
	return a * b;
}
int other(int a, int b) __attribute__((alias("same")));
struct out {
	struct in {
		int a;
	} in;
	struct in *other;
};
int nested(struct out *o)
{
	return o->in.a;
}
