#include "injector/await.h"

#include <errno.h>
#include <stdbool.h>

#include "injector/clock.h"

#define NAP_US 10000

void hi_await_news(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	bool napped = false;

	for (nfds_t i = 0; i < n; i++)
		fds[i].revents = 0;
	if (poll(fds, n, timeout_ms) < 0 && errno != EINTR) {
		if (timeout_ms != 0)
			hi_clock_nap_us(NAP_US);
		napped = true;
	}
	for (nfds_t i = 0; napped && i < n; i++)
		if (fds[i].fd >= 0)
			fds[i].revents = fds[i].events;
}
