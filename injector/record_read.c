#include "injector/record_read.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/phrase.h"
#include "injector/private_folder.h"
#include "injector/reach.h"
#include "injector/record.h"

#define SIZE_MAX_FILE (256L << 20)
#define SUM_LEN       16

void hi_recorded_done(struct hi_recorded *recorded)
{
	free(recorded->path);
	json_decref(recorded->lines);
	memset(recorded, 0, sizeof(*recorded));
}

/* The text of a file that is ours alone, or NULL. */
static char *read_file(const char *path)
{
	int HI_CLOSE fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char *HI_FREE text = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_uid != geteuid() || (st.st_mode & 022) ||
	    st.st_size > SIZE_MAX_FILE)
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	if (!text || read(fd, text, (size_t)st.st_size) != st.st_size)
		return NULL;
	text[st.st_size] = '\0';
	return hi_take_ptr(&text);
}

static json_t *parse_line(const char *line, size_t len)
{
	char *end;
	uint64_t sum;

	if (len < SUM_LEN + 2 || line[SUM_LEN] != ' ')
		return NULL;
	sum = strtoull(line, &end, 16);
	line += SUM_LEN + 1;
	len -= SUM_LEN + 1;
	if (end != line - 1 || sum != hi_record_sum(line, len))
		return NULL;
	return json_loadb(line, len, 0, NULL);
}

/* All lines; of a last one that was not finished, nothing is known. */
static int parse(const char *text, json_t **ret_lines, struct hi_err *err)
{
	json_t *lines = json_array();
	const char *end;

	for (; lines && (end = strchr(text, '\n')); text = end + 1) {
		json_t *line = parse_line(text, (size_t)(end - text));

		if (!line || json_array_append_new(lines, line) < 0) {
			json_decref(lines);
			return hi_fail(err, HI_E_HOST, "its record is damaged");
		}
	}
	*ret_lines = lines;
	return lines ? 0 : hi_fail(err, HI_E_NOMEM, "no memory for its record");
}

static int check_header(const json_t *header, pid_t pid, struct hi_err *err)
{
	if (!header)
		return hi_fail(err, HI_E_HOST, "its record is damaged");
	if (json_integer_value(json_object_get(header, "format")) !=
	    HI_RECORD_FORMAT)
		return hi_fail(err, HI_E_HOST,
			       "its record was written by another version of "
			       "hotinject");
	if (json_integer_value(json_object_get(header, "pid")) != pid ||
	    (uint64_t)json_integer_value(json_object_get(header, "start")) !=
		    hi_record_get_start(pid))
		return hi_fail(err, HI_E_HOST,
			       "its record is about another process");
	return 0;
}

/* One record; a newer one takes the place of what was found. */
static int take_one(const char *folder, pid_t pid, struct hi_recorded *found,
		    struct hi_err *err)
{
	struct hi_recorded one = { hi_record_make_path(folder, pid), NULL, 0 };
	char *HI_FREE text = one.path ? read_file(one.path) : NULL;
	int code;

	if (!text) {
		free(one.path);
		return 0;
	}
	code = parse(text, &one.lines, err);
	if (code == 0)
		code = check_header(json_array_get(one.lines, 0), pid, err);
	if (code == 0) {
		one.serial = (unsigned int)json_integer_value(json_object_get(
			json_array_get(one.lines, 0), "serial"));
		json_array_remove(one.lines, 0);
	}
	if (code == 0 && (!found->path || one.serial > found->serial)) {
		hi_recorded_done(found);
		*found = one;
	} else {
		hi_recorded_done(&one);
	}
	return code;
}

int hi_recorded_find(pid_t pid, const struct hi_maps *maps,
		     struct hi_recorded *ret_recorded, struct hi_err *err)
{
	struct hi_recorded found = { NULL, NULL, 0 };
	char *HI_FREE last = NULL;
	int code = 0;

