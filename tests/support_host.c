#include "tests/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/own.h"
#include "tests/support_scene.h"

enum { MAX_WORDS = 64 };

static void reset_run(struct support *scene)
{
	scene->out_len = 0;
	scene->host_pid = 0;
	json_array_clear(scene->events);
	json_array_clear(scene->forks);
	scene->n_consumed = 0;
	scene->forgetful = false;
	scene->events_offset = 0;
	unlink(support_path(scene, "events"));
}

_Noreturn static void exec_in_child(struct support *scene, int in, int out,
				    int err, char **words)
{
	/* A test that is killed takes everything with it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (chdir(scene->folder) == 0)
		execvp(words[0], words); /* NOLINT: a list has a word */
	fprintf(stderr, "cannot run %s: %s\n", words[0], strerror(errno));
	_exit(127);
}

static void start(struct support *scene, char **words)
{
	int in[2], out[2];
	int HI_CLOSE err = -1;

	ck_assert_msg(scene->pid == 0, "the scene has a process already");
	reset_run(scene);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	err = open(support_path(scene, "stderr"),
		   O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	ck_assert_int_ge(err, 0);
	scene->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	/* Both files are in the folder, and so is what compilers write. */
	ck_assert_int_ge(inotify_add_watch(scene->inotify_fd, scene->folder,
					   IN_MODIFY),
			 0);
	scene->pid = fork();
	ck_assert_int_ge(scene->pid, 0);
	if (scene->pid == 0)
		exec_in_child(scene, in[0], out[1], err, words);
	close(in[0]);
	close(out[1]);
	scene->in_fd = in[1];
	scene->out_fd = out[0];
	scene->pidfd = (int)syscall(SYS_pidfd_open, scene->pid, 0);
	ck_assert_int_ge(scene->pidfd, 0);
}

void support_start_words(struct support *scene, const char *const *words)
{
	char events[600], *all[MAX_WORDS + 3];
	size_t n = 0;

	snprintf(events, sizeof(events), "--events=%s/events", scene->folder);
	all[n++] = scene->tool;
	all[n++] = events;
	for (; *words && n < MAX_WORDS; words++) {
		support_log(scene, "word", *words);
		all[n++] = (char *)*words;
	}
	all[n] = NULL;
	scene->plain = false;
	start(scene, all);
}

/* The words of a variable argument list, at most MAX_WORDS. */
static void collect(const char *word, va_list args, const char **ret_words)
{
	size_t n = 0;

	for (; word; word = va_arg(args, const char *)) {
		ck_assert_uint_lt(n, MAX_WORDS);
		ret_words[n++] = word;
	}
	ret_words[n] = NULL;
}

void support_start(struct support *scene, const char *word, ...)
{
	const char *words[MAX_WORDS + 1];
	va_list args;

	va_start(args, word);
	collect(word, args, words);
	va_end(args);
	support_start_words(scene, words);
}

void support_start_plain_words(struct support *scene, const char *const *words)
{
	scene->plain = true;
	start(scene, (char **)words);
	scene->host_pid = scene->pid;
}

void support_start_plain(struct support *scene, const char *word, ...)
{
	const char *words[MAX_WORDS + 1];
	va_list args;

	va_start(args, word);
	collect(word, args, words);
	va_end(args);
	support_start_plain_words(scene, words);
}

void support_set_host_pid(struct support *scene, pid_t pid)
{
	scene->host_pid = pid;
}

pid_t support_get_pid(const struct support *scene)
{
	return scene->pid;
}

pid_t support_get_host_pid(const struct support *scene)
{
	return scene->host_pid;
}

void support_tell(struct support *scene, const char *line)
{
	if (dprintf(scene->in_fd, "%s\n", line) < 0)
		support_fail(scene, "the host took no \"%s\": %s", line,
			     strerror(errno));
}

/* Whether a whole line was there; it moves to scene->line. */
static bool take_line(struct support *scene)
{
	char *end = memchr(scene->out, '\n', scene->out_len);
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - scene->out);
	free(scene->line);
	scene->line = strndup(scene->out, len);
	scene->out_len -= len + 1;
	memmove(scene->out, end + 1, scene->out_len);
	support_log(scene, "host", scene->line);
	return true;
}

