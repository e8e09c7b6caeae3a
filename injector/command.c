#include "injector/command.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/command_parts.h"
#include "injector/control_folder.h"
#include "injector/output.h"
#include "injector/phrase.h"
#include "injector/program.h"

struct call {
	const struct hi_command *command;
	pid_t pid; /* 0: left out */
	/* of rollback and kick: what it is about, and a number that may be a
	   process's, or a build's or thread's */
	struct hi_request request;
	int number;
	bool json;
	char **words; /* for gdb */
};

/* --- the words ---------------------------------------------------------------- */

static int fail_word(const struct hi_command *command, const char *word,
		     struct hi_err *err)
{
	hi_fail(err, HI_E_USAGE, "%s takes %s, not '%s'", command->name,
		command->arguments, word);
	hi_err_hint(err,
		    "a host of that name is started with 'hotinject run "
		    "%s ...'",
		    command->name);
	return HI_E_USAGE;
}

static bool read_pid(const char *word, pid_t *ret_pid)
{
	char *end = NULL;
	long pid = strtol(word, &end, 10);

	if (!isdigit((unsigned char)word[0]) || *end || pid < 1 ||
	    pid > INT_MAX)
		return false;
	*ret_pid = (pid_t)pid;
	return true;
}

static bool shows_json(const struct hi_command *command)
{
	return command->id == HI_COMMAND_STATUS ||
	       command->id == HI_COMMAND_HISTORY;
}

/* One of [PID] [THREAD], as below. */
static bool read_kick(struct call *call, const char *word)
{
	int number;

	if (!read_pid(word, &number) || call->request.thread)
		return false;
	if (!call->number) {
		call->number = number;
		return true;
	}
	call->pid = call->number;
	call->number = 0;
	call->request.thread = number;
	return true;
}

/* One of [PID] [WORKER] [BUILD]; whose number it is that stands alone, is seen
   later. */
static bool read_rollback(struct call *call, const char *word)
{
	const char *name = hi_phrase_base_name(word);
	struct hi_request *request = &call->request;
	int number;

	if (!read_pid(word, &number)) {
		if (request->worker[0] || request->build || word[0] == '-' ||
		    strlen(name) >= sizeof(request->worker))
			return false;
		memcpy(request->worker, name, strlen(name) + 1);
		return true;
	}
	if (request->build)
		return false;
	if (!call->number && !request->worker[0]) {
		call->number = number;
		return true;
	}
	/* what came first is a process */
	if (call->number)
		call->pid = call->number;
	call->number = 0;
	request->build = (unsigned int)number;
	return true;
}

static int read_words(const struct hi_options *options, struct call *ret_call,
		      struct hi_err *err)
{
	struct call call = { .command = options->command,
			     .pid = options->pid,
			     .request.command = options->command };
	char **words = options->command_words;
	bool given = false;

	if (!call.command->help)
		return hi_fail(err, HI_E_USAGE,
			       "this version of hotinject has no command '%s'",
			       call.command->name);
	for (; *words; words++) {
		if (call.command->id == HI_COMMAND_ROLLBACK) {
			if (!read_rollback(&call, *words))
				return fail_word(call.command, *words, err);
		} else if (call.command->id == HI_COMMAND_KICK) {
			if (!read_kick(&call, *words))
				return fail_word(call.command, *words, err);
		} else if (!given && read_pid(*words, &call.pid))
			given = true;
		else if (call.command->id == HI_COMMAND_GDB)
			break;
		else if (shows_json(call.command) && !strcmp(*words, "--json"))
			call.json = true;
		else
			return fail_word(call.command, *words, err);
	}
	call.words = words;
	*ret_call = call;
	return 0;
}

/* --- which host --------------------------------------------------------------- */

static void add_host(struct hi_buf *text, pid_t pid)
{
	char path[40], name[64] = "?";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "re");
	if (file && fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
	hi_phrase_clean(text, name);
	hi_buf_printf(text, " (%d)", (int)pid);
}

static int fail_many(const struct call *call, const pid_t *pids, size_t n,
		     struct hi_err *err)
{
	struct hi_buf text = HI_BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		hi_buf_text(&text, i ? ", " : "");
		add_host(&text, pids[i]);
	}
	hi_fail(err, HI_E_USAGE, "there are %zu hosts: %s", n,
		hi_buf_str(&text));
	hi_err_hint(err, "say which one: hotinject %s %d", call->command->name,
		    (int)pids[0]);
	hi_buf_done(&text);
	return HI_E_USAGE;
}

static int fail_none(struct hi_err *err)
{
	hi_fail(err, HI_E_GONE, "no hotinject of yours looks after a host");
	hi_err_hint(err, "start one: hotinject HOST WORKER...; it is found by "
			 "the same user with the same XDG_RUNTIME_DIR");
	return HI_E_GONE;
}

