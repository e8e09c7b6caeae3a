/*
 * clock - CLOCK_MONOTONIC in nanoseconds, and short naps.
 */
#ifndef HI_INJECTOR_CLOCK_H
#define HI_INJECTOR_CLOCK_H

#include <stdint.h>
#include <time.h>

#define HI_NS_PER_US 1000ULL
#define HI_NS_PER_MS 1000000ULL
#define HI_NS_PER_S  1000000000ULL

static inline uint64_t hi_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * HI_NS_PER_S + (uint64_t)now.tv_nsec;
}

static inline void hi_clock_nap_us(long us)
{
	struct timespec nap = { 0, us * 1000L };

	nanosleep(&nap, NULL);
}

#endif