const char *support_line(struct support *scene)
{
	uint64_t deadline = support_deadline();

	while (!scene->out_len || !take_line(scene)) {
		char bytes[4096];
		ssize_t n;

		/* A host that ended may have left lines in the pipe. */
		support_poll(scene, scene->out_fd, deadline,
			     "line of the host");
		n = read(scene->out_fd, bytes, sizeof(bytes));
		if (n < 0)
			support_fail(scene, "read: %s", strerror(errno));
		if (n == 0)
			support_fail(scene, "the host's output has ended");
		scene->out = realloc(scene->out, scene->out_len + (size_t)n);
		ck_assert_ptr_nonnull(scene->out);
		memcpy(scene->out + scene->out_len, bytes, (size_t)n);
		scene->out_len += (size_t)n;
	}
	return scene->line;
}

const char *support_ask(struct support *scene, const char *line)
{
	support_tell(scene, line);
	return support_line(scene);
}

const char *support_line_like(struct support *scene, const char *pattern)
{
	const char *line;
	regex_t regex;

	ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	do
		line = support_line(scene);
	while (regexec(&regex, line, 0, NULL, 0) != 0);
	regfree(&regex);
	return line;
}

bool support_has_word(const char *line, const char *word)
{
	size_t len = strlen(word);
	const char *at = line;

	while ((at = strstr(at, word)) != NULL) {
		if ((at == line || at[-1] == ' ') &&
		    (at[len] == '\0' || at[len] == ' '))
			return true;
		at += len;
	}
	return false;
}

void support_reject(struct support *scene, const char *question,
		    const char *old, unsigned int count)
{
	while (count--) {
		const char *line = support_ask(scene, question);

		if (support_has_word(line, old))
			support_fail(scene, "old \"%s\" is back in: %s", old,
				     line);
	}
}

long support_number(struct support *scene, const char *line, const char *name)
{
	size_t len = strlen(name);
	const char *at = line;

	while ((at = strstr(at, name)) != NULL) {
		if ((at == line || at[-1] == ' ') && at[len] == '=')
			return strtol(at + len + 1, NULL, 0);
		at += len;
	}
	support_fail(scene, "no %s= in: %s", name, line);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The process has ended or is killed now; nobody talks to it any more. */
static int reap(struct support *scene)
{
	int status;

	while (waitpid(scene->pid, &status, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	scene->pid = 0;
	close_fd(&scene->in_fd);
	close_fd(&scene->out_fd);
	close_fd(&scene->pidfd);
	close_fd(&scene->inotify_fd);
	return status;
}

void support_kill(struct support *scene)
{
	if (scene->attached > 0) {
		kill(scene->attached, SIGKILL);
		(void)support_await_attached(scene);
	}
	if (scene->host_pid > 0)
		kill(scene->host_pid, SIGKILL);
	if (scene->pid <= 0)
		return;
	kill(scene->pid, SIGKILL);
	reap(scene);
}

void support_signal(struct support *scene, int signal_number)
{
	ck_assert_int_eq(kill(scene->pid, signal_number), 0);
}

static void check_folder(struct support *scene)
{
	DIR *folder = opendir(support_path(scene, "run/hotinject"));
	struct dirent *entry;

	while (folder && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.')
			support_fail(scene, "the session left %s",
				     entry->d_name);
	if (folder)
		closedir(folder);
}

int support_wait(struct support *scene)
{
	int status;

	while (support_poll(scene, -1, support_deadline(), "end of the host"))
		;
	status = reap(scene);
	if (!scene->plain) {
		support_event_last(scene);
		check_folder(scene);
	}
	scene->host_pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int support_end(struct support *scene)
{
	close_fd(&scene->in_fd);
	return support_wait(scene);
}
