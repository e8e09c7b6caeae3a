#define APART __attribute__((noinline))

static int calls;

static APART int inner(int argument)
{
	__asm__ volatile("");
	return argument + BUILD;
}

APART int outer(int argument)
{
	__asm__ volatile("");
	return argument + BUILD;
}

/* Both callees are of the same build, unless a thread would not leave. */
int value(int argument)
{
	return inner(argument) * 1000 + outer(argument);
}

int pointed(int argument)
{
	return inner(argument);
}

int count(void)
{
	return __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
}
