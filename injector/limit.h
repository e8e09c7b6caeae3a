/*
 * limit - a system call that blocks comes back in time.
 *
 * A timer's signal, whose handler does nothing, ends the call with EINTR. It comes
 * again and again, so that one that came just before the call does no harm.
 *
 * Units:     nanoseconds.
 * Ownership: hi_limit_done() ends the timer; a struct of zeros has none.
 * Threads:   a limit is of the thread that has begun it first.
 * Source:    timer_create(2), SIGEV_THREAD_ID; signal(7).
 */
#ifndef HI_INJECTOR_LIMIT_H
#define HI_INJECTOR_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct hi_limit {
	timer_t timer;
	bool made;
	unsigned int n_begun;
};

/*
 * From now on, calls end every NS. False when there is no timer to be had. Begun again
 * before its end, it goes on as it is until each has ended.
 */
bool hi_limit_begin(struct hi_limit *limit, uint64_t ns);
void hi_limit_end(struct hi_limit *limit);
void hi_limit_done(struct hi_limit *limit);

#endif
