#include "injector/plan.h"

#include <stdlib.h>
#include <string.h>

void hi_plan_add(struct hi_plan *plan, uint64_t to_remote, const void *bytes,
		 const void *before, size_t len, bool code)
{
	struct hi_write *write;

	if (plan->n_writes == plan->cap) {
		size_t cap = plan->cap ? plan->cap * 2 : 64;
		struct hi_write *grown =
			reallocarray(plan->writes, cap, sizeof(*grown));

		if (!grown) {
			plan->failed = true;
			return;
		}
		plan->writes = grown;
		plan->cap = cap;
	}
	write = &plan->writes[plan->n_writes++];
	write->to_remote = to_remote;
	write->len = (uint8_t)len;
	write->code = code;
	memcpy(write->bytes, bytes, len);
	memcpy(write->before, before, len);
}

void hi_plan_add_word(struct hi_plan *plan, uint64_t to_remote, uint64_t value,
		      uint64_t before, bool code)
{
	hi_plan_add(plan, to_remote, &value, &before, sizeof(value), code);
}

static int by_address(const void *a, const void *b)
{
	const struct hi_write *one = a, *other = b;

	if (one->to_remote == other->to_remote)
		return 0;
	return one->to_remote < other->to_remote ? -1 : 1;
}

void hi_plan_sort(struct hi_plan *plan)
{
	bool sorted = true;

	for (size_t i = 1; i < plan->n_writes && sorted; i++)
		sorted = by_address(&plan->writes[i - 1], &plan->writes[i]) <=
			 0;
	if (!sorted)
		qsort(plan->writes, plan->n_writes, sizeof(*plan->writes),
		      by_address);
}

void hi_plan_done(struct hi_plan *plan)
{
	free(plan->writes);
	memset(plan, 0, sizeof(*plan));
}
