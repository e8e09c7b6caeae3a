/* More functions with a resolver than the host's loader runs in one go. */
#include <stdio.h>

#include "worker.h"

typedef int implementation(void);

#define ONE(n)                                   \
	static int implementation_##n(void)      \
	{                                        \
		return BUILD * 1000 + n;         \
	}                                        \
	static implementation *resolve_##n(void) \
	{                                        \
		return implementation_##n;       \
	}                                        \
	int function_##n(void) __attribute__((ifunc("resolve_" #n)));
#define ADDRESS(n) function_##n,
#define TEN(with, n)                                                      \
	with(n##0) with(n##1) with(n##2) with(n##3) with(n##4) with(n##5) \
		with(n##6) with(n##7) with(n##8) with(n##9)
#define ALL(with)    \
	TEN(with, 1) \
	TEN(with, 2) \
	TEN(with, 3) TEN(with, 4) TEN(with, 5) TEN(with, 6) TEN(with, 7)

ALL(ONE)

void worker_answer(const char *question, char *answer, size_t len)
{
	implementation *const all[] = { ALL(ADDRESS) };
	int wrong = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		wrong += all[i]() != BUILD * 1000 + 10 + (int)i;
	snprintf(answer, len, "%s=%d wrong=%d", question, BUILD, wrong);
}
