/* Signals that hotinject gets, for itself or for the host. */
#include "injector/session_parts.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static bool is_host_stopped(const struct session *session)
{
	const struct hi_thread *leader = hi_host_find_thread(
		session->self.host, session->self.host->pid);

	return leader && leader->group;
}

void hi_session_stop_with_host(struct session *session)
{
	if (!session->terminal_stop || !is_host_stopped(session))
		return;
	session->terminal_stop = false;
	raise(SIGSTOP);
}

/* Who attaches lets go again: the host is not ours to end. */
static bool is_end(uint32_t signal)
{
	return signal == SIGINT || signal == SIGTERM || signal == SIGHUP ||
	       signal == SIGQUIT;
}

/* A signal for hotinject is the host's, unless the terminal sent it to both. */
void hi_session_on_signals(struct session *session)
{
	struct signalfd_siginfo info;

	while (read(session->signal_fd, &info, sizeof(info)) ==
	       (ssize_t)sizeof(info)) {
		bool sent = info.ssi_code == SI_USER ||
			    info.ssi_code == SI_TKILL ||
			    info.ssi_code == SI_QUEUE;

		if (info.ssi_signo == SIGCHLD || session->self.host->ended)
			continue;
		/* what the terminal sends to a fork's session is the fork's */
		if (session->options->pid || session->member) {
			session->leaving |= is_end(info.ssi_signo) &&
					    (session->options->pid || sent);
			continue;
		}
		if (info.ssi_signo == SIGTSTP || info.ssi_signo == SIGCONT)
			session->terminal_stop = info.ssi_signo == SIGTSTP &&
						 !sent;
		/* a shell's fg has continued the host, too: a second time
		   could undo the next stop */
		if (info.ssi_signo == SIGCONT && !is_host_stopped(session))
			continue;
		if (sent)
			kill(session->self.host->pid, (int)info.ssi_signo);
	}
}

bool hi_session_is_told_to_end(struct session *session)
{
	struct signalfd_siginfo info;
	bool end = false;

	while (read(session->signal_fd, &info, sizeof(info)) ==
	       (ssize_t)sizeof(info))
		end |= is_end(info.ssi_signo);
	return end;
}

/* Signals that a wrapper passes on. Those that end with a core stay ours. */
static void list_signals(sigset_t *set)
{
	static const int signals[] = { SIGCHLD, SIGINT,  SIGQUIT, SIGTERM,
				       SIGHUP,  SIGUSR1, SIGUSR2, SIGWINCH,
				       SIGCONT, SIGTSTP, SIGALRM, SIGTTOU };

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(set, signals[i]);
}

int hi_session_open_signals(struct session *session, struct hi_err *err)
{
	sigset_t set;

	if (session->signal_fd >= 0)
		close(session->signal_fd);
	list_signals(&set);
	session->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return session->signal_fd < 0 ?
		       hi_fail_sys(err, "watching for signals") :
		       0;
}

int hi_session_block_signals(struct session *session, struct hi_err *err)
{
	int code = hi_session_open_signals(session, err);
	sigset_t set;

	list_signals(&set);
	/* a copy above the limit on files is an error, not the end */
	sigaddset(&set, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &set, &session->old_mask);
	return code;
}
