/*
 * await - poll(2) that goes on when hotinject has run out of something.
 *
 * The kernel refuses more descriptors than the limit on open files, which somebody may
 * lower at any time, and has to find memory. Then there is a nap instead, and news may
 * be in any of them.
 *
 * Units:     TIMEOUT_MS as of poll(2).
 * Threads:   one.
 * Source:    poll(2): EINVAL, ENOMEM.
 */
#ifndef HI_INJECTOR_AWAIT_H
#define HI_INJECTOR_AWAIT_H

#include <poll.h>

/* Sets each revents; reading what has none must not block. */
void hi_await_news(struct pollfd *fds, nfds_t n, int timeout_ms);

#endif
