/*
 * What there is to say of the host to who asks from another terminal.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/event.h"
#include "injector/history.h"
#include "injector/holds.h"
#include "injector/message.h"
#include "injector/session_parts.h"

#define NAMES_MAX 24
#define ROOM      (9U << 10) /* of a message, for what is added to the history */

/* Why its entry does not lead to the newest code; NULL when it does or need not. */
static const char *find_hindrance(const struct hi_function *function)
{
	if (!function->patchable)
		return function->why_not;
	if (function->current == function->home || function->patched)
		return NULL;
	return function->kept_by ? "old code that still runs relies on it" :
				   "it was in use when it was to be written";
}

static void add_functions(json_t *object, const struct hi_worker *worker)
{
	json_t *refused = json_array();
	size_t n = 0, n_patched = 0, n_refused = 0;

	for (size_t i = 0; i < worker->n_functions; i++) {
		const struct hi_function *function = worker->functions[i];
		const char *reason = find_hindrance(function);
		json_t *one;

		if (!function->current) /* of a build that is not live yet */
			continue;
		n++;
		n_patched += function->patched;
		n_refused += reason != NULL;
		if (!reason || n_refused > NAMES_MAX)
			continue;
		one = json_object();
		json_object_set_new(one, "function",
				    hi_event_text(function->symbol->name));
		json_object_set_new(one, "reason", hi_event_text(reason));
		json_array_append_new(refused, one);
	}
	json_object_set_new(object, "functions", json_integer((json_int_t)n));
	json_object_set_new(object, "patch_points",
			    json_integer((json_int_t)n_patched));
	json_object_set_new(object, "without_patch_point",
			    json_integer((json_int_t)n_refused));
	json_object_set_new(object, "reasons", refused);
}

static void copy(json_t *to, const char *to_key, const json_t *from,
		 const char *key)
{
	json_t *value = json_object_get(from, key);

	if (value)
		json_object_set(to, to_key, value);
}

static void add_last(json_t *object, const struct hi_history *history,
		     const struct hi_worker *worker)
{
	const json_t *entry = hi_history_find_last(history, worker->name, 0);
	json_t *last;

	if (!entry)
		return;
	last = json_object();
	copy(last, "event", entry, "event");
	copy(last, "build", entry, "build");
	copy(last, "from", entry, "from");
	copy(last, "rollback", entry, "rollback");
	copy(last, "time", entry, "time");
	copy(last, "text", entry, "text");
	json_object_set_new(object, "last", last);
}

static json_t *tell_worker(struct session *session, const struct charge *charge)
{
	const struct hi_history *history =
		hi_report_get_history(session->report);
	const struct hi_worker *worker = charge->worker;
	json_t *object = json_object();

	json_object_set_new(object, "worker", hi_event_text(worker->name));
	json_object_set_new(object, "path", hi_event_text(worker->path));
	json_object_set_new(object, "open",
			    json_boolean(worker->current != NULL));
	if (worker->current) {
		json_object_set_new(
			object, "build",
			json_integer((json_int_t)worker->current->number));
		copy(object, "since",
		     hi_history_find_last(history, worker->name, 1), "time");
		add_functions(object, worker);
		hi_session_tell_inside(session, charge, object);
	}
	add_last(object, history, worker);
	return object;
}

static const char *get_state(const struct session *session)
{
	if (session->lent)
		return "gdb";
	return session->self.entered ? "running" : "starting";
}

json_t *hi_session_tell_status(struct session *session)
{
	const struct hi_host *host = session->self.host;
	json_t *status = json_object();
	json_t *workers = json_array();

	json_object_set_new(status, "pid", json_integer(host->pid));
	json_object_set_new(status, "name", hi_event_text(host->name));
	json_object_set_new(status, "family", json_integer(session->family));
	json_object_set_new(status, "hotinject", json_integer(getpid()));
	json_object_set_new(status, "launched",
			    json_boolean(!session->options->pid));
	json_object_set_new(status, "state", json_string(get_state(session)));
	for (size_t i = 0; i < session->n_charges; i++)
		json_array_append_new(
			workers, tell_worker(session, &session->charges[i]));
	json_object_set_new(status, "workers", workers);
	return status;
}

static json_t *tell_holds(const struct hi_holds *holds)
{
	json_t *object = json_object();

	json_object_set_new(object, "own",
			    json_integer((json_int_t)holds->own));
	json_object_set_new(object, "mapped",
			    json_integer((json_int_t)holds->mapped));
	json_object_set_new(object, "file",
			    json_integer((json_int_t)holds->file));
	return object;
}

/* To the entries of builds that this worker has, what they hold. */
static void add_holds(json_t *history, pid_t pid,
		      const struct hi_worker *worker)
{
	struct hi_holds *HI_FREE holds =
		calloc(worker->n_builds + 1, sizeof(*holds));
	json_t *entry;
	size_t i;

	if (!holds || worker->n_builds == 0)
		return;
	hi_holds_read(pid, worker, holds);
	json_array_foreach(history, i, entry) {
		const char *path =
			json_string_value(json_object_get(entry, "copy"));

		for (size_t b = 0; path && b < worker->n_builds; b++)
			if (strcmp(worker->builds[b]->path, path) == 0)
				json_object_set_new(entry, "memory",
						    tell_holds(&holds[b]));
	}
}

json_t *hi_session_tell_history(const struct session *session)
{
	const struct hi_host *host = session->self.host;
	json_t *history = hi_history_get_new(
		hi_report_get_history(session->report), HI_MESSAGE_MAX - ROOM);
	json_t *answer = json_object();

	json_object_set_new(answer, "pid", json_integer(host->pid));
	json_object_set_new(answer, "name", hi_event_text(host->name));
	for (size_t i = 0; i < session->n_charges; i++)
		add_holds(history, host->pid, session->charges[i].worker);
	json_object_set_new(answer, "history", history);
	return answer;
}
