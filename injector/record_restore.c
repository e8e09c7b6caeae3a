/*
 * A worker made again from the lines of a record.
 */
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "injector/record_read.h"
#include "injector/record_restore_parts.h"
#include "injector/thin.h"
#include "injector/worker_parts.h"

/* --- runs ------------------------------------------------------------------- */

/* One pair of a run: false when it cannot be. */
typedef bool visit_pair(struct hi_restore *restore, uint64_t a, uint64_t b);

static bool visit_runs(struct hi_restore *restore, const char *key,
		       uint64_t step, visit_pair *visit)
{
	const json_t *list = json_object_get(restore->line, key);
	size_t n = json_array_size(list);

	for (size_t i = 0; i + 2 < n; i += 3) {
		uint64_t a = hi_restore_get_word(restore->line, key, i);
		uint64_t b = hi_restore_get_word(restore->line, key, i + 1);
		uint64_t len = hi_restore_get_word(restore->line, key, i + 2);

		for (uint64_t at = 0; at < len; at++)
			if (!visit(restore, a + at, b + at * step))
				return false;
	}
	return list && n % 3 == 0;
}

static size_t count_runs(const json_t *line, const char *key)
{
	size_t n = json_array_size(json_object_get(line, key)), sum = 0;

	for (size_t i = 2; i < n; i += 3)
		sum += hi_restore_get_word(line, key, i);
	return sum;
}

static bool set_function_home(struct hi_restore *restore, uint64_t a,
			      uint64_t b)
{
	struct hi_worker *worker = restore->worker;
	const struct hi_prologue *prologue = &restore->build->prologues[b];
	struct hi_function *function;
	size_t n;

	if (a >= worker->n_functions || b >= restore->n_functions ||
	    worker->functions[a]->home)
		return false;
	function = worker->functions[a];
	function->home = restore->build;
	function->symbol =
		&hi_symtab_get_functions(restore->build->symtab, &n)[b];
	function->patchable = prologue->patchable;
	function->why_not = prologue->reason;
	function->jump_at = prologue->jump_at;
	return true;
}

static bool set_slot(struct hi_restore *restore, uint64_t a, uint64_t b)
{
	struct hi_worker *worker = restore->worker;

	return a < worker->n_functions &&
	       hi_table_find_slot(worker->table, b,
				  &worker->functions[a]->slot);
}

static bool set_function(struct hi_restore *restore, uint64_t a, uint64_t b)
{
	if (a >= restore->n_functions || b >= restore->worker->n_functions)
		return false;
	restore->build->functions[a] = restore->worker->functions[b];
	return true;
}

static bool set_lead(struct hi_restore *restore, uint64_t a, uint64_t b)
{
	struct hi_worker *worker = restore->worker;
	struct hi_function *function;
	size_t n;

	if (a >= worker->n_functions || b >= restore->n_functions)
		return false;
	function = worker->functions[a];
	function->current = restore->build;
	function->current_symbol =
		&hi_symtab_get_functions(restore->build->symtab, &n)[b];
	function->current_remote = restore->build->base_remote +
				   function->current_symbol->addr_link;
	/* which build changed it is not in the record */
	function->differs = function->home != restore->build;
	return true;
}

static bool set_variable_home(struct hi_restore *restore, uint64_t a,
			      uint64_t b)
{
	struct hi_worker *worker = restore->worker;
	size_t n;

	if (a >= worker->n_variables || b >= restore->n_variables ||
	    worker->variables[a]->home)
		return false;
	worker->variables[a]->home = restore->build;
	worker->variables[a]->symbol =
		&hi_symtab_get_variables(restore->build->symtab, &n)[b];
	return true;
}

static bool set_variable(struct hi_restore *restore, uint64_t a, uint64_t b)
{
	if (a >= restore->n_variables || b >= restore->worker->n_variables)
		return false;
	restore->build->variables[a] = restore->worker->variables[b];
	restore->worker->variables[b]->seen = restore->build;
	return true;
}

