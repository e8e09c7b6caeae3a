/*
 * A callback that build 1 alone has. The host keeps its address; it holds values in
 * registers that helper() of build 1 leaves alone and that of build 2 overwrites.
 */
#define APART __attribute__((noinline, noclone))

#if BUILD == 2
static APART long helper(long n)
{
	__asm__ volatile("mov $-1, %%rcx\n\tmov %%rcx, %%rdx\n\t"
			 "mov %%rcx, %%rsi\n\tmov %%rcx, %%r8\n\t"
			 "mov %%rcx, %%r9\n\tmov %%rcx, %%r10"
			 :
			 :
			 : "rcx", "rdx", "rsi", "r8", "r9", "r10");
	return n + BUILD;
}
#else
static APART long helper(long n)
{
	__asm__ volatile("");
	return n + BUILD;
}
#endif

#if BUILD == 1
static APART long callback(long a, long b)
{
	return helper(0) + a * 100 + b * 10;
}
#endif

typedef long (*pointer)(long a, long b);

pointer get_callback(void)
{
#if BUILD == 1
	return callback;
#else
	return 0;
#endif
}

long exported(void)
{
	return helper(0);
}
