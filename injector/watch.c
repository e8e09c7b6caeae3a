#include "injector/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/watch_poll.h"
#include "injector/watch_route.h"

struct hi_watch {
	int fd;
	char *path; /* absolute */
	struct hi_route route;
	struct hi_identity known;
	uint64_t candidate_ns;
	struct hi_poll *poll; /* instead of all of that; or NULL */
	char *limitation;     /* why */
};

/* What a batch of events amounts to. */
struct news {
	int events;       /* enum hi_watch_event */
	bool way_changed; /* a folder or link on the way: walk again */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/*
 * A file that appears under its name may be complete (a link to a finished file)
 * or just begun. The kernel tells: a read lease is granted only for a file that
 * nobody has open for writing. Breaking the lease would raise SIGIO, which ends a
 * process; SIGURG, which does nothing, is asked for instead. Where there are no
 * leases, or not for other people's files, a file with several names is a link to
 * a finished one, and for others WHEN_UNKNOWN is the answer.
 */
static bool is_complete(const char *path, bool when_unknown)
{
	int HI_CLOSE fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat stat_of;

	if (fd < 0 || fstat(fd, &stat_of) < 0 || !S_ISREG(stat_of.st_mode) ||
	    stat_of.st_size == 0)
		return false;
	fcntl(fd, F_SETSIG, SIGURG);
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
		return fcntl(fd, F_SETLEASE, F_UNLCK) == 0;
	return errno != EAGAIN && (when_unknown || stat_of.st_nlink > 1);
}

/* --- looking instead ---------------------------------------------------------- */

/* Nothing is lost: what differs from the file that is known is a candidate. */
static int begin_to_poll(struct hi_watch *watch, const struct hi_err *why,
			 struct hi_err *err)
{
	const char *name = strrchr(watch->path, '/') + 1;
	int code = hi_poll_new(watch->path, &watch->known, &watch->poll, err);

	if (code < 0)
		return code;
	if (asprintf(&watch->limitation,
		     "%s is looked at every %d ms, because %s%s%s%s", name,
		     HI_POLL_MS, why->sentence, *why->hint ? " (" : "",
		     why->hint,
		     *why->hint ? " to have builds noticed at once)" : "") < 0)
		watch->limitation = NULL;
	if (watch->fd >= 0)
		close(watch->fd);
	watch->fd = -1;
	return 0;
}

/* Walk the way and watch it, or look from time to time. */
static int walk(struct hi_watch *watch, struct hi_route *route,
		struct hi_err *err)
{
	const char *silent = hi_poll_find_silent(watch->path);
	struct hi_err why = { 0 };
	int code = 0;

	if (silent)
		(void)!hi_fail(&why, HI_E_SYS,
			       "its folder is on %s, where changes made "
			       "elsewhere are not told",
			       silent);
	else
		code = hi_route_walk(watch->fd, watch->path, route, &why);
	if (!silent && code == 0)
		return 0;
	memset(route, 0, sizeof(*route));
	if (code < 0 && code != HI_E_SYS) {
		if (err)
			*err = why;
		return code;
	}
	return begin_to_poll(watch, &why, err);
}

/* --- being told --------------------------------------------------------------- */

/* A folder or link changed: is another file, or none, at the end of the way? */
static int walk_again(struct hi_watch *watch, struct news *news,
		      struct hi_err *err)
{
	struct hi_route route;
	struct hi_identity identity;
	int code = walk(watch, &route, err);

