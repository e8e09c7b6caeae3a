#include "injector/ways.h"

uint64_t hi_ways_add(struct hi_ways *ways, const struct hi_way *way)
{
	uint64_t n = atomic_fetch_add(&ways->n, 1);

	atomic_store(&ways->list[n % HI_WAYS_MAX].number, 0);
	ways->list[n % HI_WAYS_MAX].way = *way;
	atomic_store(&ways->list[n % HI_WAYS_MAX].number, n + 1);
	return n + 1;
}

bool hi_ways_next(struct hi_ways *ways, uint64_t *at, struct hi_way *ret_way)
{
	uint64_t n = atomic_load(&ways->n);

	if (n > HI_WAYS_MAX && *at < n - HI_WAYS_MAX)
		*at = n - HI_WAYS_MAX;
	while (*at < n) {
		uint64_t i = *at % HI_WAYS_MAX;
		uint64_t number = atomic_load(&ways->list[i].number);

		if (number <= *at)
			return false; /* whoever writes it tells of it then */
		*ret_way = ways->list[i].way;
		++*at;
		if (number == *at &&
		    atomic_load(&ways->list[i].number) == number)
			return true;
	}
	return false;
}
