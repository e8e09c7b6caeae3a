#include "injector/priority.h"

#include <sched.h>

bool hi_priority_raise(pid_t tid)
{
	struct sched_param param = { 1 };

	if (sched_getscheduler(tid) != SCHED_OTHER)
		return false;
	/* threads that it starts are not to have it */
	return sched_setscheduler(tid, SCHED_FIFO | SCHED_RESET_ON_FORK,
				  &param) == 0;
}

void hi_priority_lower(pid_t tid)
{
	struct sched_param param = { 0 };

	(void)sched_setscheduler(tid, SCHED_OTHER, &param);
}
