#include "injector/limit.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "injector/clock.h"

/* Older C libraries lack the name of timer_create(2). */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static void ignore(int signal)
{
	(void)signal;
}

/* Not SA_RESTART: what it interrupts is to end. */
static void make(struct hi_limit *limit)
{
	struct sigaction action = { .sa_handler = ignore };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGRTMIN,
		.sigev_notify_thread_id = gettid(),
	};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	limit->made = sigaction(SIGRTMIN, &action, NULL) == 0 &&
		      sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 &&
		      timer_create(CLOCK_MONOTONIC, &event, &limit->timer) == 0;
}

static bool set_timer(struct hi_limit *limit, uint64_t ns)
{
	struct timespec every = { (time_t)(ns / HI_NS_PER_S),
				  (long)(ns % HI_NS_PER_S) };
	struct itimerspec spec = { every, every };

	return timer_settime(limit->timer, 0, &spec, NULL) == 0;
}

bool hi_limit_begin(struct hi_limit *limit, uint64_t ns)
{
	if (!limit->made)
		make(limit);
	if (!limit->made || (limit->n_begun == 0 && !set_timer(limit, ns)))
		return false;
	limit->n_begun++;
	return true;
}

void hi_limit_end(struct hi_limit *limit)
{
	if (limit->n_begun > 0 && --limit->n_begun == 0)
		(void)set_timer(limit, 0);
}

void hi_limit_done(struct hi_limit *limit)
{
	if (limit->made)
		timer_delete(limit->timer);
	memset(limit, 0, sizeof(*limit));
}
