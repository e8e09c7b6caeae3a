#include "injector/watch_poll.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "injector/clock.h"
#include "injector/watch.h"

struct hi_poll {
	int fd; /* the timer */
	const char *path;
	struct hi_identity known;
	struct hi_identity seen; /* the last time, perhaps half written */
};

/* --- what is there -------------------------------------------------------------- */

/* The folder above PATH, for which a file system's answer may be cached, too. */
static bool get_parent(const char *path, char parent[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (!slash || len >= PATH_MAX)
		return false;
	if (len == 0)
		len = 1;
	memcpy(parent, path, len);
	parent[len] = '\0';
	return true;
}

struct hi_identity hi_identify(const char *path)
{
	struct hi_identity identity = { 0 };
	char parent[PATH_MAX];
	struct statx st;

	if (!path)
		return identity;
	/* what a server has told a while ago is asked for again: of the folder
	   for the name, of the file for its time */
	if (get_parent(path, parent))
		(void)!statx(AT_FDCWD, parent, AT_STATX_FORCE_SYNC, STATX_MTIME,
			     &st);
	if (statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st) <
	    0)
		return identity;
	identity.exists = true;
	identity.dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	identity.ino = st.stx_ino;
	identity.size = (off_t)st.stx_size;
	identity.mtime.tv_sec = st.stx_mtime.tv_sec;
	identity.mtime.tv_nsec = st.stx_mtime.tv_nsec;
	identity.ctime.tv_sec = st.stx_ctime.tv_sec;
	identity.ctime.tv_nsec = st.stx_ctime.tv_nsec;
	return identity;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool hi_identity_equal(const struct hi_identity *a, const struct hi_identity *b)
{
	return a->exists == b->exists && a->dev == b->dev && a->ino == b->ino &&
	       a->size == b->size && is_same_time(&a->mtime, &b->mtime) &&
	       is_same_time(&a->ctime, &b->ctime);
}

/* --- looking ---------------------------------------------------------------------- */

static int start_timer(struct hi_poll *poll, struct hi_err *err)
{
	const struct timespec every = { 0, HI_POLL_MS * (long)HI_NS_PER_MS };
	const struct itimerspec spec = { every, every };

	poll->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (poll->fd < 0 || timerfd_settime(poll->fd, 0, &spec, NULL) < 0)
		return hi_fail_sys(err, "%s cannot be looked at every %d ms",
				   poll->path, HI_POLL_MS);
	return 0;
}

int hi_poll_new(const char *path, const struct hi_identity *known,
		struct hi_poll **ret_poll, struct hi_err *err)
{
	struct hi_poll *poll = calloc(1, sizeof(*poll));
	int code;

	if (!poll)
		return hi_fail(err, HI_E_NOMEM, "out of memory while watching");
	poll->path = path;
	poll->known = poll->seen = *known;
	code = start_timer(poll, err);
	if (code < 0) {
		hi_poll_free(poll);
		return code;
	}
	*ret_poll = poll;
	return 0;
}

void hi_poll_free(struct hi_poll *poll)
{
	if (!poll)
		return;
	if (poll->fd >= 0)
		close(poll->fd);
	free(poll);
}

int hi_poll_get_fd(const struct hi_poll *poll)
{
	return poll->fd;
}

int hi_poll_read(struct hi_poll *poll)
{
	int events = HI_WATCH_UNTOLD;
	struct hi_identity now;
	uint64_t n_times;

	if (read(poll->fd, &n_times, sizeof(n_times)) != sizeof(n_times))
		return HI_WATCH_NOTHING;
	now = hi_identify(poll->path);
	if (hi_identity_equal(&now, &poll->known)) {
		poll->seen = now;
		return events;
	}
	if (!now.exists || hi_identity_equal(&now, &poll->seen)) {
		events |= now.exists ? HI_WATCH_CANDIDATE : HI_WATCH_DELETED;
		poll->known = now;
	}
	poll->seen = now;
	return events;
}

/* --- where it is needed ------------------------------------------------------------ */

const char *hi_poll_name_silent(unsigned long type)
{
	/* numbers, because headers of different age have different ones */
	static const struct {
		unsigned long type;
		const char *name;
	} silent[] = {
		{ 0x6969, "NFS" },        { 0x517b, "SMB" },
		{ 0xfe534d42, "SMB" },    { 0xff534d42, "CIFS" },
		{ 0x65735546, "FUSE" },   { 0x01021997, "9P" },
		{ 0x5346414f, "AFS" },    { 0x6b414653, "AFS" },
		{ 0x00c36400, "Ceph" },   { 0x73757245, "Coda" },
		{ 0x564c, "NCP" },        { 0x0bd00bd0, "Lustre" },
		{ 0x7461636f, "OCFS2" },  { 0x01161970, "GFS2" },
		{ 0x47504653, "GPFS" },   { 0x786f4256, "vboxsf" },
		{ 0xbacbacbc, "vmhgfs" }, { 0x7c7c6673, "prl_fs" },
	};

	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		if (silent[i].type == type)
			return silent[i].name;
	return NULL;
}

/* Of a file or folder; an f_type is an int whose upper half is not to be trusted. */
static bool get_type(const char *path, unsigned long *ret_type)
{
	struct statfs mount;

	if (statfs(path, &mount) < 0)
		return false;
	*ret_type = (unsigned long)mount.f_type & 0xffffffffUL;
	return true;
}

const char *hi_poll_find_silent(const char *path)
{
	char folder[PATH_MAX], above[PATH_MAX];
	const char *name = NULL;
	unsigned long type;

	/* a link's target */
	if (get_type(path, &type))
		name = hi_poll_name_silent(type);
	if (name || !get_parent(path, folder))
		return name;
	while (!get_type(folder, &type)) {
		if (!get_parent(folder, above) || !strcmp(above, folder))
			return NULL;
		memcpy(folder, above, sizeof(folder));
	}
	return hi_poll_name_silent(type);
}
