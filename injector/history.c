#include "injector/history.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "injector/event.h"

#define NAMES_MAX 24
#define TEXT_MAX  2000

static void write_build_id(char id[2 * HI_BUILD_ID_MAX + 1],
			   const struct hi_image *image)
{
	const struct hi_image_header *header =
		image ? hi_image_get_header(image) : NULL;

	id[0] = '\0';
	for (size_t i = 0; header && i < header->build_id_len; i++)
		snprintf(id + 2 * i, 3, "%02x", header->build_id[i]);
}

void hi_history_set_image(struct hi_history *history,
			  const struct hi_image *image, const char *copy)
{
	free(history->copy);
	history->copy = copy ? strdup(copy) : NULL;
	write_build_id(history->build_id, image);
}

static const char *get_text(const json_t *entry, const char *key)
{
	const char *text = json_string_value(json_object_get(entry, key));

	return text ? text : "";
}

static bool is_current(const json_t *entry)
{
	const char *event = get_text(entry, "event");

	return !strcmp(event, "ready") || !strcmp(event, "live") ||
	       !strcmp(event, "rollback");
}

/* A copy, because the event's own lists may be long. */
static json_t *shorten(const json_t *event)
{
	json_t *entry = json_object();
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)event, key, value) {
		json_t *list = json_is_array(value) ? json_array() : NULL;

		if (!list) {
			json_object_set(entry, key, value);
			continue;
		}
		for (size_t i = 0; i < json_array_size(value) && i < NAMES_MAX;
		     i++)
			json_array_append(list, json_array_get(value, i));
		json_object_set_new(entry, key, list);
	}
	return entry;
}

/* The oldest goes, but not what tells since when a current build is. */
static void make_room(struct hi_history *history)
{
	size_t n = json_array_size(history->entries), i = 0;

	if (n < HI_HISTORY_MAX)
		return;
	for (; i < n; i++) {
		const json_t *entry = json_array_get(history->entries, i);

		if (hi_history_find_last(history, get_text(entry, "worker"),
					 1) != entry)
			break;
	}
	json_array_remove(history->entries, i < n ? i : 0);
}

static void append(struct hi_history *history, json_t *entry)
{
	history->n_added++;
	if (!history->entries)
		history->entries = json_array();
	make_room(history);
	json_array_append_new(history->entries, entry);
}

static json_t *make_entry(const json_t *event, const char *build_id,
			  const char *text)
{
	json_t *entry = shorten(event);
	char *some = strndup(text, TEXT_MAX);

	json_object_set_new(entry, "build_id", json_string(build_id));
	json_object_set_new(entry, "text", hi_event_text(some ? some : ""));
	free(some);
	return entry;
}

void hi_history_add(struct hi_history *history, const json_t *event,
		    const char *text)
{
	json_t *entry = make_entry(event, history->build_id, text);

	if (history->copy && is_current(entry))
		json_object_set_new(entry, "copy",
				    hi_event_text(history->copy));
	append(history, entry);
	history->build_id[0] = '\0';
}

void hi_history_add_of(struct hi_history *history, const struct hi_image *image,
		       const json_t *event, const char *text)
{
	char build_id[2 * HI_BUILD_ID_MAX + 1];

	write_build_id(build_id, image);
	append(history, make_entry(event, build_id, text));
}

void hi_history_restore(struct hi_history *history, json_t *entry)
{
	append(history, json_incref(entry));
}

void hi_history_done(struct hi_history *history)
{
	json_decref(history->entries);
	history->entries = NULL;
	free(history->copy);
	history->copy = NULL;
}

json_t *hi_history_find_last(const struct hi_history *history,
			     const char *worker, int current)
{
	for (size_t i = json_array_size(history->entries); i-- > 0;) {
		json_t *entry = json_array_get(history->entries, i);

		if (!strcmp(get_text(entry, "worker"), worker) &&
		    (!current || is_current(entry)))
			return entry;
	}
	return NULL;
}

json_t *hi_history_get(const struct hi_history *history, size_t n)
{
	size_t n_kept = json_array_size(history->entries);
	size_t n_gone = history->n_added - n_kept;

	return n < n_gone ? NULL : json_array_get(history->entries, n - n_gone);
}

static bool is_back(const json_t *entry)
{
	return !strcmp(get_text(entry, "event"), "rollback") ||
	       json_is_true(json_object_get(entry, "rollback"));
}

static bool is_verdict(const json_t *entry)
{
	const char *event = get_text(entry, "event");

	return strcmp(event, "crash") != 0 && strcmp(event, "kicked") != 0;
}

json_t *hi_history_find_verdict(const struct hi_history *history,
				size_t n_before, const char *worker, int back)
{
	for (size_t n = history->n_added; n-- > n_before;) {
		json_t *entry = hi_history_get(history, n);

		if (!strcmp(get_text(entry, "worker"), worker) &&
		    is_verdict(entry) && (!back || is_back(entry)))
			return entry;
	}
	return NULL;
}

json_t *hi_history_get_new(const struct hi_history *history, size_t len_max)
{
	json_t *list = json_array();
	size_t len = 2;

	for (size_t i = json_array_size(history->entries); i-- > 0;) {
		json_t *entry = json_array_get(history->entries, i);

		len += json_dumpb(entry, NULL, 0, JSON_COMPACT) + 1;
		if (len > len_max)
			break;
		json_array_insert(list, 0, entry);
	}
	return list;
}
