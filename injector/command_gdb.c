#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/own.h"
#include "injector/command_parts.h"
#include "injector/program.h"

extern char **environ;

/* gdb -p PID WORD... */
static char **make_words(pid_t pid, char **words, char number[16])
{
	static char name[] = "gdb", option[] = "-p";
	size_t n = 0;
	char **all;

	while (words[n])
		n++;
	all = calloc(n + 4, sizeof(*all));
	if (!all)
		return NULL;
	snprintf(number, 16, "%d", (int)pid);
	all[0] = name;
	all[1] = option;
	all[2] = number;
	for (size_t i = 0; i < n; i++)
		all[i + 3] = words[i];
	return all;
}

/* As system(3): the terminal's ^C is gdb's, not ours. */
static int run(const char *path, char **words, int *ret_status)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction old[2];
	posix_spawnattr_t attributes;
	sigset_t defaults;
	pid_t gdb;
	int code;

	sigaction(SIGINT, &ignore, &old[0]);
	sigaction(SIGQUIT, &ignore, &old[1]);
	sigemptyset(&defaults);
	if (old[0].sa_handler != SIG_IGN)
		sigaddset(&defaults, SIGINT);
	if (old[1].sa_handler != SIG_IGN)
		sigaddset(&defaults, SIGQUIT);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	code = posix_spawn(&gdb, path, NULL, &attributes, words, environ);
	posix_spawnattr_destroy(&attributes);
	while (code == 0 && waitpid(gdb, ret_status, 0) < 0)
		code = errno == EINTR ? 0 : errno;
	sigaction(SIGINT, &old[0], NULL);
	sigaction(SIGQUIT, &old[1], NULL);
	return code;
}

static int find_gdb(char **ret_path, struct hi_err *err)
{
	int no_matter;

	if (hi_program_find("gdb", ret_path, &no_matter, NULL) == 0)
		return 0;
	hi_fail(err, HI_E_HOST, "gdb is not installed");
	hi_err_hint(err, "install the package gdb");
	return HI_E_HOST;
}

/* The session has said that the host is free. */
static int use(int fd, pid_t pid, const char *path, char **words,
	       int *ret_status, struct hi_err *err)
{
	json_t *answer = NULL;
	int failed = run(path, words, ret_status);
	int code;

	/* it takes the host back, and says so */
	shutdown(fd, SHUT_WR);
	code = hi_command_receive(fd, pid, true, &answer, err);
	if (code == 0)
		printf("%s\n",
		       json_string_value(json_object_get(answer, "text")));
	json_decref(answer);
	if (failed) {
		errno = failed;
		return hi_fail_sys(err, "starting %s", path);
	}
	return code;
}

int hi_command_gdb(int folder_fd, pid_t pid, char **words, int *ret_status,
		   struct hi_err *err)
{
	char number[16];
	char *HI_FREE path = NULL;
	char **HI_FREE all = make_words(pid, words, number);
	int HI_CLOSE fd = -1;
	const struct hi_request request = {
		.command = hi_commands_find("gdb"),
	};
	json_t *answer = NULL;
	int status = 0;
	int code = find_gdb(&path, err);

	if (code == 0 && !all)
		code = hi_fail(err, HI_E_NOMEM, "no memory for gdb's words");
	if (code == 0)
		code = hi_command_send(folder_fd, pid, &request, &fd, err);
	if (code == 0)
		code = hi_command_receive(fd, pid, false, &answer, err);
	json_decref(answer);
	if (code == 0)
		code = use(fd, pid, path, all, &status, err);
	if (code == 0)
		*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) :
						  128 + WTERMSIG(status);
	return code;
}
