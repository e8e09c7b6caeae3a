#include "injector/watch_route.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/own.h"

/* More steps than any path has; ends the walk where links turn in a circle. */
#define STEPS_MAX 512

#define MASK_FOLDER (IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD)
#define MASK_NAME   (IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM)
#define MASK_FINAL  (MASK_NAME | IN_CLOSE_WRITE | IN_OPEN)

struct walk {
	int inotify_fd;
	struct hi_route route;
	char here[PATH_MAX]; /* the folder reached; no links, "" is the root */
	int here_wd;         /* -1 where it may not be watched */
	char rest[PATH_MAX]; /* what is still to go */
};

enum step { STEP_ON, STEP_END };

static int fail_memory(struct hi_err *err)
{
	return hi_fail(err, HI_E_NOMEM, "out of memory while watching");
}

static int add_folder(struct walk *walk, int wd, struct hi_err *err)
{
	struct hi_route *route = &walk->route;
	int *wds;

	if (hi_route_has_folder(route, wd))
		return 0;
	wds = realloc(route->wds, (route->n_wds + 1) * sizeof(*wds));
	if (!wds)
		return fail_memory(err);
	wds[route->n_wds++] = wd;
	route->wds = wds;
	return 0;
}

static int fail_watch(const struct walk *walk, struct hi_err *err)
{
	int code = hi_fail_sys(err, "folder %s cannot be watched",
			       *walk->here ? walk->here : "/");

	if (err && err->sys_errno == ENOSPC)
		hi_err_hint(err, "raise fs.inotify.max_user_watches "
				 "with sysctl");
	return code;
}

/*
 * Watch the folder that was reached for MASK. IN_MASK_ADD, because one folder
 * may be passed for several reasons. Gone meanwhile: 0 and here_wd is -1.
 */
static int watch_here(struct walk *walk, uint32_t mask, struct hi_err *err)
{
	int wd = inotify_add_watch(walk->inotify_fd,
				   *walk->here ? walk->here : "/",
				   mask | MASK_FOLDER);

	walk->here_wd = wd;
	if (wd >= 0)
		return add_folder(walk, wd, err);
	/* Passing a folder needs no right to read it, watching it does. */
	if (errno == ENOENT || errno == ENOTDIR ||
	    (errno == EACCES && mask == 0))
		return 0;
	return fail_watch(walk, err);
}

static int add_spot(struct walk *walk, const char *name, enum hi_spot_kind kind,
		    struct hi_err *err)
{
	struct hi_route *route = &walk->route;
	struct hi_spot *spots;
	char *copy;
	int code = watch_here(
		walk, kind == HI_SPOT_FINAL ? MASK_FINAL : MASK_NAME, err);

	if (code < 0 || walk->here_wd < 0)
		return code;
	spots = realloc(route->spots, (route->n_spots + 1) * sizeof(*spots));
	if (!spots)
		return fail_memory(err);
	route->spots = spots;
	copy = strdup(name);
	if (!copy)
		return fail_memory(err);
	spots[route->n_spots].wd = walk->here_wd;
	spots[route->n_spots].name = copy;
	spots[route->n_spots].kind = kind;
	route->n_spots++;
	return 0;
}

/* The next component of the rest into NAME; false at the end. */
static bool take_component(struct walk *walk, char name[NAME_MAX + 1],
			   bool *ret_is_last)
{
	const char *start = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(start, "/");
	const char *next = start + len + strspn(start + len, "/");

	if (len == 0 || len > NAME_MAX)
		return false;
	memcpy(name, start, len);
	name[len] = '\0';
	*ret_is_last = *next == '\0';
	memmove(walk->rest, next, strlen(next) + 1);
	return true;
}

/* TEXT followed by "/" and TAIL (both may be ""), into BUFFER. */
static bool join(char buffer[PATH_MAX], const char *text, const char *tail)
{
	char joined[PATH_MAX];
	int len = snprintf(joined, sizeof(joined), "%s/%s", text, tail);

	if (len < 0 || (size_t)len >= sizeof(joined))
		return false;
	memcpy(buffer, joined, (size_t)len + 1);
	return true;
}

static void leave_folder(struct walk *walk)
{
	char *slash = strrchr(walk->here, '/');

	if (slash)
		*slash = '\0';
}

static int follow_link(struct walk *walk, const char *name, const char *path,
		       struct hi_err *err)
{
	char target[PATH_MAX];
	ssize_t len;
	int code = add_spot(walk, name, HI_SPOT_LINK, err);

