#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { LIMIT_MS = 50 }; /* longer than from one look of hotinject to the next */

static volatile int over;

int value(void)
{
	return BUILD;
}

/* Until it is told to end: a round a time limit, each of which is written to FD. */
int serve(int fd)
{
	uint64_t one = 1;
	struct epoll_event event;
	int epoll_fd = epoll_create1(0);

	while (!over) {
		if (epoll_wait(epoll_fd, &event, 1, LIMIT_MS) != 0 ||
		    write(fd, &one, sizeof(one)) != sizeof(one))
			return -1;
	}
	close(epoll_fd);
	return BUILD;
}

void stop(void)
{
	over = 1;
}