	for (size_t i = 0; i < maps->n_maps && code == 0; i++) {
		const char *path = maps->maps[i].path;
		size_t len = hi_private_folder_has(path);

		if (!len || (last && strlen(last) == len &&
			     strncmp(last, path, len) == 0))
			continue;
		free(last);
		last = strndup(path, len);
		code = last ? take_one(last, pid, &found, err) : 0;
	}
	if (code == 0 && !found.path)
		code = hi_fail(err, HI_E_HOST, "its record is gone");
	if (code < 0) {
		hi_recorded_done(&found);
		return code;
	}
	*ret_recorded = found;
	return 0;
}

/* What the host has opened itself, not a copy that was gone back to. */
static bool is_first(const json_t *line)
{
	return json_integer_value(json_object_get(line, "number")) == 1 &&
	       !json_is_true(json_object_get(line, "again"));
}

const char *hi_recorded_get_worker(const struct hi_recorded *recorded,
				   size_t *at)
{
	const json_t *line;

	while ((line = json_array_get(recorded->lines, (*at)++)))
		if (is_first(line))
			return json_string_value(
				json_object_get(line, "worker"));
	return NULL;
}

static bool is_mapped(const struct hi_maps *maps, const char *path)
{
	const char *inside = hi_reach_inside(path);

	for (size_t i = 0; i < maps->n_maps; i++)
		if (strcmp(maps->maps[i].path, inside) == 0)
			return true;
	return false;
}

bool hi_recorded_is_open(const struct hi_recorded *recorded, const char *path,
			 const struct hi_maps *maps)
{
	for (size_t i = 0; i < json_array_size(recorded->lines); i++) {
		const json_t *line = json_array_get(recorded->lines, i);
		const char *of =
			json_string_value(json_object_get(line, "worker"));
		const char *copy =
			json_string_value(json_object_get(line, "path"));

		if (of && copy && strcmp(of, path) == 0 && is_first(line) &&
		    is_mapped(maps, copy))
			return true;
	}
	return false;
}

/* --- what was said ------------------------------------------------------------ */

/* The one that was killed had no time to tell of it, or to write that down. */
static json_t *make_entry(const json_t *line)
{
	const char *worker = json_string_value(json_object_get(line, "worker"));
	bool again = json_is_true(json_object_get(line, "again"));
	json_int_t number = json_integer_value(json_object_get(line, "number"));

	return json_pack("{s:s, s:s, s:I, s:s, s:O*, s:O*}", "event",
			 again       ? "rollback" :
			 number == 1 ? "ready" :
				       "live",
			 "worker", hi_phrase_base_name(worker), "build", number,
			 "text", "", "build_id",
			 json_object_get(line, "build_id"), "copy",
			 json_object_get(line, "path"));
}

static bool is_said(const json_t *lines, const char *copy)
{
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line) {
		const char *of = json_string_value(json_object_get(
			json_object_get(line, "entry"), "copy"));

		if (of && copy && strcmp(of, copy) == 0)
			return true;
	}
	return false;
}

/* Behind the last build of which something was: of the oldest, nothing is kept. */
static size_t find_unsaid(const json_t *lines)
{
	size_t i = json_array_size(lines);

	while (i > 0 &&
	       !is_said(lines, json_string_value(json_object_get(
				       json_array_get(lines, i - 1), "path"))))
		i--;
	return i;
}

void hi_recorded_tell(const struct hi_recorded *recorded,
		      struct hi_history *history)
{
	size_t n = json_array_size(recorded->lines);

	for (size_t i = 0; i < n; i++) {
		json_t *entry = json_object_get(
			json_array_get(recorded->lines, i), "entry");

		if (json_is_object(entry))
			hi_history_restore(history, entry);
	}
	for (size_t i = find_unsaid(recorded->lines); i < n; i++) {
		const json_t *line = json_array_get(recorded->lines, i);
		json_t *entry = json_object_get(line, "worker") ?
					make_entry(line) :
					NULL;

		if (entry)
			hi_history_restore(history, entry);
		json_decref(entry);
	}
}
