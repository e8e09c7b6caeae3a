#include "injector/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "injector/interface.h"
#include "injector/phrase.h"
#include "injector/verdict_allocated.h"
#include "injector/verdict_bodies.h"
#include "injector/verdict_virtual.h"

/* --- the host, and what lives on ------------------------------------------- */

struct judging {
	struct hi_worker *worker;
	struct hi_build *build;
	const struct hi_used *used;
	const struct hi_options *options;
	struct hi_report *report;
	struct hi_reasons *reasons;
};

static bool is_used(const struct judging *judging, const char *symbol)
{
	return hi_used_has(judging->used, symbol) ||
	       hi_used_mentions(judging->used, symbol);
}

/* Inline functions and templates of C++ are exported by whoever has a copy; only
   the host's own use makes them part of an interface. */
static bool is_judged(void *context, const struct hi_model_export *export)
{
	return !(export->is_weak || export->is_unique) ||
	       is_used(context, export->name);
}

/* What matters of an export that the host may not know. */
static bool concerns_host(const struct judging *judging,
			  const struct hi_finding *finding)
{
	static const char *const kinds[] = { "symbol-removed", "object-size",
					     "object-constness",
					     "variable-type" };
	char *HI_FREE name =
		strndup(finding->root, strcspn(finding->root, "@"));

	/* the loader has found the library and its versions long ago */
	if (!strcmp(finding->kind, "soname") ||
	    !strcmp(finding->kind, "version-removed"))
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(finding->kind, kinds[i]))
			return !name || is_used(judging, name);
	return true;
}

static void locate(const struct judging *judging,
		   const struct hi_finding *finding, const struct hi_build *old,
		   struct hi_buf *where)
{
	int line = 0;
	const char *file = hi_model_locate(judging->build->model,
					   finding->new_source, &line);

	if (!file)
		file = hi_model_locate(old->model, finding->old_source, &line);
	if (file)
		hi_buf_printf(where, "%s:%d", file, line);
}

/* "update(), draw() and 3 more": how the finding's type is come by. */
static void name_exports(const struct hi_finding *finding, struct hi_buf *text)
{
	if (!finding->n_exports)
		return;
	hi_buf_text(text, "; reached from ");
	hi_phrase_names(text, finding->exports, finding->n_exports,
			HI_PHRASE_BARE);
}

/* A function that is put first in a table moves all others: not all are told. What is
   new comes last. */
static void add_changes(struct hi_buf *buf, const char *text)
{
	const char *last = text, *end = text;
	size_t n = 1;

	for (const char *at = text; (at = strstr(at, "; ")); last = at += 2)
		if (n++ < HI_PHRASE_NAMES)
			end = at;
	if (n <= HI_PHRASE_NAMES + 1) {
		hi_buf_text(buf, text);
		return;
	}
	hi_buf_add(buf, text, (size_t)(end - text));
	hi_buf_printf(buf, "; %zu more; %s", n - HI_PHRASE_NAMES, last);
}

static void add(const struct judging *judging, const struct hi_finding *finding,
		const struct hi_build *old, const char *but)
{
	struct hi_buf text = HI_BUF_INIT, where = HI_BUF_INIT;

	add_changes(&text, finding->text);
	hi_buf_text(&text, but);
	name_exports(finding, &text);
	locate(judging, finding, old, &where);
	hi_reasons_add(judging->reasons, finding->kind, finding->root,
		       hi_buf_str(&where), "%s", hi_buf_str(&text));
	hi_buf_done(&text);
	hi_buf_done(&where);
}

static bool is_told(const struct hi_reasons *reasons, const char *symbol)
{
	for (size_t i = 0; i < reasons->n; i++)
		if (!strcmp(reasons->list[i].symbol, symbol))
			return true;
	return false;
}

/* A variable that is kept would hold something else; nobody can want that. */
static void add_stored(const struct judging *judging,
		       const struct hi_finding *finding,
		       const struct hi_build *old)
{
	if (is_told(judging->reasons, finding->root))
		return;
	add(judging, finding, old, ", so its value cannot be kept");
	hi_reasons_hint(judging->reasons,
			"--state=fresh accepts the build and starts every "
			"variable anew");
}

