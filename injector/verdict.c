#include "injector/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/abi.h"
#include "elfscan/signature.h"

static int by_home(const void *a, const void *b)
{
	const struct hi_function *one = *(struct hi_function *const *)a;
	const struct hi_function *other = *(struct hi_function *const *)b;

	if (one->home_remote == other->home_remote)
		return 0;
	return one->home_remote < other->home_remote ? -1 : 1;
}

/*
 * Aliases, and functions that the linker has folded, have one entry, which can lead
 * to one implementation only.
 */
static int judge_shared_bodies(const struct hi_worker *worker,
			       const struct hi_build *build,
			       struct hi_reasons *reasons, struct hi_err *err)
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

static bool is_used(void *context, const char *symbol)
{
	return hi_used_has(context, symbol) ||
	       hi_used_mentions(context, symbol);
}

/* --on-drift: refuse with it, say it and go on, or say nothing. */
static void add_finding(const struct hi_worker *worker,
			const struct hi_options *options,
			struct hi_report *report, struct hi_reasons *reasons,
			const struct hi_abi_finding *finding)
{
	if (options->on_drift == HI_DRIFT_REFUSE) {
		hi_reasons_add(reasons, finding->kind, finding->symbol,
			       finding->where, "%s", finding->text);
		hi_reasons_hint(reasons,
				"the host was compiled for build #1; rebuild "
				"the host, or pass --on-drift=accept");
	} else if (options->on_drift == HI_DRIFT_WARN) {
		hi_report_note(report, "%s: %s: %s", worker->name,
			       finding->symbol, finding->text);
	}
}

static int judge_interface(const struct hi_worker *worker,
			   const struct hi_build *build,
			   const struct hi_used *used,
			   const struct hi_options *options,
			   struct hi_report *report, struct hi_reasons *reasons,
			   struct hi_err *err)
{
	struct hi_build_facts old = hi_build_get_facts(worker->builds[0]);
	struct hi_build_facts new = hi_build_get_facts(build);
	struct hi_abi_findings findings = { 0 };
	int code;

	if (options->on_drift == HI_DRIFT_ACCEPT)
		return 0;
	code = hi_abi_compare(&old, &new, is_used, (void *)used, &findings,
			      err);
	if (code < 0)
		return code;
	for (size_t i = 0; i < findings.n; i++)
		add_finding(worker, options, report, reasons,
			    &findings.list[i]);
	if (findings.could_not_verify)
		hi_report_detail(report,
				 "%s: not every signature could be verified "
				 "(debug information is absent or partial)",
				 worker->name);
	hi_abi_findings_done(&findings);
	return 0;
}

/* Of variables that would be kept: the same storage must mean the same. */
static void on_type_change(void *context, const struct hi_symbol *symbol,
			   const char *text)
{
	struct hi_reasons *reasons = context;

	for (size_t i = 0; i < reasons->n; i++)
		if (strcmp(reasons->list[i].symbol, symbol->name) == 0)
			return;
	hi_reasons_add(reasons, "variable-type", symbol->name, "",
		       "variable %s %s, so its value cannot be kept",
		       symbol->base, text);
	hi_reasons_hint(reasons, "--state=fresh accepts the build and starts "
				 "every variable anew");
}

int hi_verdict(const struct hi_worker *worker, const struct hi_build *build,
	       const struct hi_used *used, const struct hi_options *options,
	       struct hi_report *report, struct hi_reasons *reasons,
	       struct hi_err *err)
{
	struct hi_build_facts current = hi_build_get_facts(worker->current);
	struct hi_build_facts new = hi_build_get_facts(build);
	int code = judge_interface(worker, build, used, options, report,
				   reasons, err);

	if (code == 0)
		code = judge_shared_bodies(worker, build, reasons, err);
	if (code == 0 && options->state == HI_STATE_KEEP)
		code = hi_variable_types_compare(&current, &new, on_type_change,
						 reasons, err);
	return code;
}