/* "rollback 3": process 3 if that is a host, else build 3; or thread 3 of "kick". */
static void read_number(struct call *call, const pid_t *pids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == call->number)
			call->pid = call->number;
	if (call->pid == call->number)
		return;
	if (call->command->id == HI_COMMAND_KICK)
		call->request.thread = call->number;
	else
		call->request.build = (unsigned int)call->number;
}

static int choose_host(struct call *call, int folder_fd, struct hi_err *err)
{
	pid_t *HI_FREE pids = NULL;
	size_t n;

	if (call->pid && !call->number)
		return 0;
	n = hi_control_list(folder_fd, &pids);
	if (call->number)
		read_number(call, pids, n);
	if (call->pid)
		return 0;
	if (n == 0)
		return fail_none(err);
	call->pid = pids[0];
	if (n > 1)
		call->pid = call->command->id == HI_COMMAND_ROLLBACK ?
				    hi_command_find_family(folder_fd, pids, n) :
				    0;
	return call->pid ? 0 : fail_many(call, pids, n, err);
}

/* --- what to do --------------------------------------------------------------- */

static int print(struct hi_buf *out, struct hi_err *err)
{
	int code = out->failed ?
			   -ENOMEM :
			   hi_output_write(STDOUT_FILENO, out->data, out->len);

	hi_buf_done(out);
	if (code == 0)
		return 0;
	errno = -code;
	return hi_fail_sys(err, "writing to standard output");
}

static int show(const struct call *call, const json_t *answer,
		struct hi_err *err)
{
	struct hi_buf out = HI_BUF_INIT;

	if (call->json)
		hi_command_show_json(&out, answer);
	else if (call->command->id == HI_COMMAND_STATUS)
		hi_command_show_status(&out, answer);
	else if (call->command->id == HI_COMMAND_HISTORY)
		hi_command_show_history(&out, answer);
	else
		hi_buf_printf(
			&out, "%s\n",
			json_string_value(json_object_get(answer, "text")));
	return print(&out, err);
}

static int ask_one(const struct call *call, int folder_fd, pid_t pid,
		   struct hi_err *err)
{
	json_t *answer = NULL;
	int code = hi_command_ask(folder_fd, pid, &call->request, &answer, err);

	if (code == 0)
		code = show(call, answer, err);
	json_decref(answer);
	return code;
}

static int go_back(const struct call *call, int folder_fd, struct hi_err *err)
{
	struct hi_buf out = HI_BUF_INIT;
	int code = hi_command_go_back(folder_fd, call->pid, &call->request,
				      &out, err);

	/* what did go back is said, too, where another did not */
	if (out.len > 0 && code == 0)
		return print(&out, err);
	if (out.len > 0)
		(void)!print(&out, NULL);
	return code;
}

/* A host that has ended since the list was made is none. */
static int ask_all(const struct call *call, int folder_fd, struct hi_err *err)
{
	pid_t *HI_FREE pids = NULL;
	size_t n = hi_control_list(folder_fd, &pids), n_gone = 0;
	int code = 0;

	for (size_t i = 0; i < n && code == 0; i++) {
		code = ask_one(call, folder_fd, pids[i], err);
		if (code == HI_E_GONE) {
			n_gone++;
			code = 0;
		}
	}
	return code == 0 && n == n_gone ? fail_none(err) : code;
}

static int run(struct call *call, int *ret_status, struct hi_err *err)
{
	int HI_CLOSE folder_fd = -1;
	int code = hi_control_folder_open(false, &folder_fd, err);

	if (code == HI_E_GONE)
		return fail_none(err);
	if (code < 0)
		return code;
	if (call->command->id == HI_COMMAND_STATUS && !call->pid)
		return ask_all(call, folder_fd, err);
	code = choose_host(call, folder_fd, err);
	if (code == 0 && call->command->id == HI_COMMAND_GDB)
		return hi_command_gdb(folder_fd, call->pid, call->words,
				      ret_status, err);
	if (code == 0 && call->command->id == HI_COMMAND_ROLLBACK)
		return go_back(call, folder_fd, err);
	return code < 0 ? code : ask_one(call, folder_fd, call->pid, err);
}

int hi_command_run(const struct hi_options *options)
{
	struct hi_err err = { 0 };
	struct call call = { .command = options->command };
	struct hi_buf said = HI_BUF_INIT;
	int status = 0;
	int code = read_words(options, &call, &err);

	if (code == 0)
		code = run(&call, &status, &err);
	if (code == 0)
		return status;
	hi_buf_text(&said, "hotinject: ");
	hi_phrase_clean(&said, err.sentence);
	hi_buf_text(&said, "\n");
	if (err.hint[0])
		hi_buf_printf(&said, "hint: %s\n", err.hint);
	(void)!hi_output_write(STDERR_FILENO, said.data, said.len);
	hi_buf_done(&said);
	return HI_EXIT_HOTINJECT;
}
