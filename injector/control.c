#include "injector/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/control_folder.h"
#include "injector/message.h"

#define N_CLIENTS HI_CONTROL_CLIENTS
#define LISTENER  N_CLIENTS /* as epoll calls it */

struct client {
	int fd;         /* -1: none */
	bool asked;     /* and waits for the answer */
	uint64_t since; /* a count of clients: the lowest came first */
};

struct hi_control {
	int folder_fd, listen_fd, epoll_fd;
	int spare_fd; /* given up for a moment when there are no others */
	pid_t pid;    /* whose name the socket has; 0: none */
	uint64_t n_clients;
	struct client clients[N_CLIENTS];
};

/* --- the socket --------------------------------------------------------------- */

static int watch(const struct hi_control *control, int fd, int which)
{
	struct epoll_event event = { .events = EPOLLIN,
				     .data.u32 = (uint32_t)which };

	return epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* It gets its name once it listens: whoever finds it is not refused. */
static int listen_at(struct hi_control *control, const char *name)
{
	struct sockaddr_un address;

	hi_control_folder_address(control->folder_fd, name, &address);
	unlinkat(control->folder_fd, name, 0);
	control->listen_fd = socket(
		AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->listen_fd < 0 || fchmod(control->listen_fd, 0600) < 0 ||
	    bind(control->listen_fd, (struct sockaddr *)&address,
		 sizeof(address)) < 0)
		return -1;
	return listen(control->listen_fd, N_CLIENTS);
}

/* Another session has the name: in a PID namespace of its own, because a process has
   one tracer. */
static bool is_taken(const struct hi_control *control, pid_t pid)
{
	int HI_CLOSE fd = -1;

	return hi_control_connect(control->folder_fd, pid, &fd, NULL) !=
	       HI_E_GONE;
}

static int take_name(struct hi_control *control, const char *from, pid_t pid)
{
	char name[HI_CONTROL_NAME_MAX];

	hi_control_folder_name(pid, name);
	if (is_taken(control, pid)) {
		errno = EADDRINUSE;
		return -1;
	}
	if (renameat2(control->folder_fd, from, control->folder_fd, name,
		      RENAME_NOREPLACE) < 0)
		return -1;
	control->pid = pid;
	return 0;
}

static int open_socket(struct hi_control *control, pid_t pid,
		       struct hi_err *err)
{
	char first[HI_CONTROL_NAME_MAX];

	snprintf(first, sizeof(first), ".%d", (int)getpid());
	control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	control->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (control->epoll_fd >= 0 && control->spare_fd >= 0 &&
	    listen_at(control, first) == 0 &&
	    watch(control, control->listen_fd, LISTENER) == 0 &&
	    take_name(control, first, pid) == 0)
		return 0;
	hi_fail_sys(err, "making the control socket of process %d", pid);
	unlinkat(control->folder_fd, first, 0);
	return HI_E_SYS;
}

int hi_control_new(pid_t host_pid, struct hi_control **ret_control,
		   struct hi_err *err)
{
	struct hi_control *control = calloc(1, sizeof(*control));
	pid_t *HI_FREE others = NULL;
	int code;

	if (!control)
		return hi_fail(err, HI_E_NOMEM,
			       "no memory for the control "
			       "socket");
	control->folder_fd = control->listen_fd = -1;
	control->epoll_fd = control->spare_fd = -1;
	for (int i = 0; i < N_CLIENTS; i++)
		control->clients[i].fd = -1;
	code = hi_control_folder_open(true, &control->folder_fd, err);
	if (code == 0) {
		/* what killed ones have left goes by the way */
		hi_control_list(control->folder_fd, &others);
		code = open_socket(control, host_pid, err);
	}
	if (code < 0) {
		hi_control_free(control);
		return code;
	}
	*ret_control = control;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void hi_control_hide(struct hi_control *control)
{
	char name[HI_CONTROL_NAME_MAX];

	if (!control || !control->pid)
		return;
	hi_control_folder_name(control->pid, name);
	unlinkat(control->folder_fd, name, 0);
	control->pid = 0;
}

void hi_control_free(struct hi_control *control)
{
	if (!control)
		return;
	hi_control_hide(control);
	for (int i = 0; i < N_CLIENTS; i++)
		close_fd(control->clients[i].fd);
	close_fd(control->listen_fd);
	close_fd(control->epoll_fd);
	close_fd(control->spare_fd);
	close_fd(control->folder_fd);
	free(control);
}

void hi_control_forget(struct hi_control *control)
{
	if (control)
		control->pid = 0;
	hi_control_free(control);
}

int hi_control_get_fd(const struct hi_control *control)
{
	return control ? control->epoll_fd : -1;
}

void hi_control_follow(struct hi_control *control, pid_t host_pid)
{
	char name[HI_CONTROL_NAME_MAX];

	if (!control || control->pid == host_pid)
		return;
	hi_control_folder_name(control->pid, name);
	/* if not, it is still found in the list, under the old one */
	(void)!take_name(control, name, host_pid);
}

/* --- clients ------------------------------------------------------------------ */

static void drop(const struct hi_control *control, struct client *client)
{
	/* a process that was forked from this one may still have it open */
	epoll_ctl(control->epoll_fd, EPOLL_CTL_DEL, client->fd, NULL);
	close_fd(client->fd);
	client->fd = -1;
	client->asked = false;
}

/* A free place: that of the oldest who has said nothing, if there is no other. */
static struct client *find_place(struct hi_control *control)
{
	struct client *oldest = NULL;

	for (int i = 0; i < N_CLIENTS; i++) {
		struct client *client = &control->clients[i];

		if (client->fd < 0)
			return client;
		if (!client->asked &&
		    (!oldest || client->since < oldest->since))
			oldest = client;
	}
	if (oldest)
		drop(control, oldest);
	return oldest;
}

/* A client in the queue for which there is no descriptor keeps us awake. */
static void turn_away(struct hi_control *control)
{
	close_fd(control->spare_fd);
	/* cppcheck-suppress nullPointer ; accept(2): nobody asks who it is */
	close_fd(accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC));
	control->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void let_in(struct hi_control *control)
{
	/* cppcheck-suppress nullPointer ; as above */
	int HI_CLOSE fd = accept4(control->listen_fd, NULL, NULL,
				  SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client;

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		turn_away(control);
	if (fd < 0 || !hi_control_is_own(fd))
		return;
	client = find_place(control);
	if (!client || watch(control, fd, (int)(client - control->clients)) < 0)
		return;
	client->fd = hi_take_fd(&fd);
	client->since = control->n_clients++;
}

static void answer_error(struct hi_control *control, int client,
			 const struct hi_err *err)
{
	hi_control_answer(control, client, hi_answer_error(err));
}

/* True when it has asked for something that there is. */
static bool read_request(struct hi_control *control, int which,
			 struct hi_control_request *ret_request)
{
	struct client *client = &control->clients[which];
	char *HI_FREE bytes = malloc(HI_MESSAGE_MAX);
	struct hi_err err = { 0 };
	ssize_t len;

	if (!bytes) {
		drop(control, client);
		return false;
	}
	/* the length is that of the packet, whatever of it there is room for */
	len = recv(client->fd, bytes, HI_MESSAGE_MAX, MSG_TRUNC);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (len <= 0) {
		drop(control, client);
		return false;
	}
	if (hi_request_read(bytes, (size_t)len, &ret_request->is, &err) < 0) {
		answer_error(control, which, &err);
		return false;
	}
	client->asked = true;
	ret_request->client = which;
	epoll_ctl(control->epoll_fd, EPOLL_CTL_DEL, client->fd, NULL);
	return true;
}

bool hi_control_next(struct hi_control *control,
		     struct hi_control_request *ret_request)
{
	struct epoll_event event;

	while (control && epoll_wait(control->epoll_fd, &event, 1, 0) == 1) {
		int which = (int)event.data.u32;

		if (which == LISTENER)
			let_in(control);
		else if (control->clients[which].asked)
			return false; /* one that leaves: has_left() */
		else if (read_request(control, which, ret_request))
			return true;
	}
	return false;
}

static bool send_answer(struct client *client, json_t *answer)
{
	size_t len = 0;
	char *HI_FREE bytes = hi_message_write(answer, &len);

	/* a packet goes as a whole or not at all */
	return bytes && client->fd >= 0 &&
	       send(client->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
		       (ssize_t)len;
}

void hi_control_answer(struct hi_control *control, int client, json_t *answer)
{
	if (!control) {
		json_decref(answer);
		return;
	}
	(void)!send_answer(&control->clients[client], answer);
	drop(control, &control->clients[client]);
}

bool hi_control_promise(struct hi_control *control, int client, json_t *answer)
{
	struct client *one = &control->clients[client];

	if (send_answer(one, answer) && watch(control, one->fd, client) == 0)
		return true;
	drop(control, one);
	return false;
}

bool hi_control_has_left(struct hi_control *control, int client)
{
	const struct client *one = &control->clients[client];
	char byte;
	ssize_t len;

	do /* whatever it says further is thrown away */
		len = recv(one->fd, &byte, 1, MSG_DONTWAIT);
	while (len > 0);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	epoll_ctl(control->epoll_fd, EPOLL_CTL_DEL, one->fd, NULL);
	return true;
}
