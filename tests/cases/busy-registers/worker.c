/*
 * A loop that keeps its values in registers which helper() of its own build leaves
 * alone, and which helper() of build 2 overwrites, all of them.
 */
#define APART __attribute__((noinline, noclone))

#if BUILD == 2
static APART long helper(long n)
{
	__asm__ volatile("mov $-1, %%rcx\n\tmov %%rcx, %%rdx\n\t"
			 "mov %%rcx, %%rsi\n\tmov %%rcx, %%r8\n\t"
			 "mov %%rcx, %%r9\n\tmov %%rcx, %%r10\n\t"
			 "mov %%rcx, %%r11\n\t"
			 "movq %%rcx, %%xmm0\n\tmovq %%rcx, %%xmm1\n\t"
			 "movq %%rcx, %%xmm2\n\tmovq %%rcx, %%xmm3\n\t"
			 "movq %%rcx, %%xmm4\n\tmovq %%rcx, %%xmm5\n\t"
			 "movq %%rcx, %%xmm6\n\tmovq %%rcx, %%xmm7\n\t"
			 "movq %%rcx, %%xmm8"
			 :
			 :
			 : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11",
			   "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
			   "xmm6", "xmm7", "xmm8");
	return n + BUILD;
}
#else
static APART long helper(long n)
{
	__asm__ volatile("");
	return n + BUILD;
}
#endif

/* Changed in build 2, and none of its registers: old frames may have it. */
static APART long easy(long n)
{
	__asm__ volatile("");
	return n + BUILD * 10;
}

long exported(void)
{
	return helper(0) + easy(0);
}

/* Until *GO is 0; the sums of whole rounds are for the host to check. */
void loop(volatile int *go, const long *p, const double *d,
	  volatile long *builds, volatile long *wrong)
{
	long a = p[0], b = p[1], c = p[2], e = p[3], f = p[4], g = p[5];
	double x = d[0], y = d[1], z = d[2];

	while (*go) {
		long seen = helper(0) + easy(0);
		long sum = a + b + c + e + f + g;
		double product = x * y + z;

		if (sum != 21 || product != 5)
			++*wrong;
		*builds = seen;
	}
}