	if (code < 0 || watch->poll)
		return code;
	hi_route_replace(watch->fd, &watch->route, &route);
	identity = hi_identify(watch->route.final_path);
	if (!identity.exists && watch->known.exists)
		news->events |= HI_WATCH_DELETED;
	if (identity.exists && !hi_identity_equal(&identity, &watch->known) &&
	    is_complete(watch->route.final_path, true))
		news->events |= HI_WATCH_CANDIDATE;
	watch->known = identity;
	return 0;
}

static void take_final(struct hi_watch *watch, uint32_t mask, struct news *news)
{
	const char *path = watch->route.final_path;
	struct stat stat_of;

	if (mask & IN_OPEN)
		news->events |= HI_WATCH_OPENED;
	if (mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
		news->events |= HI_WATCH_CANDIDATE;
	if (mask & (IN_DELETE | IN_MOVED_FROM))
		news->events |= HI_WATCH_DELETED;
	if (!(mask & (IN_CREATE | IN_MOVED_TO)) || !path ||
	    lstat(path, &stat_of) < 0)
		return;
	if (S_ISLNK(stat_of.st_mode))
		news->way_changed = true;
	else if ((mask & IN_CREATE) && is_complete(path, false))
		news->events |= HI_WATCH_CANDIDATE;
}

static void take_event(struct hi_watch *watch,
		       const struct inotify_event *event, struct news *news)
{
	const struct hi_spot *spot = NULL;

	if (event->mask & IN_Q_OVERFLOW) {
		/* Anything may have been among the lost ones. */
		news->events |= HI_WATCH_CANDIDATE;
		news->way_changed = true;
		return;
	}
	if (event->mask &
	    (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)) {
		/* IN_IGNORED also follows a watch that was given up. */
		if (hi_route_has_folder(&watch->route, event->wd))
			news->way_changed = true;
		return;
	}
	if (event->len > 0)
		spot = hi_route_find_spot(&watch->route, event->wd,
					  event->name);
	if (!spot)
		return;
	if (spot->kind == HI_SPOT_FINAL)
		take_final(watch, event->mask, news);
	else if (event->mask &
		 (IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM))
		news->way_changed = true;
}

/* One read(2) of events: 1, 0 when there are none, or a failure. */
static int take_batch(struct hi_watch *watch, struct news *news,
		      struct hi_err *err)
{
	_Alignas(struct inotify_event) char bytes[16384];
	ssize_t len = read(watch->fd, bytes, sizeof(bytes));
	const char *at = bytes;

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (len < 0)
		return hi_fail_sys(err, "news of %s cannot be read",
				   watch->path);
	while (at < bytes + len) {
		const struct inotify_event *event =
			(const struct inotify_event *)at;

		take_event(watch, event, news);
		at += sizeof(*event) + event->len;
	}
	return len > 0;
}

static int look(struct hi_watch *watch, uint64_t *ret_time_ns)
{
	int events = hi_poll_read(watch->poll);

	if (events & HI_WATCH_CANDIDATE)
		watch->candidate_ns = now_ns();
	*ret_time_ns = watch->candidate_ns;
	return events;
}

int hi_watch_read(struct hi_watch *watch, uint64_t *ret_time_ns,
		  struct hi_err *err)
{
	struct news all = { 0 };
	int code = 1;

	while (code > 0 && !watch->poll) {
		struct news news = { 0 };

		code = take_batch(watch, &news, err);
		if (code > 0 && news.way_changed) {
			int walked = walk_again(watch, &news, err);

			if (walked < 0)
				code = walked;
		}
		if (news.events & HI_WATCH_CANDIDATE)
			watch->candidate_ns = now_ns();
		all.events |= news.events;
	}
	if (code < 0)
		return code;
	if (watch->poll)
		return all.events | look(watch, ret_time_ns);
	if (all.events)
		watch->known = hi_identify(watch->route.final_path);
	/* What was deleted and made again is not gone. */
	if (watch->known.exists)
		all.events &= ~HI_WATCH_DELETED;
	else
		all.events &= ~HI_WATCH_CANDIDATE;
	*ret_time_ns = watch->candidate_ns;
	return all.events;
}

/* PATH as it is, or below the current folder. Its links stay: they are watched. */
static char *make_absolute(const char *path)
{
	char *HI_FREE folder = NULL;
	char *absolute = NULL;

	if (path[0] == '/')
		return strdup(path);
	folder = getcwd(NULL, 0);
	if (!folder || asprintf(&absolute, "%s/%s", folder, path) < 0)
		return NULL;
	return absolute;
}

static int begin(struct hi_watch *watch, const char *path, struct hi_err *err)
{
	struct hi_err why = { 0 };

	watch->path = make_absolute(path);
	if (!watch->path)
		return hi_fail_sys(err, "%s cannot be watched", path);
	watch->known = hi_identify(watch->path);
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd >= 0)
		return walk(watch, &watch->route, err);
	(void)!hi_fail_sys(&why, "its folder cannot be watched");
	if (why.sys_errno == EMFILE)
		hi_err_hint(&why, "raise fs.inotify.max_user_instances with "
				  "sysctl, or the limit on open files,");
	return begin_to_poll(watch, &why, err);
}

int hi_watch_new(const char *path, struct hi_watch **ret_watch,
		 struct hi_err *err)
{
	struct hi_watch *watch = calloc(1, sizeof(*watch));
	int code;

	if (!watch)
		return hi_fail(err, HI_E_NOMEM, "out of memory while watching");
	watch->fd = -1;
	code = begin(watch, path, err);
	if (code < 0) {
		hi_watch_free(watch);
		return code;
	}
	if (!watch->poll)
		watch->known = hi_identify(watch->route.final_path);
	*ret_watch = watch;
	return 0;
}

void hi_watch_free(struct hi_watch *watch)
{
	if (!watch)
		return;
	if (watch->fd >= 0)
		close(watch->fd);
	hi_poll_free(watch->poll);
	free(watch->limitation);
	hi_route_done(&watch->route);
	free(watch->path);
	free(watch);
}

int hi_watch_get_fd(const struct hi_watch *watch)
{
	return watch->poll ? hi_poll_get_fd(watch->poll) : watch->fd;
}

const char *hi_watch_get_limitation(const struct hi_watch *watch)
{
	return watch->limitation;
}
