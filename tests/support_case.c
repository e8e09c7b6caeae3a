#include "tests/support_case.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "tests/support_scene.h"

enum { N_REJECTS = 5, LINE_LEN = 2000, SETTING_LEN = 500 };

struct story {
	struct support *scene;
	const struct support_variant *variant;
	char folder[SETTING_LEN]; /* of the sources, from the root */
	char worker[SETTING_LEN];
	char worker_flags[SETTING_LEN], host_flags[SETTING_LEN];
	char after[SETTING_LEN];
	char options[SETTING_LEN], arguments[SETTING_LEN];
	char question[200]; /* the last */
	bool ended;
};

struct verb {
	const char *name;
	void (*run)(struct story *story, char *rest, char *expected);
};

/* The next word of *AT, cut off with a NUL; NULL at the end. */
static char *next_word(char **at)
{
	char *word;

	while ((word = strsep(at, " \t")) != NULL)
		if (*word)
			return word;
	return NULL;
}

static bool is_named(const char *words, const char *name, size_t len)
{
	for (const char *at = words; (at = strstr(at, name)) != NULL; at++)
		if ((at == words || at[-1] == ' ') && !strncmp(at, name, len) &&
		    at[len] == '=')
			return true;
	return false;
}

/* "*=VALUE": each word that EXPECTED does not name has this value. */
static void check_others(struct story *story, const char *answer,
			 const char *value, const char *expected)
{
	char *HI_FREE copy = strdup(answer);
	char *at = copy, *word, *equals;

	while ((word = next_word(&at)) != NULL) {
		equals = strchr(word, '=');
		if (!equals)
			continue;
		*equals = '\0';
		if (is_named(expected, word, strlen(word)))
			continue;
		if (strcmp(equals + 1, value) != 0)
			support_fail(story->scene, "%s is %s, not %s, in: %s",
				     word, equals + 1, value, answer);
	}
}

static void check_answer(struct story *story, const char *answer,
			 const char *expected)
{
	char *HI_FREE copy = strdup(expected);
	char *at = copy, *word;

	while ((word = next_word(&at)) != NULL) {
		if (!strncmp(word, "*=", 2))
			check_others(story, answer, word + 2, expected);
		else if (!support_has_word(answer, word))
			support_fail(story->scene, "no %s in: %s", word,
				     answer);
	}
}

static const char *list_name(const char *key)
{
	static const char *const lists[] = { "changed", "added", "removed",
					     "bypassed", "parted" };

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		if (!strcmp(lists[i], key))
			return lists[i];
	return NULL;
}

/* A text contains NAME, a list has it. */
static bool holds(json_t *array, const char *name)
{
	json_t *item;
	size_t i;

	if (json_is_string(array))
		return strstr(json_string_value(array), name);
	json_array_foreach(array, i, item)
		if (!strcmp(json_string_value(item), name))
			return true;
	return false;
}

static bool is_state(const char *key)
{
	return !strcmp(key, "kept") || !strcmp(key, "new") ||
	       !strcmp(key, "migrated") || !strcmp(key, "reset");
}

/* KEY=VALUE of an event. */
static bool event_has(struct story *story, json_t *event, const char *key,
		      const char *value)
{
	char path[100];
	json_t *item;

	if (list_name(key))
		return !strcmp(support_event_list(story->scene, event, key),
			       value);
	if (!strcmp(key, "kind"))
		return support_event_reason(event, value, "");
	if (is_state(key)) {
		snprintf(path, sizeof(path), "state.%s", key);
		return support_event_number(story->scene, event, path) ==
		       strtol(value, NULL, 10);
	}
	item = json_object_get(event, key);
	if (json_is_string(item))
		return !strcmp(json_string_value(item), value);
	if (json_is_boolean(item))
		return json_is_true(item) == !strcmp(value, "true");
	return json_is_number(item) &&
	       (long)json_number_value(item) == strtol(value, NULL, 10);
}

/* The next event, which is of one of the kinds: "live", or "live|refused". */
static json_t *wait_for(struct story *story, const char *kinds)
{
	const char *kind;
	json_t *event;

	if (!strchr(kinds, '|'))
		return support_event(story->scene, kinds);
	event = support_event_any(story->scene);
	kind = support_event_text(story->scene, event, "event");
	if (!strstr(kinds, kind))
		support_fail(story->scene, "%s came instead of %s", kind,
			     kinds);
	return event;
}

static void check_event(struct story *story, char *expected)
{
	char *at = expected, *word, *sign;
	json_t *event = wait_for(story, next_word(&at));
	char *HI_FREE text = json_dumps(event, JSON_COMPACT);

	while (at && *(at += strspn(at, " \t"))) {
		if (!strncmp(at, "text~", 5)) {
			if (!support_event_reason(event, NULL, at + 5))
				support_fail(story->scene,
					     "no reason \"%s\" in %s", at + 5,
					     text);
			return;
		}
		word = next_word(&at);
		sign = strpbrk(word, "=~");
		if (!sign)
			support_fail(story->scene, "%s is no expectation",
				     word);
		/* support_fail() does not return */
		/* cppcheck-suppress nullPointerRedundantCheck */
		if (*sign == '~') {
			*sign = '\0';
			if (!holds(json_object_get(event, word), sign + 1))
				support_fail(story->scene,
					     "no %s in \"%s\" of %s", sign + 1,
					     word, text);
			continue;
		}
		*sign = '\0';
		if (!event_has(story, event, word, sign + 1))
			support_fail(story->scene, "%s is not %s in %s", word,
				     sign + 1, text);
	}
}

