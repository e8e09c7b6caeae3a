#include "injector/group.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/clock.h"
#include "injector/fold.h"
#include "injector/letter.h"
#include "injector/program.h"

#define EVENTS_MAX 16

/* Seen by all processes of the group. */
struct shared {
	atomic_size_t n_members;
	atomic_bool said_full;
	struct hi_ways ways;
};

struct member {
	pid_t pid;
	int fd; /* of pidfd_open(2) */
};

struct hi_group {
	struct hi_report *report;
	struct shared *shared;
	bool head;
	int inbox;  /* the head's end of the socket, or -1 */
	int outbox; /* the members' end */
	int leash;  /* members: closed at the other end means to let go */
	int hand;   /* the head: that other end */
	int call;   /* counted up: each is to look at the ways */
	int epoll, timer;
	struct hi_fold *fold;
	struct member *members; /* of the head */
	size_t n_members, max_members;
	size_t n_failed;
	pid_t pid; /* of the host of this process */
	char host[32];
};

/* --- what is said --------------------------------------------------------------- */

static void arm(struct hi_group *group)
{
	uint64_t due_ns = hi_fold_get_due_ns(group->fold);
	struct itimerspec spec = {
		.it_value = { (time_t)(due_ns / HI_NS_PER_S),
			      (long)(due_ns % HI_NS_PER_S) },
	};

	timerfd_settime(group->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void write_text(void *context, const char *text, bool bare)
{
	const struct hi_group *group = context;

	hi_report_write(group->report, text, bare);
}

static void take(struct hi_group *group, const struct hi_said *said)
{
	hi_fold_take(group->fold, said, hi_clock_ns());
	arm(group);
}

static void on_said(void *context, const char *key, const char *brief,
		    const char *text)
{
	struct hi_group *group = context;
	struct hi_said said = { group->pid, group->host, key, brief, text };

	if (group->head)
		take(group, &said);
	else
		hi_letter_send_said(group->outbox, &said);
}

/* --- the processes -------------------------------------------------------------- */

static int watch_fd(const struct hi_group *group, int fd)
{
	/* nobody reads the calls: each one is news */
	struct epoll_event event = {
		.events = EPOLLIN | (fd == group->call ? EPOLLET : 0),
		.data.fd = fd,
	};

	return epoll_ctl(group->epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool grow(struct hi_group *group)
{
	size_t max = group->max_members ? 2 * group->max_members : 16;
	struct member *more;

	if (group->n_members < group->max_members)
		return true;
	more = realloc(group->members, max * sizeof(*more));
	if (!more)
		return false;
	group->members = more;
	group->max_members = max;
	return true;
}

/* One that is not known lets go of its host when the head ends. */
static void add_member(struct hi_group *group, pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0 || !grow(group) || watch_fd(group, fd) < 0) {
		if (fd >= 0)
			close(fd);
		atomic_fetch_sub(&group->shared->n_members, 1);
		return;
	}
	group->members[group->n_members++] = (struct member){ pid, fd };
}

/* One whose parent is another member is none that could be waited for. */
static void remove_member(struct hi_group *group, int fd)
{
	size_t i = 0;
	int status = 0;

	while (i < group->n_members && group->members[i].fd != fd)
		i++;
	if (i == group->n_members)
		return;
	if (waitpid(group->members[i].pid, &status, WNOHANG) > 0 &&
	    WIFEXITED(status) && WEXITSTATUS(status) == HI_EXIT_HOTINJECT)
		group->n_failed++;
	close(fd);
	group->members[i] = group->members[--group->n_members];
	atomic_fetch_sub(&group->shared->n_members, 1);
}

static void read_inbox(struct hi_group *group)
{
	char *HI_FREE bytes = malloc(HI_LETTER_MAX);
	struct hi_letter letter;

	while (bytes && hi_letter_receive(group->inbox, bytes, &letter)) {
		if (letter.member)
			add_member(group, letter.member);
		else
			take(group, &letter.said);
	}
}

/* --- beginning and end ---------------------------------------------------------- */

static int open_all(struct hi_group *group)
{
	int pair[2], leash[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	group->inbox = pair[0];
	group->outbox = pair[1];
	if (pipe2(leash, O_CLOEXEC) < 0)
		return -1;
	group->leash = leash[0];
	group->hand = leash[1];
	group->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	group->epoll = epoll_create1(EPOLL_CLOEXEC);
	group->timer =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (group->call < 0 || group->epoll < 0 || group->timer < 0 ||
	    watch_fd(group, group->call) < 0 ||
	    watch_fd(group, group->inbox) < 0 ||
	    watch_fd(group, group->timer) < 0)
		return -1;
	group->shared = mmap(NULL, sizeof(*group->shared),
			     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			     -1, 0);
	if (group->shared == MAP_FAILED)
		group->shared = NULL;
	return group->shared ? 0 : -1;
}

int hi_group_new(struct hi_report *report, struct hi_group **ret_group,
		 struct hi_err *err)
{
	struct hi_group *group = calloc(1, sizeof(*group));

	if (!group)
		return hi_fail(err, HI_E_NOMEM, "no memory for many hosts");
	group->head = true;
	group->report = report;
	group->inbox = group->outbox = group->leash = group->hand = -1;
	group->call = group->epoll = group->timer = -1;
	group->fold = hi_fold_new(write_text, group);
	if (!group->fold || open_all(group) < 0) {
		hi_fail_sys(err, "many hosts cannot be looked after");
		hi_group_free(group);
		return HI_E_SYS;
	}
	hi_report_set_listener(report, on_said, group);
	*ret_group = group;
	return 0;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* What only the head has. */
static void close_head(struct hi_group *group)
{
	close_one(&group->inbox);
	close_one(&group->hand);
	close_one(&group->epoll);
	close_one(&group->timer);
	for (size_t i = 0; i < group->n_members; i++)
		close(group->members[i].fd);
	free(group->members);
	group->members = NULL;
	group->n_members = group->max_members = 0;
	hi_fold_free(group->fold);
	group->fold = NULL;
}

void hi_group_free(struct hi_group *group)
{
	if (!group)
		return;
	if (group->head && group->fold && group->inbox >= 0) {
		read_inbox(group);
		hi_fold_flush(group->fold);
	}
	hi_report_set_listener(group->report, NULL, NULL);
	close_head(group);
	close_one(&group->outbox);
	close_one(&group->leash);
	close_one(&group->call);
	if (group->shared)
		munmap(group->shared, sizeof(*group->shared));
	free(group);
}

/* Its own: what one process has taken note of is news to the others. */
static void open_member(struct hi_group *group)
{
	group->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (group->epoll >= 0 && (watch_fd(group, group->leash) < 0 ||
				  watch_fd(group, group->call) < 0))
		close_one(&group->epoll);
}

void hi_group_set_host(struct hi_group *group, const char *name, pid_t pid)
{
	snprintf(group->host, sizeof(group->host), "%s", name);
	group->pid = pid;
}

static int fail_full(struct hi_group *group, struct hi_err *err)
{
	atomic_fetch_sub(&group->shared->n_members, 1);
	hi_fail(err, HI_E_BUSY,
		"more than %d processes are not looked after; others keep the "
		"build that they have",
		HI_GROUP_MAX);
	if (!atomic_exchange(&group->shared->said_full, true))
		hi_report_error(group->report, err);
	return -1;
}

pid_t hi_group_fork(struct hi_group *group, struct hi_err *err)
{
	pid_t pid;

	if (atomic_fetch_add(&group->shared->n_members, 1) >= HI_GROUP_MAX)
		return fail_full(group, err);
	pid = fork();
	if (pid < 0) {
		atomic_fetch_sub(&group->shared->n_members, 1);
		hi_fail_sys(err, "another process of hotinject");
		return -1;
	}
	if (pid == 0) {
		close_head(group);
		group->head = false;
		open_member(group);
		group->n_failed = 0;
	} else if (group->head) {
		add_member(group, pid);
	} else {
		hi_letter_send_member(group->outbox, pid);
	}
	return pid;
}

bool hi_group_is_head(const struct hi_group *group)
{
	return group->head;
}

int hi_group_get_fd(const struct hi_group *group)
{
	return group->epoll >= 0 ? group->epoll : group->leash;
}

void hi_group_run(struct hi_group *group)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t no_matter;
	int n = epoll_wait(group->epoll, events, EVENTS_MAX, 0);

	if (!group->head)
		return;
	/* first what they said, then that they have ended */
	if (n > 0)
		read_inbox(group);
	for (int i = 0; i < n; i++) {
		if (events[i].data.fd == group->timer) {
			(void)!read(group->timer, &no_matter,
				    sizeof(no_matter));
			if (hi_clock_ns() >= hi_fold_get_due_ns(group->fold))
				hi_fold_flush(group->fold);
		} else if (events[i].data.fd != group->inbox) {
			remove_member(group, events[i].data.fd);
		}
	}
}

size_t hi_group_count(const struct hi_group *group)
{
	return group->n_members;
}

bool hi_group_is_over(const struct hi_group *group)
{
	struct pollfd leash = { .fd = group->leash, .events = POLLIN };

	return !group->head && poll(&leash, 1, 0) > 0;
}

void hi_group_let_go(struct hi_group *group)
{
	close_one(&group->hand);
}

struct hi_ways *hi_group_get_ways(const struct hi_group *group)
{
	return &group->shared->ways;
}

void hi_group_call(const struct hi_group *group)
{
	const uint64_t one = 1;

	(void)!write(group->call, &one, sizeof(one));
}

size_t hi_group_count_failed(const struct hi_group *group)
{
	return group->n_failed;
}
