#include <string.h>

#include "injector/command_parts.h"
#include "injector/phrase.h"

static const char *get_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static long long get_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* "#2 live: update changed, 11 same" */
static void add_entry(struct hi_buf *out, const json_t *entry)
{
	const char *event = get_text(entry, "event");
	const char *text = get_text(entry, "text");

	if (!strcmp(event, "rollback"))
		hi_buf_text(out, "back at ");
	else if (json_is_true(json_object_get(entry, "rollback")))
		hi_buf_text(out, "back to ");
	if (json_object_get(entry, "build"))
		hi_buf_printf(out, "#%lld", get_number(entry, "build"));
	if (strcmp(event, "rollback")) {
		hi_buf_text(out, json_object_get(entry, "build") ? " " : "");
		hi_phrase_clean(out, !strcmp(event, "judged") ?
					     "would be live" :
				     !strcmp(event, "ready") ? "taken over" :
							       event);
	}
	if (*text) {
		hi_buf_text(out, ": ");
		hi_phrase_clean(out, text);
	}
	hi_buf_text(out, "\n");
}

static void add_patch_points(struct hi_buf *out, const json_t *worker)
{
	long long n = get_number(worker, "without_patch_point");
	const json_t *reasons = json_object_get(worker, "reasons");

	for (size_t i = 0; i < json_array_size(reasons); i++) {
		const json_t *one = json_array_get(reasons, i);
		const char *name = get_text(one, "function");

		hi_buf_text(out, "    no patch point at ");
		hi_phrase_names(out, &name, 1, HI_PHRASE_CALLS);
		hi_buf_text(out, ": ");
		hi_phrase_clean(out, get_text(one, "reason"));
		hi_buf_text(out, "\n");
	}
	if (n > (long long)json_array_size(reasons))
		hi_buf_printf(out, "    and at %lld more\n",
			      n - (long long)json_array_size(reasons));
}

static void add_inside(struct hi_buf *out, const json_t *worker)
{
	const json_t *inside = json_object_get(worker, "inside");
	long long n = get_number(worker, "n_inside");

	for (size_t i = 0; i < json_array_size(inside); i++) {
		const json_t *one = json_array_get(inside, i);
		const char *where = get_text(one, "where");

		hi_buf_printf(out, "    thread %lld is inside build #%lld, in ",
			      get_number(one, "thread"),
			      get_number(one, "build"));
		hi_phrase_function(out, get_text(one, "function"));
		if (*where) {
			hi_buf_text(out, " (");
			hi_phrase_clean(out, where);
			hi_buf_text(out, ")");
		}
		hi_buf_text(out, "\n");
	}
	if (n > (long long)json_array_size(inside))
		hi_buf_printf(out, "    and %lld more threads are inside\n",
			      n - (long long)json_array_size(inside));
}

static void add_worker(struct hi_buf *out, const json_t *worker)
{
	const char *since = get_text(worker, "since");
	const json_t *last = json_object_get(worker, "last");

	hi_buf_text(out, "  ");
	hi_phrase_clean(out, get_text(worker, "worker"));
	if (!json_is_true(json_object_get(worker, "open"))) {
		hi_buf_text(out, ": not open\n");
	} else {
		hi_buf_printf(out, ": build #%lld",
			      get_number(worker, "build"));
		if (*since) {
			hi_buf_text(out, " since ");
			hi_phrase_clean(out, since);
		}
		hi_buf_text(out, ", ");
		hi_phrase_count(out, (size_t)get_number(worker, "functions"),
				"function");
		hi_buf_text(out, " in the table, ");
		hi_phrase_count(out, (size_t)get_number(worker, "patch_points"),
				"patch point");
		hi_buf_text(out, "\n");
		add_patch_points(out, worker);
		add_inside(out, worker);
	}
	if (last) {
		hi_buf_text(out, "    last: ");
		add_entry(out, last);
	}
}

void hi_command_show_status(struct hi_buf *out, const json_t *status)
{
	const char *state = get_text(status, "state");
	const json_t *workers = json_object_get(status, "workers");

	hi_phrase_clean(out, get_text(status, "name"));
	hi_buf_printf(out, " (%lld): %s by hotinject (%lld)",
		      get_number(status, "pid"),
		      json_is_true(json_object_get(status, "launched")) ?
			      "started" :
			      "attached to",
		      get_number(status, "hotinject"));
	if (!strcmp(state, "gdb"))
		hi_buf_text(out, ", in gdb now");
	else if (!strcmp(state, "starting"))
		hi_buf_text(out, ", only starting");
	hi_buf_text(out, "\n");
	for (size_t i = 0; i < json_array_size(workers); i++)
		add_worker(out, json_array_get(workers, i));
}

/* "  12 kB of its own, 28 kB mapped, 45 kB in its file" */
static void add_memory(struct hi_buf *out, const json_t *memory)
{
	if (memory)
		hi_buf_printf(out,
			      "    %lld kB of its own, %lld kB mapped, %lld "
			      "kB in its file\n",
			      (get_number(memory, "own") + 1023) / 1024,
			      (get_number(memory, "mapped") + 1023) / 1024,
			      (get_number(memory, "file") + 1023) / 1024);
}

void hi_command_show_history(struct hi_buf *out, const json_t *answer)
{
	const json_t *history = json_object_get(answer, "history");

	if (json_array_size(history) == 0) {
		hi_phrase_clean(out, get_text(answer, "name"));
		hi_buf_printf(out, " (%lld) has no build yet\n",
			      get_number(answer, "pid"));
	}
	for (size_t i = 0; i < json_array_size(history); i++) {
		const json_t *entry = json_array_get(history, i);
		const char *id = get_text(entry, "build_id");

		hi_phrase_clean(out, get_text(entry, "time"));
		hi_buf_text(out, " ");
		hi_phrase_clean(out, *id ? id : "-");
		hi_buf_text(out, " ");
		hi_phrase_clean(out, get_text(entry, "worker"));
		hi_buf_text(out, " ");
		add_entry(out, entry);
		add_memory(out, json_object_get(entry, "memory"));
	}
}

static void add_json(struct hi_buf *out, const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER |
						JSON_REAL_PRECISION(12));

	if (text)
		hi_buf_printf(out, "%s\n", text);
	free(text);
}

void hi_command_show_json(struct hi_buf *out, const json_t *answer)
{
	const json_t *history = json_object_get(answer, "history");

	if (!history)
		add_json(out, answer);
	for (size_t i = 0; i < json_array_size(history); i++)
		add_json(out, json_array_get(history, i));
}
