/*
 * The host in gdb: all its threads are let go, and taken again when gdb has ended.
 * What is known of the host stays as it is, because nothing of ours changes it
 * meanwhile.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/own.h"
#include "injector/attach.h"
#include "injector/await.h"
#include "injector/message.h"
#include "injector/session_parts.h"

#define AGAIN_MS  20 /* the client has left, and gdb still has the host */
#define TRIES_MAX 100

/* The end of a host that is our child, and what its forefathers do. */
static void pump(struct session *session)
{
	for (;;) {
		struct hi_stop stop = hi_tracee_wait(-1);

		if (stop.kind == HI_STOP_NONE ||
		    (stop.kind == HI_STOP_ENDED && stop.tid <= 0))
			return;
		hi_host_take(session->self.host, &stop);
	}
}

/* Every thread, or none: gdb could not have the host otherwise. */
static int let_go(struct session *session, struct hi_err *err)
{
	struct hi_host *host = session->self.host;

	hi_attach_end(host);
	host->ended = false;
	host->leaving = false;
	pump(session); /* threads that have ended meanwhile */
	if (!host->threads)
		return 0;
	hi_fail(err, HI_E_BUSY,
		"thread %d of %s (%d) is in an uninterruptible wait and cannot "
		"be let go",
		host->threads->tid, host->name, host->pid);
	hi_err_hint(err, "try again");
	(void)!hi_attach_again(host, NULL);
	return HI_E_BUSY;
}

static bool is_readable(int fd)
{
	struct pollfd one = { fd, POLLIN, 0 };

	return poll(&one, 1, 0) > 0;
}

/*
 * Its end is seen here when it is our child, but not before gdb has seen it. Of
 * another's child nobody tells us the status.
 */
static bool see_end(struct session *session)
{
	struct hi_stop stop = hi_tracee_wait(session->self.host->pid);

	if (stop.kind == HI_STOP_NONE)
		return false;
	hi_host_take(session->self.host, &stop);
	return session->self.host->ended;
}

static bool has_shim(const struct session *session)
{
	char *HI_FREE real = realpath(session->shim_path, NULL);
	struct hi_maps maps;
	bool found;

	if (!session->placed)
		return true;
	if (hi_maps_read(session->self.host->pid, &maps, NULL) < 0)
		return false;
	found = hi_maps_find_path(&maps, real ? real : session->shim_path);
	hi_maps_done(&maps);
	return found;
}

/* Everything that depends on threads and mappings is read anew. */
static int take_back(struct session *session, struct hi_err *err)
{
	struct hi_host *host = session->self.host;
	struct hi_thread *loader;
	int code = hi_attach_again(host, err);

	if (code < 0)
		return code;
	if (!has_shim(session))
		return hi_fail(err, HI_E_HOST,
			       "%s (%d) has started another program in gdb, "
			       "and is left alone",
			       host->name, host->pid);
	hi_stacks_stale(&session->stacks);
	if (session->unwinder)
		hi_unwinder_stale(session->unwinder);
	loader = hi_host_find_thread(host, session->loader.thread);
	if (loader)
		loader->mine = true;
	return 0;
}

/* How it stands once the client has left; HI_E_BUSY: not to be had yet. */
static int try_back(struct session *session, unsigned int *n_tries,
		    struct hi_err *err)
{
	int code = take_back(session, err);

	/* gdb may not be through with each of its threads, or the host is
	   ending */
	if ((code == HI_E_RIGHTS || code == HI_E_GONE) &&
	    ++*n_tries < TRIES_MAX)
		code = HI_E_BUSY;
	return code;
}

/* Until the client has left and the host can be had again, or has ended. */
static int wait_for_return(struct session *session, int client, int pidfd,
			   struct hi_err *err)
{
	struct pollfd fds[] = {
		{ session->signal_fd, POLLIN, 0 },
		{ hi_control_get_fd(session->control), POLLIN, 0 },
		{ pidfd, POLLIN, 0 },
	};
	unsigned int n_tries = 0;
	bool left = false, ending = false;

	while (!session->self.host->ended && !session->leaving) {
		int code = HI_E_BUSY;

		ending = ending || is_readable(pidfd);
		if (ending && see_end(session))
			return 0;
		left = left || hi_control_has_left(session->control, client);
		if (left && !ending)
			code = try_back(session, &n_tries, err);
		if (code != HI_E_BUSY)
			return code;
		fds[2].fd = ending ? -1 : pidfd;
		hi_await_news(fds, 3, left || ending ? AGAIN_MS : -1);
		hi_session_on_signals(session);
		pump(session);
		hi_session_on_control(session);
	}
	return 0;
}

static json_t *make_answer(struct session *session, int code,
			   const struct hi_err *err)
{
	const struct hi_host *host = session->self.host;
	struct hi_buf text = HI_BUF_INIT;
	json_t *answer;

	if (code < 0)
		return hi_answer_error(err);
	hi_buf_printf(&text, "%s (%d) %s", host->name, host->pid,
		      host->ended      ? "has ended in gdb" :
		      session->leaving ? "runs on without hotinject" :
					 "is back with hotinject");
	answer = hi_answer_text(hi_buf_str(&text));
	hi_buf_done(&text);
	return answer;
}

void hi_session_lend(struct session *session, int client)
{
	struct hi_host *host = session->self.host;
	struct hi_err err = { 0 };
	/* it ends with the process, whoever has its number next */
	int HI_CLOSE pidfd = (int)syscall(SYS_pidfd_open, host->pid, 0);
	int code = pidfd < 0 ? hi_fail_sys(&err, "lending %s (%d) to gdb",
					   host->name, host->pid) :
			       let_go(session, &err);

	if (code < 0) {
		hi_control_answer(session->control, client,
				  hi_answer_error(&err));
		return;
	}
	session->lent = true;
	hi_report_note(session->report,
		       "%s (%d) is in gdb; nothing is "
		       "reloaded until gdb ends",
		       host->name, host->pid);
	if (hi_control_promise(session->control, client,
			       hi_answer_text("the host is free")))
		code = wait_for_return(session, client, pidfd, &err);
	else
		code = take_back(session, &err);
	session->lent = false;
	hi_control_answer(session->control, client,
			  make_answer(session, code, &err));
	if (code < 0) {
		hi_report_error(session->report, &err);
		session->leaving = true;
	} else if (!host->ended && !session->leaving) {
		hi_report_note(session->report, "%s (%d) is back from gdb",
			       host->name, host->pid);
	}
}
