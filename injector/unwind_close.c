/*
 * What was read of files that nobody is expected to ask of any more.
 */
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "injector/unwind_parts.h"

struct known {
	char *name;
	Dwarf_Addr start, end;
	bool old;
};

struct sorting {
	hi_unwinder_is_old *is_old;
	void *context;
	struct known *list;
	size_t n, cap, n_old;
	bool failed;
};

static int sort_module(Dwfl_Module *module, void **userdata, const char *name,
		       Dwarf_Addr start, void *context)
{
	struct sorting *sorting = context;
	struct known one = { .start = start, .name = strdup(name) };

	(void)userdata;
	dwfl_module_info(module, NULL, NULL, &one.end, NULL, NULL, NULL, NULL);
	one.old = sorting->is_old(sorting->context, start);
	if (!one.name ||
	    !hi_grow(&sorting->list, sorting->n, &sorting->cap, sizeof(one))) {
		free(one.name);
		sorting->failed = true;
		return DWARF_CB_ABORT;
	}
	sorting->n_old += one.old;
	sorting->list[sorting->n++] = one;
	return DWARF_CB_OK;
}

static void report(Dwfl *dwfl, const struct sorting *sorting, bool old)
{
	for (size_t i = 0; i < sorting->n; i++) {
		const struct known *one = &sorting->list[i];

		if (one->old == old)
			dwfl_report_module(dwfl, one->name, one->start,
					   one->end);
	}
	dwfl_report_end(dwfl, NULL, NULL);
}

void hi_unwinder_close_old(struct hi_unwinder *unwinder,
			   hi_unwinder_is_old *is_old, void *context)
{
	struct sorting sorting = { .is_old = is_old, .context = context };
	Dwfl *dwfl = unwinder->dwfl;

	dwfl_getmodules(dwfl, sort_module, &sorting, 0);
	/* libdwfl closes what is not reported */
	if (!sorting.failed && sorting.n_old > 0) {
		dwfl_report_begin(dwfl);
		report(dwfl, &sorting, false);
		dwfl_report_begin_add(dwfl);
		report(dwfl, &sorting, true);
		hi_unwinder_own(unwinder);
	}
	for (size_t i = 0; i < sorting.n; i++)
		free(sorting.list[i].name);
	free(sorting.list);
}
