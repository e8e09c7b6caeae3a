/*
 * One build as a line of the record.
 */
#include <stdio.h>
#include <string.h>

#include "injector/record_parts.h"

/* Runs that are being made: A and B grow together, B by STEP. */
struct runs {
	json_t *list;
	uint64_t a, b, step, n;
};

static void add_integer(json_t *list, uint64_t value)
{
	json_array_append_new(list, json_integer((json_int_t)value));
}

static void end_run(struct runs *runs)
{
	if (runs->n == 0)
		return;
	add_integer(runs->list, runs->a);
	add_integer(runs->list, runs->b);
	add_integer(runs->list, runs->n);
	runs->n = 0;
}

static void add_pair(struct runs *runs, uint64_t a, uint64_t b)
{
	if (runs->n > 0 &&
	    (a != runs->a + runs->n || b != runs->b + runs->n * runs->step))
		end_run(runs);
	if (runs->n == 0) {
		runs->a = a;
		runs->b = b;
	}
	runs->n++;
}

static struct runs new_runs(uint64_t step)
{
	return (struct runs){ json_array(), 0, 0, step, 0 };
}

static void set_runs(json_t *line, const char *key, struct runs *runs)
{
	end_run(runs);
	json_object_set_new(line, key, runs->list);
}

static void describe_functions(json_t *line, const struct hi_worker *worker,
			       const struct hi_build *build)
{
	struct runs map = new_runs(1), homes = new_runs(1);
	struct runs leads = new_runs(1), slots = new_runs(HI_TRAMPOLINE_LEN);
	size_t n = 0;

	hi_symtab_get_functions(build->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if (build->functions[i])
			add_pair(&map, i, build->functions[i]->number);
	for (size_t i = 0; i < worker->n_functions; i++) {
		const struct hi_function *function = worker->functions[i];

		if (function->home == build)
			add_pair(&homes, i,
				 hi_build_function_index(build,
							 function->symbol));
		if (function->home == build && function->slot.trampoline_remote)
			add_pair(&slots, i, function->slot.trampoline_remote);
		if (function->current == build)
			add_pair(&leads, i,
				 hi_build_function_index(
					 build, function->current_symbol));
	}
	set_runs(line, "functions", &map);
	set_runs(line, "function_homes", &homes);
	set_runs(line, "slots", &slots);
	set_runs(line, "leads", &leads);
}

static void describe_variables(json_t *line, const struct hi_worker *worker,
			       const struct hi_build *build)
{
	struct runs map = new_runs(1), homes = new_runs(1);
	struct runs moved = new_runs(0), identities = new_runs(0);
	size_t n = 0;

	hi_symtab_get_variables(build->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if (build->variables[i])
			add_pair(&map, i, build->variables[i]->number);
	for (size_t i = 0; i < worker->n_variables; i++) {
		const struct hi_variable *variable = worker->variables[i];

		if (variable->home != build)
			continue;
		add_pair(&homes, i,
			 hi_build_variable_index(build, variable->symbol));
		if (variable->identity)
			add_pair(&identities, i, 0);
		if (variable->home_remote &&
		    variable->home_remote !=
			    build->base_remote + variable->symbol->addr_link)
			add_pair(&moved, i, variable->home_remote);
	}
	set_runs(line, "variables", &map);
	set_runs(line, "variable_homes", &homes);
	set_runs(line, "copied", &moved);
	set_runs(line, "identities", &identities);
}

static json_t *describe_table(const struct hi_table *table)
{
	json_t *areas = json_array();
	struct hi_table_area area;

	for (size_t i = 0; hi_table_get_area(table, i, &area); i++) {
		add_integer(areas, area.start_remote);
		add_integer(areas, area.code_len);
		add_integer(areas, area.n_slots);
		add_integer(areas, area.n_taken);
	}
	return areas;
}

static json_t *describe_words(const uint64_t *words, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		add_integer(list, words[i]);
	return list;
}

static json_t *describe_content(const struct hi_content *content)
{
	const uint64_t words[] = { content->len, content->hash_high,
				   content->hash_low, content->mapped_len,
				   content->mapped_hash };

	return describe_words(words, 5);
}

static json_t *describe_tls(const struct hi_shim_tls *tls)
{
	const uint64_t words[] = { tls->map_remote, tls->module, tls->block,
				   tls->thread_pointer };

	return describe_words(words, 4);
}

static json_t *describe_active(const struct hi_worker *worker)
{
	json_t *list = json_array();

	for (size_t i = 0; i < worker->n_active; i++)
		add_integer(list, worker->active[i]->serial);
	return list;
}

static void describe_worker(json_t *line, const struct hi_worker *worker)
{
	const uint64_t file[] = { worker->first_dev, worker->first_ino };

	json_object_set_new(line, "file", describe_words(file, 2));
	json_object_set_new(line, "last",
			    json_integer((json_int_t)worker->last_number));
	if (worker->has_aside)
		json_object_set_new(line, "aside",
				    describe_content(&worker->aside));
	json_object_set_new(line, "table", describe_table(worker->table));
	json_object_set_new(line, "active", describe_active(worker));
	json_object_set_new(line, "first_tls",
			    describe_tls(&worker->builds[0]->tls));
	json_object_set_new(line, "resolved",
			    json_boolean(worker->builds[0]->resolved));
}

static json_t *describe_symbols(const struct hi_build *build)
{
	size_t functions = 0, variables = 0;

	hi_symtab_get_functions(build->symtab, &functions);
	hi_symtab_get_variables(build->symtab, &variables);
	return describe_words((const uint64_t[]){ functions, variables }, 2);
}

json_t *hi_record_describe(const struct hi_worker *worker,
			   const struct hi_build *build)
{
	const struct hi_image_header *header =
		hi_image_get_header(build->image);
	json_t *line = json_object();
	char id[2 * HI_BUILD_ID_MAX + 1] = "";

	for (size_t i = 0; i < header->build_id_len; i++)
		sprintf(id + 2 * i, "%02x", header->build_id[i]);
	json_object_set_new(line, "worker", json_string(worker->path));
	json_object_set_new(line, "number",
			    json_integer((json_int_t)build->number));
	json_object_set_new(line, "before",
			    json_integer((json_int_t)build->before));
	json_object_set_new(line, "again", json_boolean(build->again));
	json_object_set_new(line, "path", json_string(build->path));
	json_object_set_new(line, "build_id", json_string(id));
	json_object_set_new(line, "base",
			    json_integer((json_int_t)build->base_remote));
	json_object_set_new(line, "map",
			    json_integer((json_int_t)build->map_remote));
	json_object_set_new(line, "tls", describe_tls(&build->tls));
	json_object_set_new(line, "content", describe_content(&build->content));
	if (!build->retired) {
		json_object_set_new(line, "symbols", describe_symbols(build));
		describe_functions(line, worker, build);
		describe_variables(line, worker, build);
	}
	describe_worker(line, worker);
	return line;
}
