/*
 * Variables of every kind. Each "step" adds one to all of them. Build 2 has the
 * same variables, other code and other constants; build 3 has new variables and
 * another order; build 4 is as build 2.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker.h"

enum { N = 16 };

struct node {
	struct node *next, *previous;
};

extern int exported_counter;
static int static_counter;

#if BUILD == 3
static int new_first = 500;
static int touched_new = 7;
static char new_text[40] = "new";
int new_exported = 900;
#endif

#if BUILD != 3
int exported_counter = 10;
static int static_counter = 20;
#endif
static int array[N];
static int after_array = 30;
static struct node head = { &head, &head };
static int target = 40;
static int *pointer = &target;
int *exported_pointer = &exported_counter;
static int *inner_pointer = &array[5];
static char text[100];
static const char *motto = "first";
static struct {
	char tag;
	long numbers[3];
	double real;
} record = { 'a', { 1, 2, 3 }, 0.5 };
#if BUILD == 3
static int static_counter = 20;
int exported_counter = 10;
#endif

/* Addresses of variables in data that is read-only after the start. */
static int *const views[] = { &static_counter, &array[3], &target };
static struct node *const head_view = &head;

#if BUILD == 1
static const char *const names[] = { "one", "uno" };
static const int table[] = { 11, 12, 13 };
#else
static const char *const names[] = { "two", "dos", "deux" };
static const int table[] = { 21, 22, 23, 24 };
#endif

static int handler(void)
{
	return BUILD;
}

static int (*handler_pointer)(void) = handler;

#if BUILD != 1
/* Gives the static variable of count_locally() another number. */
static int padding(int a)
{
	int b = a + 1, c = b * 2, d = c - a;
	static int other = 1000;

	{
		int e = b + c, f = d;

		other += e + f - e - f;
	}
	return other - 1000 + a - a;
}
#endif

static int count_locally(void)
{
	static int count = 50;

	return ++count;
}

static void step_array(void)
{
	int *p;

	/* Up to one past the end, and down to one before the beginning. */
	for (p = array; p != array + N; p++)
		*p += 2;
	for (int i = N - 1; i >= 0; i--)
		array[i]--;
	after_array++;
}

static int sum_array(void)
{
	int sum = 0;

	for (const int *p = array + N; p-- != array;)
		sum += *p;
	return sum / N;
}

static void step_list(void)
{
	struct node *node = malloc(sizeof(*node));

	node->next = head.next;
	node->previous = &head;
	head.next->previous = node;
	head.next = node;
}

static int length_of_list(void)
{
	int forward = 0, backward = 0;

	for (struct node *n = head.next; n != &head; n = n->next)
		forward++;
	for (struct node *n = head_view->previous; n != head_view;
	     n = n->previous)
		backward++;
	return forward == backward ? forward : -1;
}

static void step(void)
{
	exported_counter++;
	static_counter++;
	step_array();
	step_list();
	(*pointer)++;
	strcat(text, "x");
	record.numbers[2]++;
	record.real *= 2;
	record.tag++;
#if BUILD == 3
	new_first++;
	new_exported++;
	strcat(new_text, "!");
#endif
}

static size_t describe_new(char *answer, size_t len)
{
#if BUILD == 3
	return (size_t)snprintf(answer, len, " new=%d,%d,%d,%s", new_first,
				touched_new++, new_exported, new_text);
#elif BUILD == 1
	return (size_t)snprintf(answer, len, " new=no");
#else
	return (size_t)snprintf(answer, len, " new=no%d", padding(0));
#endif
}

void worker_answer(const char *question, char *answer, size_t len)
{
	size_t n;

	if (!strcmp(question, "step"))
		step();
	n = (size_t)snprintf(
		answer, len,
		"exported=%d static=%d local=%d array=%d after=%d list=%d"
		" target=%d pointer=%d exported_pointer=%d text=%zu motto=%s"
		" record=%c%ld,%g views=%d,%d,%d inner=%d",
		exported_counter, static_counter, count_locally(), sum_array(),
		after_array, length_of_list(), target, *pointer,
		*exported_pointer, strlen(text), motto, record.tag,
		record.numbers[2], record.real, *views[0], *views[1], *views[2],
		*inner_pointer);
	n += (size_t)snprintf(answer + n, len - n,
			      " names=%s,%zu table=%d,%zu handler=%d", names[1],
			      sizeof(names) / sizeof(*names), table[2],
			      sizeof(table) / sizeof(*table),
			      handler_pointer());
	describe_new(answer + n, len - n);
}
