/*
 * Build 2 makes an array longer, build 3 makes a variable thread-local, build 4
 * only counts in another way, build 5 makes it a float, build 6 has code that cannot be
 * read, in build 7 two names have a body each, and in build 8 a struct grows that one
 * exported variable is of.
 */
#include <stdio.h>

#include "worker.h"

#if BUILD == 2
static int table[8];
#else
static int table[4];
#endif

#if BUILD == 3
static __thread int counter = 10;
#elif BUILD == 5
static float counter = 10;
#else
static int counter = 10;
#endif

#if BUILD == 6
__asm__(".text\n"
	".type unreadable, @function\n"
	"unreadable: .byte 0x06\n"
	"movl counter(%rip), %eax\n"
	"ret\n"
	".size unreadable, . - unreadable\n");
#endif

struct range {
	int first;
#if BUILD == 8
	int step, more;
#endif
	int last;
};

struct range range = { .last = 3 };

int one(void)
{
	return BUILD;
}

#if BUILD == 7
int two(void)
{
	return BUILD + 1;
}
#else
int two(void) __attribute__((alias("one")));
#endif

void worker_answer(const char *question, char *answer, size_t len)
{
	int sum = 0;

	counter += BUILD;
	for (size_t i = 0; i <= (size_t)range.last; i++)
		sum += ++table[i];
	snprintf(answer, len, "%s=%d counter=%d sum=%d", question, BUILD,
		 (int)counter, sum);
}
