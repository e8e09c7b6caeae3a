#include "injector/many.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/await.h"
#include "injector/group.h"
#include "injector/many_find.h"
#include "injector/program.h"
#include "injector/session.h"

/* Before it is known whether it can be attached to. */
static void name_host(struct hi_group *group, pid_t pid)
{
	char path[64], name[32] = "";
	FILE *comm;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	comm = fopen(path, "re");
	if (comm && fgets(name, sizeof(name), comm))
		name[strcspn(name, "\n")] = '\0';
	if (comm)
		fclose(comm);
	hi_group_set_host(group, *name ? name : "process", pid);
}

/* Signals of the terminal reach the members, too; those of kill(1) only the head. */
static int block_signals(sigset_t *ret_old)
{
	static const int signals[] = { SIGINT,  SIGTERM, SIGHUP,
				       SIGQUIT, SIGTSTP, SIGCHLD };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	sigprocmask(SIG_BLOCK, &set, ret_old);
	return fd;
}

static bool is_told_to_end(int signal_fd)
{
	struct signalfd_siginfo info;
	bool end = false;

	while (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		end |= info.ssi_signo != SIGTSTP && info.ssi_signo != SIGCHLD;
	return end;
}

/* Until the last member has ended. */
static void attend(struct hi_group *group, int signal_fd)
{
	struct pollfd fds[2] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = hi_group_get_fd(group), .events = POLLIN },
	};

	while (hi_group_count(group) > 0) {
		hi_await_news(fds, 2, -1);
		if (fds[0].revents && is_told_to_end(signal_fd))
			hi_group_let_go(group);
		hi_group_run(group);
	}
}

/* 0 in the head; in a member, what hi_session_run() has to say. */
static bool start_all(struct hi_options *options, struct hi_report *report,
		      struct hi_group *group, const pid_t *pids, size_t n,
		      const sigset_t *old, int *ret_status)
{
	struct hi_err err = { 0 };

	for (size_t i = 0; i < n; i++) {
		pid_t member = hi_group_fork(group, &err);

		if (member != 0) {
			if (member < 0 && err.code != HI_E_BUSY)
				hi_report_error(report, &err);
			continue;
		}
		sigprocmask(SIG_SETMASK, old, NULL);
		options->pid = pids[i];
		name_host(group, pids[i]);
		*ret_status = hi_session_run(options, report, group);
		return true;
	}
	return false;
}

static int run_group(struct hi_options *options, struct hi_report *report,
		     struct hi_group *group, const pid_t *pids, size_t n)
{
	sigset_t old;
	int HI_CLOSE signal_fd = block_signals(&old);
	int status = 0;

	if (start_all(options, report, group, pids, n, &old, &status))
		return status;
	attend(group, signal_fd);
	return hi_group_count_failed(group) < n ? 0 : HI_EXIT_HOTINJECT;
}

int hi_many_run(struct hi_options *options, struct hi_report *report)
{
	pid_t *HI_FREE pids = NULL;
	struct hi_group *group = NULL;
	struct hi_err err = { 0 };
	size_t n = 0;
	int status = HI_EXIT_HOTINJECT;
	int code = hi_many_find(options, &pids, &n, &err);

	if (code == 0 && (options->name || options->all))
		hi_report_note(report,
			       "%zu process%s found; one that begins later is "
			       "not looked after",
			       n, n == 1 ? "" : "es");
	if (code == 0 && n == 1) {
		options->pid = pids[0];
		return hi_session_run(options, report, NULL);
	}
	if (code == 0)
		code = hi_group_new(report, &group, &err);
	if (code < 0) {
		hi_report_error(report, &err);
		return status;
	}
	status = run_group(options, report, group, pids, n);
	hi_group_free(group);
	return status;
}