/* A type that is known by variables alone, of which has been said that they are larger
   or smaller now. */
static bool is_of_told(const struct hi_reasons *reasons,
		       const struct hi_finding *finding)
{
	size_t n = 0;

	for (size_t i = 0; i < finding->n_exports; i++)
		for (size_t k = 0; k < reasons->n; k++)
			if (!strcmp(reasons->list[k].kind, "variable-size") &&
			    !strcmp(reasons->list[k].symbol,
				    finding->exports[i])) {
				n++;
				break;
			}
	return n > 0 && n == finding->n_exports;
}

/* --on-drift: refuse with it, say it and go on, or say nothing. */
static void add_drift(const struct judging *judging,
		      const struct hi_finding *finding,
		      const struct hi_build *old)
{
	bool is_live = finding->scope == HI_SCOPE_LIVE;

	if (is_of_told(judging->reasons, finding))
		return;
	if (judging->options->on_drift == HI_DRIFT_REFUSE) {
		add(judging, finding, old,
		    is_live ? "; objects that exist keep the old layout" : "");
		hi_reasons_hint(judging->reasons,
				is_live ? "start the host again, or pass "
					  "--on-drift=accept when no such "
					  "object outlives the old code" :
					  "the host was compiled for build #1; "
					  "rebuild the host, or pass "
					  "--on-drift=accept");
	} else if (judging->options->on_drift == HI_DRIFT_WARN) {
		hi_report_note(judging->report, "%s: %s: %s",
			       judging->worker->name, finding->root,
			       finding->text);
	}
}

static void tell_unverified(const struct judging *judging,
			    const struct hi_drift *drift)
{
	struct hi_buf names = HI_BUF_INIT;

	if (!drift->n_unverified)
		return;
	hi_phrase_names(&names, drift->unverified, drift->n_unverified,
			HI_PHRASE_BARE);
	hi_report_detail(judging->report,
			 "%s: could not verify %s (debug information is absent "
			 "or partial)",
			 judging->worker->name, hi_buf_str(&names));
	hi_buf_done(&names);
}

/* The host was compiled for build #1. */
static void judge_interface(const struct judging *judging,
			    const struct hi_drift *drift)
{
	const struct hi_build *old = judging->worker->builds[0];

	for (size_t i = 0; i < drift->n_findings; i++) {
		const struct hi_finding *finding = &drift->findings[i];

		if (finding->severity == HI_INCOMPATIBLE &&
		    finding->scope == HI_SCOPE_INTERFACE &&
		    concerns_host(judging, finding))
			add_drift(judging, finding, old);
	}
	tell_unverified(judging, drift);
}

/* Variables and objects were made by the current build, or as it would. */
static void judge_state(const struct judging *judging,
			const struct hi_drift *drift)
{
	const struct hi_build *old = judging->worker->current;

	for (size_t i = 0; i < drift->n_findings; i++) {
		const struct hi_finding *finding = &drift->findings[i];

		if (finding->severity != HI_INCOMPATIBLE &&
		    strcmp(finding->kind, "member-added") != 0)
			continue;
		if (finding->is_stored)
			add_stored(judging, finding, old);
		else if (finding->scope == HI_SCOPE_LIVE)
			add_drift(judging, finding, old);
	}
}

static int by_address(const void *a, const void *b)
{
	const void *one = *(void *const *)a, *other = *(void *const *)b;

	return (one > other) - (one < other);
}

/* Set BUILDS, one for each of the build's variables: the last that had those that the
   current build lacks; NULL for all others. */
static int find_returned(const struct judging *judging,
			 struct hi_build **builds, struct hi_err *err)
{
	const struct hi_build *current = judging->worker->current;
	const struct hi_build *build = judging->build;
	struct hi_variable **HI_FREE known = NULL;
	size_t n_known, n;

	hi_symtab_get_variables(current->symtab, &n_known);
	hi_symtab_get_variables(build->symtab, &n);
	known = calloc(n_known + 1, sizeof(struct hi_variable *));
	if (!known)
		return hi_fail(err, HI_E_NOMEM, "no memory for a verdict");
	memcpy(known, current->variables,
	       n_known * sizeof(struct hi_variable *));
	qsort(known, n_known, sizeof(*known), by_address);
	for (size_t i = 0; i < n; i++) {
		struct hi_variable *variable = build->variables[i];

		builds[i] = variable && !variable->identity &&
					    variable->home != build &&
					    !bsearch(&variable, known, n_known,
						     sizeof(*known),
						     by_address) ?
				    variable->seen :
				    NULL;
	}
	return 0;
}

