#include "tests/support.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/own.h"
#include "tests/support_scene.h"

/* Of a process that the host has forked. */
static bool is_of_fork(const struct support *scene, const json_t *event)
{
	const json_t *pid = json_object_get(event, "pid");

	for (size_t i = 0; pid && i < json_array_size(scene->forks); i++)
		if (json_equal(json_array_get(scene->forks, i), pid))
			return true;
	return false;
}

static void add_event(struct support *scene, const char *line, size_t len)
{
	json_error_t error;
	json_t *event = json_loadb(line, len, 0, &error);
	json_t *pid;

	if (!event || !json_is_string(json_object_get(event, "event")))
		support_fail(scene, "not an event: %.*s", (int)len, line);
	pid = json_object_get(event, "pid");
	if (json_object_get(event, "parent"))
		json_array_append(scene->forks, pid);
	if (pid && !is_of_fork(scene, event))
		scene->host_pid = (pid_t)json_integer_value(pid);
	json_array_append_new(scene->events, event);
}

void support_events_read(struct support *scene)
{
	int HI_CLOSE fd =
		open(support_path(scene, "events"), O_RDONLY | O_CLOEXEC);
	size_t len = 0, begin = 0;
	char *HI_FREE bytes = NULL;
	ssize_t n;

	if (fd < 0)
		return;
	do {
		/* a failed test ends here */
		/* cppcheck-suppress memleakOnRealloc */
		bytes = realloc(bytes, len + 65536);
		ck_assert_ptr_nonnull(bytes);
		n = pread(fd, bytes + len, 65536,
			  scene->events_offset + (off_t)len);
		ck_assert_int_ge(n, 0);
		len += (size_t)n;
	} while (n);
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != '\n')
			continue;
		add_event(scene, bytes + begin, i - begin);
		begin = i + 1;
	}
	scene->events_offset += (off_t)begin;
}

/* Wait for something to be written in the folder; false when nobody will. */
static bool wait_for_writing(struct support *scene, uint64_t deadline,
			     const char *what)
{
	char bytes[4096];
	bool alive;

	ck_assert_msg(scene->pid > 0, "nothing runs that could give: %s", what);
	alive = support_poll(scene, scene->inotify_fd, deadline, what);
	while (read(scene->inotify_fd, bytes, sizeof(bytes)) > 0)
		;
	return alive;
}

/* The next event, or NULL when the process ended without one. */
static json_t *next_event(struct support *scene, uint64_t deadline,
			  const char *what)
{
	bool alive = true;

	for (;;) {
		support_events_read(scene);
		if (scene->n_consumed < json_array_size(scene->events))
			return json_array_get(scene->events,
					      scene->n_consumed++);
		if (!alive)
			return NULL;
		alive = wait_for_writing(scene, deadline, what);
	}
}

static bool event_is(const json_t *event, const char *kind)
{
	return !strcmp(json_string_value(json_object_get(event, "event")),
		       kind);
}

/* Events that may come at any time. */
static bool is_remark(const struct support *scene, const json_t *event)
{
	return event_is(event, "waiting") || event_is(event, "ignored") ||
	       is_of_fork(scene, event);
}

json_t *support_event(struct support *scene, const char *kind)
{
	uint64_t deadline = support_deadline();
	char what[100];
	json_t *event;

	snprintf(what, sizeof(what), "event \"%s\"", kind);
	for (;;) {
		event = next_event(scene, deadline, what);
		if (!event)
			support_fail(scene, "hotinject ended before %s", what);
		if (event_is(event, kind) && !is_of_fork(scene, event))
			return event;
		if (!is_remark(scene, event))
			support_fail(scene, "%s came instead of %s",
				     json_dumps(event, JSON_COMPACT), what);
	}
}

json_t *support_event_any(struct support *scene)
{
	json_t *event = next_event(scene, support_deadline(), "event");

	if (!event)
		support_fail(scene, "hotinject ended before any event");
	return event;
}

void support_no_event(struct support *scene)
{
	support_events_read(scene);
	if (scene->n_consumed < json_array_size(scene->events))
		support_fail(scene, "an event came that nobody waited for: %s",
			     json_dumps(json_array_get(scene->events,
						       scene->n_consumed),
					JSON_COMPACT));
}

void support_forget_events(struct support *scene)
{
	scene->forgetful = true;
}

void support_event_last(struct support *scene)
{
	support_events_read(scene);
	if (scene->forgetful)
		return;
	while (scene->n_consumed < json_array_size(scene->events)) {
		json_t *event =
			json_array_get(scene->events, scene->n_consumed);

		if (!is_remark(scene, event) && !event_is(event, "exit"))
			break;
		scene->n_consumed++;
	}
	support_no_event(scene);
}

/* KEY, or OBJECT.KEY. */
static json_t *get_value(struct support *scene, json_t *event, const char *key)
{
	const char *dot = strchr(key, '.');
	json_t *value = event;
	char first[60];

	if (dot) {
		snprintf(first, sizeof(first), "%.*s", (int)(dot - key), key);
		value = json_object_get(event, first);
		key = dot + 1;
	}
	value = json_object_get(value, key);
	if (!value)
		support_fail(scene, "no \"%s\" in the event %s", key,
			     json_dumps(event, JSON_COMPACT));
	return value;
}

long support_event_number(struct support *scene, json_t *event, const char *key)
{
	return (long)json_number_value(get_value(scene, event, key));
}

const char *support_event_text(struct support *scene, json_t *event,
			       const char *key)
{
	const char *text = json_string_value(get_value(scene, event, key));

	if (!text)
		support_fail(scene, "\"%s\" is no text in %s", key,
			     json_dumps(event, JSON_COMPACT));
	return text;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *support_event_list(struct support *scene, json_t *event,
			       const char *key)
{
	json_t *array = get_value(scene, event, key);
	size_t n = json_array_size(array), at = 0;
	const char *names[n + 1];
	char text[2000] = "";

	for (size_t i = 0; i < n; i++)
		names[i] = json_string_value(json_array_get(array, i));
	/* cppcheck-suppress uninitvar ; filled by the loop above */
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s",
				       i ? "," : "", names[i]);
	return support_keep(scene, text);
}

bool support_event_reason(json_t *event, const char *kind, const char *text)
{
	json_t *reason;
	size_t i;

	json_array_foreach(json_object_get(event, "reasons"), i, reason) {
		const char *k =
			json_string_value(json_object_get(reason, "kind"));
		const char *t =
			json_string_value(json_object_get(reason, "text"));
		const char *s =
			json_string_value(json_object_get(reason, "symbol"));

		if (kind && (!k || strcmp(k, kind) != 0))
			continue;
		if ((t && strstr(t, text)) || (s && strstr(s, text)))
			return true;
	}
	return false;
}

char *support_messages(struct support *scene)
{
	return support_read(scene, "stderr", NULL);
}

void support_message(struct support *scene, const char *pattern)
{
	uint64_t deadline = support_deadline();
	bool found = false, alive = scene->pid > 0;
	regex_t regex;

	ck_assert_int_eq(regcomp(&regex, pattern,
				 REG_EXTENDED | REG_NOSUB | REG_NEWLINE),
			 0);
	for (;;) {
		char *text = support_messages(scene);

		found = regexec(&regex, text, 0, NULL, 0) == 0;
		free(text);
		if (found || !alive)
			break;
		alive = wait_for_writing(scene, deadline, pattern);
	}
	regfree(&regex);
	if (!found)
		support_fail(scene, "no message \"%s\"", pattern);
}
