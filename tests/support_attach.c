#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support_scene.h"

enum { MAX_WORDS = 16 };

_Noreturn static void exec_tool(struct support *scene, char **words)
{
	int null = open("/dev/null", O_RDWR);
	int err = open(support_path(scene, "stderr"),
		       O_WRONLY | O_CREAT | O_APPEND, 0644);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (chdir(scene->folder) == 0)
		execv(words[0], words);
	_exit(127);
}

/* FIRST may be NULL. */
static void start(struct support *scene, char *first, const char *word,
		  va_list args)
{
	char events[600], *words[MAX_WORDS + 4];
	size_t n = 0;

	ck_assert_msg(scene->plain && scene->pid, "no plain host runs");
	snprintf(events, sizeof(events), "--events=%s/events", scene->folder);
	words[n++] = scene->tool;
	words[n++] = events;
	if (first)
		words[n++] = first;
	for (; word && n < MAX_WORDS; word = va_arg(args, const char *))
		words[n++] = (char *)word;
	words[n] = NULL;
	scene->attached = fork();
	ck_assert_int_ge(scene->attached, 0);
	if (scene->attached == 0)
		exec_tool(scene, words);
}

void support_attach(struct support *scene, const char *word, ...)
{
	char pid[40];
	va_list args;

	snprintf(pid, sizeof(pid), "--pid=%d", scene->host_pid);
	va_start(args, word);
	start(scene, pid, word, args);
	va_end(args);
}

void support_attach_words(struct support *scene, const char *word, ...)
{
	va_list args;

	va_start(args, word);
	start(scene, NULL, word, args);
	va_end(args);
}

int support_await_attached(struct support *scene)
{
	int status;

	while (waitpid(scene->attached, &status, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	scene->attached = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int support_detach(struct support *scene)
{
	ck_assert_int_eq(kill(scene->attached, SIGINT), 0);
	return support_await_attached(scene);
}

pid_t support_get_attached(const struct support *scene)
{
	return scene->attached;
}

void support_kill_tool(struct support *scene)
{
	int status;

	/* the host becomes a child of this process */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	ck_assert_int_eq(kill(scene->pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(scene->pid, &status, 0), scene->pid);
	ck_assert(WIFSIGNALED(status));
	close(scene->pidfd);
	scene->pid = scene->host_pid;
	scene->plain = true;
	scene->pidfd = (int)syscall(SYS_pidfd_open, scene->pid, 0);
	ck_assert_int_ge(scene->pidfd, 0);
}