static bool set_copied(struct hi_restore *restore, uint64_t a, uint64_t b)
{
	if (a >= restore->worker->n_variables)
		return false;
	restore->worker->variables[a]->home_remote = b;
	return true;
}

static bool set_identity(struct hi_restore *restore, uint64_t a, uint64_t b)
{
	if (a >= restore->worker->n_variables || b != 0)
		return false;
	restore->worker->variables[a]->identity = true;
	return true;
}

/* --- the worker ------------------------------------------------------------- */

static int restore_table(const struct hi_restore *restore, struct hi_err *err)
{
	const json_t *list = json_object_get(restore->last, "table");
	size_t n = json_array_size(list) / 4;
	struct hi_table_area *HI_FREE areas = calloc(n + 1, sizeof(*areas));

	if (!areas)
		return hi_fail(err, HI_E_NOMEM, "no memory for the table");
	for (size_t i = 0; i < n; i++)
		areas[i] = (struct hi_table_area){
			hi_restore_get_word(restore->last, "table", 4 * i),
			hi_restore_get_word(restore->last, "table", 4 * i + 1),
			hi_restore_get_word(restore->last, "table", 4 * i + 2),
			hi_restore_get_word(restore->last, "table", 4 * i + 3),
		};
	return hi_table_restore(restore->worker->table, areas, n) ?
		       0 :
		       hi_restore_fail_damaged(err);
}

static int make_lists(const struct hi_restore *restore, struct hi_err *err)
{
	struct hi_worker *worker = restore->worker;
	size_t functions = 0, variables = 0;
	int failed = 0;

	for (size_t i = 0; i < restore->n; i++) {
		if (!restore->builds[i] || !restore->builds[i]->symtab)
			continue;
		functions += count_runs(restore->lines[i], "function_homes");
		variables += count_runs(restore->lines[i], "variable_homes");
	}
	while (failed == 0 && worker->n_functions < functions) {
		struct hi_function *one = calloc(1, sizeof(*one));

		if (one)
			one->number = worker->n_functions;
		failed = one ? hi_worker_append((void ***)&worker->functions,
						&worker->n_functions, one) :
			       -1;
	}
	while (failed == 0 && worker->n_variables < variables) {
		struct hi_variable *one = calloc(1, sizeof(*one));

		if (one)
			one->number = worker->n_variables;
		failed = one ? hi_worker_append((void ***)&worker->variables,
						&worker->n_variables, one) :
			       -1;
	}
	return failed ? hi_fail(err, HI_E_NOMEM, "no memory for the worker") :
			0;
}

static bool restore_lists(struct hi_restore *restore)
{
	hi_symtab_get_functions(restore->build->symtab, &restore->n_functions);
	hi_symtab_get_variables(restore->build->symtab, &restore->n_variables);
	return visit_runs(restore, "function_homes", 1, set_function_home) &&
	       visit_runs(restore, "slots", HI_TRAMPOLINE_LEN, set_slot) &&
	       visit_runs(restore, "variable_homes", 1, set_variable_home) &&
	       visit_runs(restore, "identities", 0, set_identity) &&
	       visit_runs(restore, "functions", 1, set_function) &&
	       visit_runs(restore, "variables", 1, set_variable) &&
	       visit_runs(restore, "leads", 1, set_lead);
}

static int restore_build(struct hi_restore *restore, size_t at,
			 struct hi_err *err)
{
	struct hi_worker *worker = restore->worker;

	restore->line = restore->lines[at];
	restore->build = restore->builds[at];
	if (!restore->build)
		return 0;
	if (hi_worker_add_build(worker, restore->build) < 0)
		return hi_fail(err, HI_E_NOMEM, "no memory for a build");
	restore->taken[at] = true;
	worker->current = restore->build;
	if (!restore->build->symtab) {
		hi_worker_retire(worker, restore->build);
		return 0;
	}
	if (!restore_lists(restore))
		return hi_restore_fail_damaged(err);
	hi_worker_place(worker, restore->build);
	return visit_runs(restore, "copied", 0, set_copied) ?
		       0 :
		       hi_restore_fail_damaged(err);
}

