/*
 * control - the socket through which a session is asked and steered from another
 * terminal.
 *
 * A Unix socket of packets: a client connects, sends one request and gets one answer
 * (message.h). Nothing here ever waits: a client that is slow, silent or gone delays
 * nobody, and of too many that say nothing the oldest is dropped. A request of
 * another user is not read.
 *
 * Ownership: hi_control_new() gives a socket that hi_control_free() ends, with its name
 *            and all clients. Answers are taken.
 * Errors:    HI_E_SYS, HI_E_RIGHTS with a sentence.
 * Threads:   one.
 * Source:    unix(7), epoll(7).
 */
#ifndef HI_INJECTOR_CONTROL_H
#define HI_INJECTOR_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "injector/message.h"

#define HI_CONTROL_CLIENTS 8

struct hi_control;

/* A client that has asked; until it is answered. */
struct hi_control_request {
	struct hi_request is;
	int client;
};

int hi_control_new(pid_t host_pid, struct hi_control **ret_control,
		   struct hi_err *err) HI_MUST_USE;
/* NULL is allowed, as in all that follow: then nobody asks. */
void hi_control_free(struct hi_control *control);
/* The same in a forked process: the socket and its name stay the other's. */
void hi_control_forget(struct hi_control *control);
/* A descriptor that polls readable when there may be a request; or -1. */
int hi_control_get_fd(const struct hi_control *control);
/* The host is this process now: who looks for it shall find us. */
void hi_control_follow(struct hi_control *control, pid_t host_pid);
/* Nobody finds us any more; who has asked already may still be answered. */
void hi_control_hide(struct hi_control *control);

/* The next request; false when there is none now. */
bool hi_control_next(struct hi_control *control,
		     struct hi_control_request *ret_request);
/* Answer, and end the connection. */
void hi_control_answer(struct hi_control *control, int client, json_t *answer);
/*
 * Answer, and keep the connection, which polls readable once the client has ended
 * its side of it. A further answer may follow. False when it has ended already.
 */
bool hi_control_promise(struct hi_control *control, int client, json_t *answer);
bool hi_control_has_left(struct hi_control *control, int client);

#endif