/* Against OLD, which nothing else is compared with. */
static int judge_returned_from(const struct judging *judging,
			       struct hi_build *old, struct hi_err *err)
{
	struct hi_drift_options options = { .is_used = is_judged,
					    .context = (void *)judging };
	struct hi_drift drift;
	int code = hi_interface_compare(old, judging->build, &options, &drift,
					err);

	for (size_t i = 0; i < drift.n_findings && code == 0; i++)
		if (drift.findings[i].is_stored)
			add_stored(judging, &drift.findings[i], old);
	hi_drift_done(&drift);
	if (!hi_build_is_first(old)) {
		hi_build_drop_units(old);
		hi_image_rest(old->image);
	}
	return code;
}

/* A variable that comes back still has what it had when it went. */
static int judge_returned(const struct judging *judging, struct hi_err *err)
{
	struct hi_build **HI_FREE builds = NULL;
	size_t n;
	int code;

	hi_symtab_get_variables(judging->build->symtab, &n);
	builds = calloc(n + 1, sizeof(struct hi_build *));
	if (!builds)
		return hi_fail(err, HI_E_NOMEM, "no memory for a verdict");
	code = find_returned(judging, builds, err);
	for (size_t i = 0; i < n && code == 0; i++) {
		struct hi_build *old = builds[i];

		if (!old)
			continue;
		code = judge_returned_from(judging, old, err);
		/* once for each */
		for (size_t k = i; k < n; k++)
			if (builds[k] == old)
				builds[k] = NULL;
	}
	return code;
}

static int judge_drift(const struct judging *judging, struct hi_err *err)
{
	struct hi_drift_options options = {
		.is_used = is_judged,
		.context = (void *)judging,
	};
	struct hi_build *first = judging->worker->builds[0];
	struct hi_build *current = judging->worker->current;
	struct hi_drift drift;
	int code = hi_interface_compare(first, judging->build, &options, &drift,
					err);

	if (code < 0)
		return code;
	/* what was live has passed */
	if (!judging->build->again)
		judge_interface(judging, &drift);
	if (current == first)
		judge_state(judging, &drift);
	hi_drift_done(&drift);
	if (current == first)
		return 0;
	code = hi_interface_compare(current, judging->build, &options, &drift,
				    err);
	if (code < 0)
		return code;
	judge_state(judging, &drift);
	hi_drift_done(&drift);
	return judge_returned(judging, err);
}

/* Objects whose types no variable and no export leads to. */
static void find_objects(const struct judging *judging,
			 struct hi_reasons *reasons)
{
	hi_verdict_virtual(judging->worker, judging->build, reasons);
	hi_verdict_allocated(judging->worker, judging->build, reasons);
}

static void judge_objects(const struct judging *judging)
{
	struct hi_reasons found = { 0 };

	switch (judging->options->on_drift) {
	case HI_DRIFT_REFUSE:
		find_objects(judging, judging->reasons);
		return;
	case HI_DRIFT_WARN:
		find_objects(judging, &found);
		for (size_t i = 0; i < found.n; i++)
			hi_report_note(judging->report, "%s: %s: %s",
				       judging->worker->name,
				       found.list[i].symbol,
				       found.list[i].text);
		hi_reasons_done(&found);
		return;
	case HI_DRIFT_ACCEPT:
		return;
	}
}

int hi_verdict(struct hi_worker *worker, struct hi_build *build,
	       const struct hi_used *used, const struct hi_options *options,
	       struct hi_report *report, struct hi_reasons *reasons,
	       struct hi_err *err)
{
	struct judging judging = {
		worker, build, used, options, report, reasons
	};
	int code = judge_drift(&judging, err);

	if (code == 0)
		judge_objects(&judging);
	if (code == 0)
		code = hi_verdict_bodies(worker, build, reasons, err);
	return code;
}
