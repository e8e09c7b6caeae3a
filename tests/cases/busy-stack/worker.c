/*
 * A loop that calls step() with a stack that is not aligned, which step() of its own
 * build does not care for and that of build 2 does.
 */
typedef float vector __attribute__((vector_size(16)));

static long step(void)
{
#if BUILD == 2
	volatile vector ones = { 1, 1, 1, 1 };

	return (long)ones[0] + 1;
#else
	return BUILD;
#endif
}

long now(void)
{
	return step();
}

/* Until *GO is 0. Three words of its own: the stack is not aligned. */
void loop(volatile int *go, volatile long *seen, long rounds)
{
	while (*go)
		*seen = step(), rounds++;
}
