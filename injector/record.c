#include "injector/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/own.h"
#include "injector/record_parts.h"

/* By which a record may grow beyond the double of what it needs. */
#define LEN_MORE (64L << 10)

/* What was written of one worker. */
struct noted {
	const struct hi_worker *worker;
	size_t n_builds;
	bool resolved;
};

struct hi_record {
	char *path; /* NULL before anything is written */
	pid_t pid;
	unsigned int serial;
	int fd;          /* -1: nothing is written yet */
	off_t whole_len; /* of the file, when all of it was written anew */
	struct noted *noted;
	size_t n_noted;
	const struct hi_history *history;
	size_t n_said; /* of what was ever added to it */
};

uint64_t hi_record_get_start(pid_t pid)
{
	char path[64], text[1024];
	unsigned long long start = 0;
	const char *at;
	size_t len = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	/* the 22nd field; the second one, in parentheses, may hold blanks */
	at = strrchr(text, ')');
	for (int i = 2; at && i < 22; i++)
		at = strchr(at + 1, ' ');
	if (at)
		start = strtoull(at, NULL, 10);
	return start;
}

char *hi_record_make_path(const char *folder, pid_t pid)
{
	char *path;

	return asprintf(&path, "%s/record.%d", folder, pid) < 0 ? NULL : path;
}

uint64_t hi_record_sum(const char *text, size_t len)
{
	return XXH3_64bits(text, len);
}

int hi_record_new(const struct hi_history *history,
		  struct hi_record **ret_record, struct hi_err *err)
{
	struct hi_record *record = calloc(1, sizeof(*record));

	if (!record)
		return hi_fail(err, HI_E_NOMEM, "out of memory at the start");
	record->fd = -1;
	record->history = history;
	*ret_record = record;
	return 0;
}

static void forget(struct hi_record *record)
{
	free(record->noted);
	record->noted = NULL;
	record->n_noted = 0;
	if (record->fd >= 0)
		close(record->fd);
	record->fd = -1;
}

void hi_record_free(struct hi_record *record)
{
	if (!record)
		return;
	forget(record);
	free(record->path);
	free(record);
}

void hi_record_start(struct hi_record *record, pid_t pid, unsigned int serial)
{
	forget(record);
	free(record->path);
	record->path = NULL;
	record->pid = pid;
	record->serial = serial;
}

void hi_record_remove(struct hi_record *record)
{
	forget(record);
	if (record->path)
		unlink(record->path);
}

static struct noted *find_noted(struct hi_record *record,
				const struct hi_worker *worker)
{
	struct noted *grown;

	for (size_t i = 0; i < record->n_noted; i++)
		if (record->noted[i].worker == worker)
			return &record->noted[i];
	grown = reallocarray(record->noted, record->n_noted + 1,
			     sizeof(*grown));
	if (!grown)
		return NULL;
	record->noted = grown;
	memset(&grown[record->n_noted], 0, sizeof(*grown));
	grown[record->n_noted].worker = worker;
	return &grown[record->n_noted++];
}

/* --- lines ------------------------------------------------------------------ */

static int fail(struct hi_err *err, const char *what)
{
	int code = hi_fail_sys(err,
			       "the record cannot be %s, by which another "
			       "hotinject takes the host up",
			       what);

	hi_err_hint(err, "the host is none the worse; it is tried again with "
			 "the next build");
	return code;
}

static int write_line(int fd, json_t *line, struct hi_err *err)
{
	char *HI_FREE text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	char *HI_FREE whole = NULL;
	int len = -1;

	json_decref(line);
	if (text)
		len = asprintf(&whole, "%016lx %s\n",
			       hi_record_sum(text, strlen(text)), text);
	if (len < 0) {
		whole = NULL;
		return hi_fail(err, HI_E_NOMEM, "no memory for the record");
	}
	/* part of it, without a word, when the room ends in the middle */
	errno = ENOSPC;
	if (write(fd, whole, (size_t)len) != (ssize_t)len)
		return fail(err, "written");
	return 0;
}

static json_t *make_header(const struct hi_record *record)
{
	return json_pack("{sisisIsi}", "format", HI_RECORD_FORMAT, "pid",
			 (int)record->pid, "start",
			 (json_int_t)hi_record_get_start(record->pid), "serial",
			 (int)record->serial);
}

/* What was said since there were N_BEFORE. */
static int write_said(const struct hi_record *record, int fd, size_t n_before,
		      struct hi_err *err)
{
	int code = 0;

	for (size_t n = n_before; n < record->history->n_added && code == 0;
	     n++) {
		json_t *entry = hi_history_get(record->history, n);

		if (entry)
			code = write_line(fd, json_pack("{sO}", "entry", entry),
					  err);
	}
	return code;
}

/* Beside the copy of a build #1, which the host maps for as long as it has the
   worker. */