/* Each has a home and leads somewhere. */
static bool is_whole(const struct hi_worker *worker)
{
	for (size_t i = 0; i < worker->n_functions; i++)
		if (!worker->functions[i]->home ||
		    !worker->functions[i]->current)
			return false;
	for (size_t i = 0; i < worker->n_variables; i++)
		if (!worker->variables[i]->home || !worker->variables[i]->seen)
			return false;
	return worker->n_builds > 0 && worker->builds[0]->number == 1 &&
	       worker->builds[0]->symtab && worker->current->symtab;
}

/* Which copies somebody has made thin; not the newest that has some variable (retire.h). */
static void look_at_copies(struct hi_worker *worker)
{
	for (size_t i = 0; i < worker->n_active; i++)
		worker->active[i]->copy = hi_thin_look(worker->active[i]);
	for (size_t i = 0; i < worker->n_variables; i++)
		worker->variables[i]->seen->copy = HI_COPY_WHOLE;
}

/* What the next build is compared with. */
static int restore_units(struct hi_worker *worker, struct hi_err *err)
{
	const struct hi_build *none[2] = { NULL, NULL };
	const struct hi_build *first[2] = { worker->builds[0], NULL };
	int code = hi_build_read_units(worker->builds[0], none, err);

	if (code == 0 && worker->current != worker->builds[0])
		code = hi_build_read_units(worker->current, first, err);
	for (size_t i = 0; i < worker->n_builds; i++) {
		worker->builds[i]->units_read = true;
		if (worker->builds[i] != worker->current)
			hi_build_drop_text(worker->builds[i]);
	}
	return code;
}

static int restore_all(struct hi_restore *restore, struct hi_err *err)
{
	struct hi_worker *worker = restore->worker;
	int code = restore_table(restore, err);

	for (size_t i = 0; i < restore->n && code == 0; i++)
		code = hi_restore_open_build(restore, i, err);
	if (code == 0)
		code = make_lists(restore, err);
	for (size_t i = 0; i < restore->n && code == 0; i++)
		code = restore_build(restore, i, err);
	if (code == 0 && !is_whole(worker))
		code = hi_restore_fail_damaged(err);
	if (code < 0)
		return code;
	look_at_copies(worker);
	worker->last_number =
		(unsigned int)hi_restore_get_number(restore->last, "last");
	worker->has_aside = json_object_get(restore->last, "aside") != NULL;
	worker->aside = hi_restore_get_content(restore->last, "aside");
	worker->first_dev = hi_restore_get_word(restore->last, "file", 0);
	worker->first_ino = hi_restore_get_word(restore->last, "file", 1);
	worker->builds[0]->tls = hi_restore_get_tls(restore->last, "first_tls");
	worker->builds[0]->resolved =
		json_is_true(json_object_get(restore->last, "resolved"));
	return restore_units(worker, err);
}

int hi_recorded_restore(const struct hi_recorded *recorded, const char *path,
			struct hi_worker *worker, struct hi_err *err)
{
	size_t n = json_array_size(recorded->lines);
	json_t **HI_FREE lines = calloc(n + 1, sizeof(*lines));
	struct hi_build **HI_FREE builds = calloc(n + 1, sizeof(*builds));
	bool *HI_FREE taken = calloc(n + 1, sizeof(*taken));
	struct hi_restore restore = { .worker = worker,
				      .lines = lines,
				      .builds = builds,
				      .taken = taken };
	int code;

	if (!lines || !builds || !taken)
		return hi_fail(err, HI_E_NOMEM, "no memory for its record");
	for (size_t i = 0; i < n; i++) {
		json_t *line = json_array_get(recorded->lines, i);
		const char *of =
			json_string_value(json_object_get(line, "worker"));

		if (of && strcmp(of, path) == 0)
			lines[restore.n++] = line;
	}
	if (restore.n == 0)
		return hi_restore_fail_damaged(err);
	restore.last = lines[restore.n - 1];
	code = restore_all(&restore, err);
	for (size_t i = 0; i < restore.n; i++)
		if (builds[i] && !taken[i])
			hi_build_free(builds[i]);
	return code;
}
