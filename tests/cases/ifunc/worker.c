/*
 * Each answer is the build's number and, behind the point, the implementation:
 * 21 is the first one of build 2.
 */
#include "worker.h"

typedef int implementation(void);

#define APART __attribute__((noinline, noclone))

/* Builds 1, 2 and 4 have first() and third(), the others call them otherwise. */
#if BUILD == 3 || BUILD == 5
#define first first_by_another_name
#define third third_by_another_name
#define FIRST "first_by_another_name"
#else
#define FIRST "first"
#endif

static APART int first(void)
{
	return 10 * BUILD + 1;
}

/* Another name of the same code, through the PLT. */
int exported_first(void) __attribute__((alias(FIRST)));

/* Implementations may call each other. */
static implementation *volatile fallback = 0;

static APART int second(void)
{
	fallback = first;
	return fallback() + exported_first() - first() + 1;
}

static APART int third(void)
{
	return 10 * BUILD + 3;
}

static APART int common(void)
{
	return 10 * BUILD + 4;
}

#if BUILD == 4
int chosen(void)
{
	return second() + 3;
}
#else
__attribute__((used)) static implementation *choose(void)
{
	return BUILD == 2 ? second : first;
}

int chosen(void) __attribute__((ifunc("choose")));
#endif

__attribute__((used)) static implementation *choose_third(void)
{
	return third;
}

int by_pointer(void) __attribute__((ifunc("choose_third")));

/* Two functions of one implementation, which stay together. */
__attribute__((used)) static implementation *choose_common(void)
{
	return common;
}

int shared_one(void) __attribute__((ifunc("choose_common")));
int shared_two(void) __attribute__((ifunc("choose_common")));

static int hidden(void) __attribute__((ifunc("choose_third")));

int through_hidden(void)
{
	return hidden();
}

int through_chosen(void)
{
	return chosen();
}

int (*address_of_chosen(void))(void)
{
	return chosen;
}

/* Each build has its own. */
#define PASTE(name, number) name##number
#define NAME(name, number)  PASTE(name, number)
#define seen                NAME(seen_in_, BUILD)

static int volatile seen = 0;

__attribute__((constructor)) static void construct(void)
{
	seen = chosen();
}

int seen_by_constructor(void)
{
	return seen;
}