static int find_place(struct hi_record *record, struct hi_err *err)
{
	const struct hi_worker *worker = NULL;
	char *HI_FREE folder = NULL;

	for (size_t i = 0; i < record->n_noted && !worker; i++)
		if (record->noted[i].worker->n_builds > 0)
			worker = record->noted[i].worker;
	if (worker)
		folder = strdup(worker->builds[0]->path);
	if (folder)
		*strrchr(folder, '/') = '\0';
	free(record->path);
	record->path = folder ? hi_record_make_path(folder, record->pid) : NULL;
	return record->path ?
		       0 :
		       hi_fail(err, HI_E_NOMEM, "no memory for the record");
}

static void remove_old(const struct hi_record *record, const char *old_path)
{
	if (old_path && strcmp(old_path, record->path) != 0)
		unlink(old_path);
}

static void remember(struct noted *noted)
{
	noted->n_builds = noted->worker->n_builds;
	noted->resolved = noted->n_builds && noted->worker->builds[0]->resolved;
}

static off_t get_len(const struct hi_record *record)
{
	struct stat st;

	return fstat(record->fd, &st) == 0 ? st.st_size : 0;
}

/* All of it anew: what was there stays until the new one is whole. */
static int write_all(struct hi_record *record, struct hi_err *err)
{
	char *HI_FREE old_path = record->path ? strdup(record->path) : NULL;
	char *HI_FREE new_path = NULL;
	int HI_CLOSE fd = -1;
	int code = find_place(record, err);

	if (code < 0)
		return code;
	if (asprintf(&new_path, "%s.new", record->path) < 0) {
		new_path = NULL;
		return hi_fail(err, HI_E_NOMEM, "no memory for the record");
	}
	fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
		  0600);
	if (fd < 0)
		return fail(err, "made");
	code = write_line(fd, make_header(record), err);
	for (size_t i = 0; i < record->n_noted; i++) {
		const struct hi_worker *worker = record->noted[i].worker;

		for (size_t b = 0; b < worker->n_builds && code == 0; b++)
			code = write_line(fd,
					  hi_record_describe(worker,
							     worker->builds[b]),
					  err);
	}
	if (code == 0)
		code = write_said(record, fd, 0, err);
	if (code == 0 && rename(new_path, record->path) < 0)
		code = fail(err, "put in place");
	if (code < 0)
		return code;
	remove_old(record, old_path);
	if (record->fd >= 0)
		close(record->fd);
	record->fd = hi_take_fd(&fd);
	record->n_said = record->history->n_added;
	record->whole_len = get_len(record);
	for (size_t i = 0; i < record->n_noted; i++)
		remember(&record->noted[i]);
	return 0;
}

/* --- what changes from one to the next ---------------------------------------- */

static bool is_next(const struct hi_record *record, const struct noted *noted)
{
	const struct hi_worker *worker = noted->worker;

	/* of builds that are retired meanwhile, little is written anew */
	return record->fd >= 0 && worker->n_builds == noted->n_builds + 1 &&
	       get_len(record) < 2 * record->whole_len + LEN_MORE &&
	       (noted->n_builds == 0 ||
		noted->resolved == worker->builds[0]->resolved);
}

static int write_next(const struct hi_record *record, struct noted *noted,
		      struct hi_err *err)
{
	const struct hi_worker *worker = noted->worker;
	int code = write_line(record->fd,
			      hi_record_describe(worker, worker->current), err);

	if (code == 0)
		remember(noted);
	return code;
}

int hi_record_add(struct hi_record *record, const struct hi_worker *worker,
		  struct hi_err *err)
{
	return find_noted(record, worker) ?
		       0 :
		       hi_fail(err, HI_E_NOMEM, "no memory for the record");
}

int hi_record_note(struct hi_record *record, pid_t pid,
		   const struct hi_worker *worker, struct hi_err *err)
{
	struct noted *noted;
	int code = 0;

	if (record->pid != pid)
		hi_record_start(record, pid, 1);
	noted = find_noted(record, worker);
	if (!noted)
		return hi_fail(err, HI_E_NOMEM, "no memory for the record");
	if (!hi_build_is_first(worker->current))
		code = hi_record_keep_was(worker->current, err);
	if (code == 0 && is_next(record, noted))
		code = write_next(record, noted, err);
	else if (code == 0)
		code = write_all(record, err);
	if (code < 0)
		hi_record_remove(record);
	return code;
}

void hi_record_say(struct hi_record *record)
{
	struct hi_err no_matter;
	struct stat st;

	if (record->fd < 0 || record->n_said == record->history->n_added ||
	    fstat(record->fd, &st) < 0)
		return;
	/* a line that is not whole would spoil what follows */
	if (write_said(record, record->fd, record->n_said, &no_matter) < 0 &&
	    ftruncate(record->fd, st.st_size) < 0)
		hi_record_remove(record);
	record->n_said = record->history->n_added;
}