static const char *compile_worker(struct story *story, unsigned int number)
{
	const char *file = support_compile_worker(story->scene, story->folder,
						  story->variant,
						  story->worker_flags, number);

	if (*story->after)
		support_shell(story->scene, "worker=%s; %s", file,
			      story->after);
	return file;
}

static void run_start(struct story *story, char *rest, char *expected)
{
	const char *words[64];
	char *options = story->options, *arguments = story->arguments, *word;
	char ready[] = "ready";
	size_t n = 0;

	(void)rest;
	support_put(story->scene, compile_worker(story, 1), story->worker,
		    SUPPORT_RENAME);
	support_compile_host(story->scene, story->folder, story->variant,
			     story->host_flags);
	while (n < 30 && (word = next_word(&options)) != NULL)
		words[n++] = word;
	words[n++] = "./host";
	words[n++] = story->worker;
	words[n++] = "--";
	while (n < 60 && (word = next_word(&arguments)) != NULL)
		words[n++] = word;
	words[n] = NULL;
	support_start_words(story->scene, words);
	check_event(story, expected ? expected : ready);
}

static void run_build(struct story *story, char *rest, char *expected)
{
	const char *number = next_word(&rest), *how = next_word(&rest);
	enum support_way way = SUPPORT_RENAME;

	if (!number)
		support_fail(story->scene, "which build");
	if (how && !strcmp(how, "in-place"))
		way = SUPPORT_IN_PLACE;
	else if (how && !strcmp(how, "anew"))
		way = SUPPORT_ANEW;
	else if (how)
		support_fail(story->scene, "%s is no way to place a file", how);
	support_put(story->scene,
		    compile_worker(story, (unsigned int)atoi(number)),
		    story->worker, way);
	if (expected)
		check_event(story, expected);
}

static void run_host(struct story *story, char *rest, char *expected)
{
	snprintf(story->question, sizeof(story->question), "%s", rest);
	if (expected)
		check_answer(story, support_ask(story->scene, rest), expected);
	else
		support_tell(story->scene, rest);
}

static void run_never(struct story *story, char *rest, char *expected)
{
	(void)expected;
	support_reject(story->scene, story->question, rest, N_REJECTS);
}

static void run_event(struct story *story, char *rest, char *expected)
{
	(void)expected;
	check_event(story, rest);
}

static void run_message(struct story *story, char *rest, char *expected)
{
	(void)expected;
	support_message(story->scene, rest);
}

static void run_shell(struct story *story, char *rest, char *expected)
{
	(void)expected;
	support_shell(story->scene, "case=%s; %s",
		      support_source(story->scene, story->folder), rest);
}

static void run_end(struct story *story, char *rest, char *expected)
{
	int status = support_end(story->scene);

	(void)rest;
	story->ended = true;
	if (status != (expected ? atoi(expected) : 0))
		support_fail(story->scene, "the exit status is %d", status);
	/* no story's host becomes a daemon */
	support_shell(story->scene, "! grep -F ' has ended; process ' stderr");
}

/* Settings are words kept for later lines. */
static const struct setting {
	const char *name;
	size_t offset;
} settings[] = {
	{ "worker", offsetof(struct story, worker) },
	{ "worker-flags", offsetof(struct story, worker_flags) },
	{ "worker-after", offsetof(struct story, after) },
	{ "host-flags", offsetof(struct story, host_flags) },
	{ "options", offsetof(struct story, options) },
	{ "arguments", offsetof(struct story, arguments) },
};

/* "source NAME": the programs are those of another story. */
static bool set(struct story *story, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		if (strcmp(settings[i].name, name) != 0)
			continue;
		snprintf((char *)story + settings[i].offset, SETTING_LEN, "%s",
			 value);
		return true;
	}
	if (strcmp(name, "source") != 0)
		return false;
	snprintf(story->folder, SETTING_LEN, "tests/cases/%s", value);
	return true;
}

static const struct verb verbs[] = {
	{ "start", run_start }, { "build", run_build },
	{ "host", run_host },   { "never", run_never },
	{ "event", run_event }, { "message", run_message },
	{ "shell", run_shell }, { "end", run_end },
};

static void run_line(struct story *story, char *line)
{
	char *arrow, *expected = NULL, *rest = line, *word;

	line[strcspn(line, "\n")] = '\0';
	if (*line == '\0' || *line == '#')
		return;
	support_log(story->scene, "expect", line);
	arrow = strstr(line, " -> ");
	if (arrow) {
		*arrow = '\0';
		expected = arrow + 4;
	}
	word = next_word(&rest);
	rest = rest ? rest + strspn(rest, " \t") : line + strlen(line);
	if (set(story, word, rest))
		return;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(verbs[i].name, word)) {
			verbs[i].run(story, rest, expected);
			return;
		}
	support_fail(story->scene, "nobody knows \"%s\"", word);
}

void support_case_run(const char *name, const struct support_variant *variant)
{
	struct story story = { .variant = variant, .worker = "libworker.so" };
	char line[LINE_LEN], path[SETTING_LEN + 20], title[100];
	unsigned int number = 0;
	FILE *file;

	snprintf(title, sizeof(title), "%s-%s", name, variant->name);
	story.scene = support_new(title);
	snprintf(story.folder, sizeof(story.folder), "tests/cases/%s", name);
	snprintf(path, sizeof(path), "%s/expect", story.folder);
	file = fopen(path, "r");
	if (!file)
		support_fail(story.scene, "no file %s", path);
	/* support_fail() does not return */
	/* cppcheck-suppress nullPointerRedundantCheck */
	while (fgets(line, sizeof(line), file)) {
		support_set_place(story.scene, path, ++number);
		run_line(&story, line);
	}
	fclose(file);
	if (!story.ended)
		run_end(&story, NULL, NULL);
	support_free(story.scene);
}
