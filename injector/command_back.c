#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/command_parts.h"
#include "injector/control_folder.h"

/* The process that was started or attached to, of which PID is or a fork is; 0: not
   known. */
static pid_t ask_family(int folder_fd, pid_t pid)
{
	const struct hi_request request = { .command = hi_commands_find(
						    "status") };
	json_t *status = NULL;
	pid_t family = 0;

	if (hi_command_ask(folder_fd, pid, &request, &status, NULL) == 0)
		family = (pid_t)json_integer_value(
			json_object_get(status, "family"));
	json_decref(status);
	return family;
}

pid_t hi_command_find_family(int folder_fd, const pid_t *pids, size_t n)
{
	pid_t family = 0, found = 0;

	for (size_t i = 0; i < n; i++) {
		pid_t of = ask_family(folder_fd, pids[i]);

		/* it has ended since the list was made */
		if (!of)
			continue;
		if (family && of != family)
			return 0;
		family = of;
		if (!found || pids[i] == family)
			found = pids[i];
	}
	return found;
}

/* One of the family that was asked, and has not answered yet. */
struct relative {
	pid_t pid;
	int fd;
};

/* The others of PID's family: all are asked before any is waited for. */
static size_t ask_relatives(int folder_fd, pid_t pid,
			    const struct hi_request *request,
			    struct relative **ret_list)
{
	pid_t *HI_FREE pids = NULL;
	size_t n_pids = hi_control_list(folder_fd, &pids), n = 0;
	struct relative *list = calloc(n_pids + 1, sizeof(*list));
	pid_t family = n_pids > 1 ? ask_family(folder_fd, pid) : 0;

	for (size_t i = 0; list && family && i < n_pids; i++)
		if (pids[i] != pid &&
		    ask_family(folder_fd, pids[i]) == family &&
		    hi_command_send(folder_fd, pids[i], request, &list[n].fd,
				    NULL) == 0)
			list[n++].pid = pids[i];
	*ret_list = list;
	return n;
}

/* How many of them went back; the failure of one that did not. One that has ended
   meanwhile is none. */
static size_t await_relatives(int folder_fd, const struct relative *list,
			      size_t n, int *ret_code, struct hi_err *err)
{
	size_t n_back = 0;

	for (size_t i = 0; i < n; i++) {
		struct hi_err one = { 0 };
		json_t *answer = NULL;
		int code = hi_command_receive(list[i].fd, list[i].pid, true,
					      &answer, &one);

		json_decref(answer);
		close(list[i].fd);
		n_back += code == 0;
		if (code < 0 && code != HI_E_GONE &&
		    kill(list[i].pid, 0) == 0 &&
		    ask_family(folder_fd, list[i].pid))
			*ret_code = hi_fail(err, code,
					    "process %d, of the same host, did "
					    "not go back: %s",
					    (int)list[i].pid, one.sentence);
	}
	return n_back;
}

/* The answer of the first says which file it was. */
static bool make_request(const json_t *answer, struct hi_request *request)
{
	const char *content =
		json_string_value(json_object_get(answer, "content"));
	const char *worker =
		json_string_value(json_object_get(answer, "worker"));

	if (!content || strlen(content) >= sizeof(request->content) ||
	    !worker || strlen(worker) >= sizeof(request->worker))
		return false;
	memcpy(request->content, content, strlen(content) + 1);
	memcpy(request->worker, worker, strlen(worker) + 1);
	request->build = 0;
	return true;
}

int hi_command_go_back(int folder_fd, pid_t pid,
		       const struct hi_request *request, struct hi_buf *ret_out,
		       struct hi_err *err)
{
	struct hi_request further = *request;
	struct relative *HI_FREE list = NULL;
	json_t *answer = NULL;
	size_t n = 0;
	int code = hi_command_ask(folder_fd, pid, request, &answer, err);

	if (code < 0)
		return code;
	if (make_request(answer, &further))
		n = ask_relatives(folder_fd, pid, &further, &list);
	hi_buf_text(ret_out,
		    json_string_value(json_object_get(answer, "text")));
	json_decref(answer);
	n = await_relatives(folder_fd, list, n, &code, err);
	if (n > 0)
		hi_buf_printf(ret_out,
			      "; so %s %zu other process%s of the same host",
			      n > 1 ? "are" : "is", n, n > 1 ? "es" : "");
	hi_buf_text(ret_out, "\n");
	return code;
}
