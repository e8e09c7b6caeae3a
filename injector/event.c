#include "injector/event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/own.h"
#include "injector/output.h"

struct hi_events {
	int fd;
	char *name; /* for sentences */
	bool failed;
	bool is_pipe;
};

/* One that was closed at the start is open for nothing (main.c). */
static int dup_standard_output(void)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags >= 0 && (flags & O_PATH)) {
		errno = EBADF;
		return -1;
	}
	return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
}

int hi_events_open(const char *path, struct hi_events **ret_events,
		   struct hi_err *err)
{
	bool standard = !strcmp(path, "-");
	int HI_CLOSE fd = -1;
	char *HI_FREE name = NULL;
	struct hi_events *events;
	struct stat st;

	if (standard)
		fd = dup_standard_output();
	else
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
			  0666);
	if (fd < 0)
		return hi_fail_sys(err, "events cannot be written to %s",
				   standard ? "standard output" : path);
	name = strdup(standard ? "standard output" : path);
	events = calloc(1, sizeof(*events));
	if (!name || !events) {
		free(events);
		return hi_fail(err, HI_E_NOMEM,
			       "out of memory while opening %s", path);
	}
	events->is_pipe = fstat(fd, &st) == 0 &&
			  (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
	events->fd = hi_take_fd(&fd);
	events->name = hi_take_ptr(&name);
	*ret_events = events;
	return 0;
}

void hi_events_free(struct hi_events *events)
{
	if (!events)
		return;
	close(events->fd);
	free(events->name);
	free(events);
}

static void format_time(char *text, size_t len)
{
	struct timespec now;
	struct tm utc;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	n = strftime(text, len, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + n, len - n, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

json_t *hi_event_new(const char *name)
{
	char time_text[64];
	json_t *event = json_object();

	format_time(time_text, sizeof(time_text));
	json_object_set_new(event, "event", json_string(name));
	json_object_set_new(event, "time", json_string(time_text));
	return event;
}

json_t *hi_event_text(const char *text)
{
	json_t *string = json_string(text);
	struct hi_buf buf = HI_BUF_INIT;

	if (string)
		return string;
	/* jansson takes UTF-8 only; file names and symbols are bytes. */
	for (; *text; text++) {
		if ((unsigned char)*text < 0x80)
			hi_buf_add(&buf, text, 1);
		else
			hi_buf_text(&buf, "\xef\xbf\xbd");
	}
	string = json_string(hi_buf_str(&buf));
	hi_buf_done(&buf);
	return string;
}

json_t *hi_event_names(const char *const *names, size_t n_names)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n_names; i++)
		json_array_append_new(array, hi_event_text(names[i]));
	return array;
}

/*
 * A pipe that is full takes a line of more than PIPE_BUF bytes in pieces, and those of
 * others in between (pipe(7)): all processes of hotinject that have it take turns.
 */
static void take_turn(const struct hi_events *events, bool begin)
{
	struct flock whole = { .l_type = begin ? F_WRLCK : F_UNLCK,
			       .l_whence = SEEK_SET };

	if (!events->is_pipe)
		return;
	while (fcntl(events->fd, F_SETLKW, &whole) < 0 && errno == EINTR)
		;
}

int hi_events_send(struct hi_events *events, json_t *event, struct hi_err *err)
{
	const size_t flags = JSON_COMPACT | JSON_PRESERVE_ORDER |
			     JSON_REAL_PRECISION(12);
	char *HI_FREE text = NULL;
	struct hi_buf line = HI_BUF_INIT;
	int code = -ENOMEM;

	if (!events->failed)
		text = json_dumps(event, flags);
	json_decref(event);
	if (events->failed)
		return 0;
	if (text)
		hi_buf_printf(&line, "%s\n", text);
	if (text && !line.failed) {
		take_turn(events, true);
		code = hi_output_write(events->fd, line.data, line.len);
		take_turn(events, false);
	}
	hi_buf_done(&line);
	if (code == 0)
		return 0;
	/* Half a line may be out: whatever followed would be garbled. */
	events->failed = true;
	errno = -code;
	return hi_fail_sys(err, "no more events are written to %s",
			   events->name);
}