	if (code < 0)
		return code;
	/* Read only now: a change after this is an event. */
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0) /* no link any more: look at the name again */
		return join(walk->rest, name, walk->rest) ? STEP_ON : STEP_END;
	target[len] = '\0';
	if (target[0] == '/')
		walk->here[0] = '\0';
	return join(walk->rest, target, walk->rest) ? STEP_ON : STEP_END;
}

/* Nothing to pass through at NAME: wait there, or be at the end. */
static int stop_at(struct walk *walk, const char *name, const char *path,
		   bool is_last, struct hi_err *err)
{
	struct stat stat;
	int code = add_spot(walk, name,
			    is_last ? HI_SPOT_FINAL : HI_SPOT_MISSING, err);

	if (code < 0)
		return code;
	/* It may have come, or become a link, before it was watched. */
	if (lstat(path, &stat) == 0 &&
	    (S_ISLNK(stat.st_mode) || (!is_last && S_ISDIR(stat.st_mode))))
		return join(walk->rest, name, walk->rest) ? STEP_ON : STEP_END;
	if (is_last) {
		walk->route.final_path = strdup(path);
		if (!walk->route.final_path)
			return fail_memory(err);
	}
	return STEP_END;
}

/* /proc/PID/root leads into mounts that its text does not name (proc(5)). */
static bool is_root_of_process(const char *path)
{
	int len = 0;

	(void)!sscanf(path, "/proc/%*d/root%n", &len);
	return len > 0 && path[len] == '\0';
}

static int step(struct walk *walk, struct hi_err *err)
{
	char name[NAME_MAX + 1];
	char path[PATH_MAX];
	struct stat stat;
	bool is_last;
	bool exists;
	int code;

	if (!take_component(walk, name, &is_last))
		return STEP_END;
	if (!strcmp(name, "."))
		return STEP_ON;
	if (!strcmp(name, "..")) {
		leave_folder(walk);
		return STEP_ON;
	}
	if (!join(path, walk->here, name))
		return STEP_END;
	exists = lstat(path, &stat) == 0;
	if (exists && is_root_of_process(path)) {
		memcpy(walk->here, path, sizeof(path));
		return STEP_ON;
	}
	if (exists && S_ISLNK(stat.st_mode))
		return follow_link(walk, name, path, err);
	if (is_last || !exists || !S_ISDIR(stat.st_mode))
		return stop_at(walk, name, path, is_last, err);
	memcpy(walk->here, path, sizeof(path));
	code = watch_here(walk, 0, err);
	return code < 0 ? code : STEP_ON;
}

int hi_route_walk(int inotify_fd, const char *path, struct hi_route *ret_route,
		  struct hi_err *err)
{
	struct walk walk = { .inotify_fd = inotify_fd };
	int code = STEP_ON;

	if (strlen(path) >= sizeof(walk.rest)) {
		errno = ENAMETOOLONG;
		return hi_fail_sys(err, "%s cannot be watched", path);
	}
	memcpy(walk.rest, path, strlen(path) + 1);
	for (int i = 0; i < STEPS_MAX && code == STEP_ON; i++)
		code = step(&walk, err);
	if (code < 0) {
		hi_route_done(&walk.route);
		return code;
	}
	*ret_route = walk.route;
	return 0;
}

void hi_route_done(struct hi_route *route)
{
	for (size_t i = 0; i < route->n_spots; i++)
		free(route->spots[i].name);
	free(route->spots);
	free(route->wds);
	free(route->final_path);
	memset(route, 0, sizeof(*route));
}

void hi_route_replace(int inotify_fd, struct hi_route *route,
		      struct hi_route *new)
{
	for (size_t i = 0; i < route->n_wds; i++)
		if (!hi_route_has_folder(new, route->wds[i]))
			inotify_rm_watch(inotify_fd, route->wds[i]);
	hi_route_done(route);
	*route = *new;
	memset(new, 0, sizeof(*new));
}

bool hi_route_has_folder(const struct hi_route *route, int wd)
{
	for (size_t i = 0; i < route->n_wds; i++)
		if (route->wds[i] == wd)
			return true;
	return false;
}

const struct hi_spot *hi_route_find_spot(const struct hi_route *route, int wd,
					 const char *name)
{
	const struct hi_spot *link = NULL;

	for (size_t i = 0; i < route->n_spots; i++) {
		const struct hi_spot *spot = &route->spots[i];

		if (spot->wd != wd || strcmp(spot->name, name) != 0)
			continue;
		if (spot->kind == HI_SPOT_FINAL)
			return spot;
		link = spot;
	}
	return link;
}
