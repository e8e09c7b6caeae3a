#include "injector/verdict_bodies.h"

#include <stdlib.h>

#include "common/own.h"

static int by_home(const void *a, const void *b)
{
	const struct hi_function *one = *(struct hi_function *const *)a;
	const struct hi_function *other = *(struct hi_function *const *)b;

	if (one->home_remote == other->home_remote)
		return 0;
	return one->home_remote < other->home_remote ? -1 : 1;
}

int hi_verdict_bodies(const struct hi_worker *worker,
		      const struct hi_build *build, struct hi_reasons *reasons,
		      struct hi_err *err)
{
	struct hi_function **HI_FREE sorted =
		calloc(worker->n_functions + 1, sizeof(*sorted));
	size_t n = 0;

	if (!sorted)
		return hi_fail(err, HI_E_NOMEM, "no memory for a verdict");
	for (size_t i = 0; i < worker->n_functions; i++)
		if (worker->functions[i]->next_symbol &&
		    worker->functions[i]->home != build)
			sorted[n++] = worker->functions[i];
	qsort(sorted, n, sizeof(*sorted), by_home);
	for (size_t i = 1; i < n; i++) {
		const struct hi_function *one = sorted[i - 1];
		const struct hi_function *other = sorted[i];

		if (one->home_remote != other->home_remote ||
		    one->next_symbol->addr_link ==
			    other->next_symbol->addr_link)
			continue;
		hi_reasons_add(reasons, "shared-body", one->symbol->name, "",
			       "%s() and %s() were one body in build #%u and "
			       "no longer are",
			       one->symbol->name, other->symbol->name,
			       one->home->number);
		hi_reasons_hint(reasons, "link the worker without --icf, and "
					 "start the host again");
	}
	return 0;
}
