#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/own.h"
#include "injector/command_parts.h"
#include "injector/control_folder.h"
#include "injector/message.h"

#define ANSWER_MS 10000 /* a session answers at once, but for a reload */

int hi_command_send(int folder_fd, pid_t pid, const struct hi_request *request,
		    int *ret_fd, struct hi_err *err)
{
	int HI_CLOSE fd = -1;
	char *HI_FREE bytes = NULL;
	size_t len = 0;
	int code = hi_control_connect(folder_fd, pid, &fd, err);

	if (code < 0)
		return code;
	bytes = hi_message_write(hi_request_new(request), &len);
	if (!bytes)
		return hi_fail(err, HI_E_NOMEM, "no memory for a request");
	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		return hi_fail_sys(err,
				   "asking the hotinject that looks after "
				   "process %d",
				   pid);
	*ret_fd = hi_take_fd(&fd);
	return 0;
}

static int await(int fd, pid_t pid, bool patient, struct hi_err *err)
{
	struct pollfd one = { fd, POLLIN, 0 };
	int n;

	do
		n = poll(&one, 1, patient ? -1 : ANSWER_MS);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return 0;
	hi_fail(err, HI_E_BUSY,
		"the hotinject that looks after process %d has not answered "
		"in %d s",
		pid, ANSWER_MS / 1000);
	hi_err_hint(err, "a reload may be under way; try again");
	return HI_E_BUSY;
}

int hi_command_receive(int fd, pid_t pid, bool patient, json_t **ret_answer,
		       struct hi_err *err)
{
	char *HI_FREE bytes = malloc(HI_MESSAGE_MAX);
	ssize_t len;
	int code = await(fd, pid, patient, err);

	if (code < 0)
		return code;
	if (!bytes)
		return hi_fail(err, HI_E_NOMEM, "no memory for an answer");
	len = recv(fd, bytes, HI_MESSAGE_MAX, MSG_TRUNC);
	if (len <= 0)
		return hi_fail(err, HI_E_GONE,
			       "the hotinject that looked after process %d has "
			       "ended before it answered",
			       pid);
	return hi_answer_read(bytes, (size_t)len, ret_answer, err);
}

int hi_command_ask(int folder_fd, pid_t pid, const struct hi_request *request,
		   json_t **ret_answer, struct hi_err *err)
{
	enum hi_command_id id = request->command->id;
	bool patient = id == HI_COMMAND_RELOAD || id == HI_COMMAND_DETACH ||
		       id == HI_COMMAND_ROLLBACK;
	int HI_CLOSE fd = -1;
	int code = hi_command_send(folder_fd, pid, request, &fd, err);

	if (code == 0)
		code = hi_command_receive(fd, pid, patient, ret_answer, err);
	return code;
}
