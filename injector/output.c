#include "injector/output.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

/* A reader that stopped reading does not stop hotinject for longer. */
#define FULL_WAIT_MS 1000

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		struct pollfd room = { .fd = fd, .events = POLLOUT };

		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			if (poll(&room, 1, FULL_WAIT_MS) == 0)
				return -EAGAIN;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/*
 * SIGPIPE cannot be ignored for the process: the host would inherit that through
 * execve(2). It is sent to the thread that wrote, so it can be blocked and taken
 * back here.
 */
int hi_output_write(int fd, const void *bytes, size_t len)
{
	static const struct timespec at_once = { 0, 0 };
	sigset_t pipe_only, before, pending;
	bool was_pending;
	int code;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE) == 1;
	sigprocmask(SIG_BLOCK, &pipe_only, &before);
	code = write_all(fd, bytes, len);
	if (code == -EPIPE && !was_pending)
		while (sigtimedwait(&pipe_only, NULL, &at_once) < 0 &&
		       errno == EINTR)
			;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return code;
}
