/*
 * reload EVENTS WORKER N SECONDS BUILD BUILD... - put N builds in turn where the
 * worker is, as a linker would, and wait for each to be live.
 *
 * One line per reload: when the file was complete (CLOCK_MONOTONIC, ns),
 * latency_ms and pause_us of the live event, and 1 when threads were still inside.
 * Ends early after SECONDS. EVENTS is the file of hotinject's --events.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ULL
#define LIMIT_NS (20 * NS_PER_S)
#define LINE_LEN 65536

struct events {
	int fd, inotify;
	off_t at;
	char line[LINE_LEN];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void open_events(struct events *events, const char *path)
{
	events->fd = open(path, O_RDONLY | O_CLOEXEC);
	events->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (events->fd < 0 || events->inotify < 0 ||
	    inotify_add_watch(events->inotify, path, IN_MODIFY) < 0)
		err(1, "%s", path);
	events->at = lseek(events->fd, 0, SEEK_END);
}

/* The next whole line, or NULL when there is none yet. */
static const char *next_line(struct events *events)
{
	ssize_t len = pread(events->fd, events->line, sizeof(events->line) - 1,
			    events->at);
	char *end;

	if (len <= 0)
		return NULL;
	events->line[len] = '\0';
	end = strchr(events->line, '\n');
	if (!end)
		return NULL;
	*end = '\0';
	events->at += end + 1 - events->line;
	return events->line;
}

static void wait_for_more(struct events *events)
{
	struct pollfd poll_fd = { events->inotify, POLLIN, 0 };
	char bytes[4096];

	poll(&poll_fd, 1, 100);
	while (read(events->inotify, bytes, sizeof(bytes)) > 0)
		;
}

static const char *await_live(struct events *events)
{
	uint64_t end = now_ns() + LIMIT_NS;

	while (now_ns() < end) {
		const char *line = next_line(events);

		if (!line)
			wait_for_more(events);
		else if (strstr(line, "\"event\":\"live\""))
			return line;
		else if (!strstr(line, "\"event\":\"waiting\""))
			errx(1, "no live event, but %s", line);
	}
	errx(1, "no live event in %d s", (int)(LIMIT_NS / NS_PER_S));
}

static void copy(const char *from, const char *to)
{
	int source = open(from, O_RDONLY | O_CLOEXEC);
	int target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	struct stat stat_of;
	off_t at = 0;

	if (source < 0 || target < 0 || fstat(source, &stat_of) < 0)
		err(1, "%s to %s", from, to);
	while (at < stat_of.st_size)
		if (sendfile(target, source, &at,
			     (size_t)(stat_of.st_size - at)) <= 0)
			err(1, "%s to %s", from, to);
	close(source);
	close(target);
}

static double number_of(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	if (!at)
		errx(1, "no %s in %s", key, line);
	return strtod(at + strlen(key), NULL);
}

static void reload(struct events *events, const char *worker, const char *build)
{
	char fresh[4096];
	const char *line;
	uint64_t complete_ns;

	snprintf(fresh, sizeof(fresh), "%s.new", worker);
	copy(build, fresh);
	complete_ns = now_ns();
	if (rename(fresh, worker) < 0)
		err(1, "%s", worker);
	line = await_live(events);
	printf("%llu %.3f %.0f %d\n", (unsigned long long)complete_ns,
	       number_of(line, "\"latency_ms\":"),
	       number_of(line, "\"pause_us\":"),
	       strstr(line, "\"busy\":true") != NULL);
}

int main(int argc, char **argv)
{
	static struct events events;
	uint64_t end;
	long n;

	if (argc < 6)
		errx(1, "usage: reload EVENTS WORKER N SECONDS BUILD...");
	n = strtol(argv[3], NULL, 10);
	end = now_ns() + strtoull(argv[4], NULL, 10) * NS_PER_S;
	open_events(&events, argv[1]);
	for (long i = 0; i < n && now_ns() < end; i++)
		reload(&events, argv[2], argv[5 + i % (argc - 5)]);
	return 0;
}
