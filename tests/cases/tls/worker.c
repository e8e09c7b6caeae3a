/* Thread-local variables that each of the four access models may serve. */
#include <stdio.h>
#include <string.h>

#include "worker.h"

#if defined(GROWS) && BUILD > 1
/* It moves the others. */
__thread char grows[40] = "grows";

char *address_of_growth(void)
{
	return grows;
}
#endif

#if defined(GROWS) && BUILD == 4
static __thread int late = 50;
#endif

__thread int exported = 10;
__thread int exported_zero;
static __thread int first = 20;
static __thread int second = 30;
static __thread char text[16] = "a";
static __thread int *kept_address;
int shared = 40;

int *address_of_exported(void)
{
	return &exported;
}

void worker_answer(const char *question, char *answer, size_t len)
{
	exported++;
	exported_zero++;
	first++;
	second++;
#if defined(GROWS) && BUILD == 4
	late++;
	kept_address = late > 0 ? kept_address : NULL;
#endif
	shared++;
	if (strlen(text) < sizeof(text) - 1)
		strcat(text, "b");
	if (!kept_address)
		kept_address = &first;
	snprintf(answer, len,
		 "%s=%d exported=%d zero=%d first=%d second=%d text=%zu"
		 " address=%d same=%d",
		 question, BUILD, exported, exported_zero, first, second,
		 strlen(text), *kept_address, kept_address == &first);
}
