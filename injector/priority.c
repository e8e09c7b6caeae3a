#include "injector/priority.h"

#include <sched.h>

bool hi_priority_raise(void)
{
	struct sched_param param = { 1 };

	if (sched_getscheduler(0) != SCHED_OTHER)
		return false;
	return sched_setscheduler(0, SCHED_FIFO, &param) == 0;
}

void hi_priority_lower(void)
{
	struct sched_param param = { 0 };

	(void)sched_setscheduler(0, SCHED_OTHER, &param);
}
