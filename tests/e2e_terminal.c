/*
 * A host on a terminal, under a shell with job control: what the keys of the user do
 * to it, and how messages look beside it.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support_case.h"
#include "tests/support_scene.h"

#define WORKER   "libworker.so"
#define STORY    "tests/cases/launched"
#define PROMPT   "ready> "
#define STOP     "\x1a" /* ^Z */
#define END      "\x03" /* ^C */
#define TEXT_MAX 100000

struct terminal {
	struct support *scene;
	int fd;
	pid_t shell;
	char text[TEXT_MAX]; /* all that came */
	size_t len, seen;
};

/* Let the output come until NEEDLE is in what nobody has asked for yet. */
static const char *expect(struct terminal *terminal, const char *needle)
{
	uint64_t deadline = support_deadline();
	const char *found;

	while (!(found = strstr(terminal->text + terminal->seen, needle))) {
		struct pollfd fds = { terminal->fd, POLLIN, 0 };
		uint64_t now = support_now_ms();
		ssize_t n = 0;

		if (now < deadline && poll(&fds, 1, (int)(deadline - now)) > 0)
			n = read(terminal->fd, terminal->text + terminal->len,
				 TEXT_MAX - 1 - terminal->len);
		if (n <= 0)
			support_fail(terminal->scene,
				     "the terminal shows no \"%s\" but: %s",
				     needle, terminal->text + terminal->seen);
		terminal->len += (size_t)n;
		terminal->text[terminal->len] = '\0';
	}
	terminal->seen = (size_t)(found - terminal->text) + strlen(needle);
	return found;
}

static void type(struct terminal *terminal, const char *keys)
{
	ck_assert_int_eq(write(terminal->fd, keys, strlen(keys)),
			 (ssize_t)strlen(keys));
}

/* bash says what it brings to the foreground before it does. */
static void await_foreground(struct terminal *terminal)
{
	uint64_t deadline = support_deadline();

	while (tcgetpgrp(terminal->fd) == terminal->shell)
		if (support_now_ms() > deadline)
			support_fail(terminal->scene, "nothing is in the "
						      "foreground");
}

static void put(struct terminal *terminal, const char *build)
{
	support_put(terminal->scene, build, WORKER, SUPPORT_RENAME);
}

/* A shell in the scene's folder, at its prompt. */
static struct terminal *begin(const char *name)
{
	struct terminal *terminal = calloc(1, sizeof(*terminal));
	struct support *scene = support_new(name);

	for (unsigned int i = 1; i <= 3; i++)
		support_compile_worker(scene, STORY, &support_plain_variant, "",
				       i);
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_compile_host(scene, "tests/world", &support_plain_variant, "");
	ck_assert_ptr_nonnull(terminal);
	terminal->scene = scene;
	setenv("PS1", PROMPT, 1);
	setenv("TERM", "dumb", 1);
	setenv("TOOL", scene->tool, 1);
	terminal->shell = forkpty(&terminal->fd, NULL, NULL, NULL);
	ck_assert_int_ge(terminal->shell, 0);
	if (terminal->shell == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chdir(scene->folder) == 0)
			execlp("bash", "bash", "--norc", "--noprofile", "-i",
			       NULL);
		_exit(127);
	}
	expect(terminal, PROMPT);
	return terminal;
}

static void start(struct terminal *terminal, const char *host)
{
	char line[200];

	snprintf(line, sizeof(line), "$TOOL %s " WORKER "\n", host);
	type(terminal, line);
	expect(terminal, "in the table");
	type(terminal, "value\n");
	expect(terminal, "value=1");
}

static void end(struct terminal *terminal)
{
	int status;

	type(terminal, "exit 0\n");
	while (waitpid(terminal->shell, &status, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(terminal->fd);
	/* nothing is left of the session */
	support_shell(terminal->scene, "test -z \"$(ls run/hotinject)\"");
	support_free(terminal->scene);
	free(terminal);
}

static const char *const hosts[] = { "./host", "./start.sh" };

static void write_script(struct terminal *terminal)
{
	support_write(terminal->scene, "start.sh", "#!/bin/sh\n./host\n");
	support_shell(terminal->scene, "chmod 755 start.sh");
}

START_TEST(a_stopped_host_goes_on_in_the_foreground)
{
	struct terminal *terminal = begin("stop");

	write_script(terminal);
	start(terminal, hosts[_i]);
	for (int i = 0; i < 3; i++) {
		type(terminal, STOP);
		expect(terminal, "Stopped");
		expect(terminal, PROMPT);
		type(terminal, "fg\n");
		/* the first command after it would reach the shell */
		expect(terminal, "$TOOL");
		type(terminal, "value\n");
		expect(terminal, "value=1");
	}
	type(terminal, "exit 5\n");
	expect(terminal, PROMPT);
	type(terminal, "echo status=$?\n");
	expect(terminal, "status=5\r\n");
	end(terminal);
}
END_TEST

START_TEST(what_was_built_while_it_stood_goes_live_with_it)
{
	struct terminal *terminal = begin("build");

	write_script(terminal);
	start(terminal, hosts[_i]);
	put(terminal, "build.2.so");
	expect(terminal, "#2 live");
	type(terminal, STOP);
	expect(terminal, "Stopped");
	expect(terminal, PROMPT);
	put(terminal, "build.3.so");
	type(terminal, "fg\n");
	expect(terminal, "#3 live");
	type(terminal, "value\n");
	expect(terminal, "value=3");
	ck_assert_ptr_null(strstr(terminal->text, "refused"));
	ck_assert_ptr_null(strstr(terminal->text, "value=2"));
	type(terminal, "exit 0\n");
	expect(terminal, PROMPT);
	end(terminal);
}
END_TEST

START_TEST(the_interrupt_key_ends_it_with_the_host_s_status)
{
	struct terminal *terminal = begin("interrupt");

	write_script(terminal);
	start(terminal, hosts[_i]);
	type(terminal, END);
	expect(terminal, PROMPT);
	type(terminal, "echo status=$?\n");
	expect(terminal, "status=130\r\n");
	end(terminal);
}
END_TEST

START_TEST(the_interrupt_key_may_be_the_host_s_own_and_comes_once)
{
	struct terminal *terminal = begin("handled");
	const char *first;

	start(terminal, "./host");
	type(terminal, "handle 2\n");
	expect(terminal, "handled=0");
	type(terminal, END);
	first = expect(terminal, "signal=2");
	type(terminal, "value\n");
	expect(terminal, "value=1");
	ck_assert_ptr_null(strstr(first + 1, "signal=2"));
	put(terminal, "build.2.so");
	expect(terminal, "#2 live");
	type(terminal, "value\n");
	expect(terminal, "value=2");
	type(terminal, "exit 0\n");
	expect(terminal, PROMPT);
	end(terminal);
}
END_TEST

START_TEST(a_new_size_of_the_window_reaches_the_host_once)
{
	struct terminal *terminal = begin("window");
	struct winsize size = { .ws_row = 10, .ws_col = 140 };
	const char *first;

	start(terminal, "./host");
	type(terminal, "handle 28\n");
	expect(terminal, "handled=0");
	ck_assert_int_eq(ioctl(terminal->fd, TIOCSWINSZ, &size), 0);
	first = expect(terminal, "signal=28");
	type(terminal, "value\n");
	expect(terminal, "value=1");
	ck_assert_ptr_null(strstr(first + 1, "signal=28"));
	type(terminal, "exit 0\n");
	expect(terminal, PROMPT);
	end(terminal);
}
END_TEST

START_TEST(messages_keep_to_their_lines_on_a_raw_terminal)
{
	struct terminal *terminal = begin("raw");

	start(terminal, "./host");
	type(terminal, "raw\n");
	expect(terminal, "raw=0\n");
	put(terminal, "build.2.so");
	expect(terminal, "#2 live: value changed");
	expect(terminal, "s)\r\n");
	type(terminal, "value\n");
	expect(terminal, "value=2\n");
	type(terminal, "exit 0\n");
	expect(terminal, PROMPT);
	end(terminal);
}
END_TEST

START_TEST(a_host_in_the_background_takes_builds)
{
	struct terminal *terminal = begin("background");

	type(terminal,
	     "set -b; $TOOL sh " WORKER " -- -c 'sleep 1000 | ./host' &\n");
	expect(terminal, "in the table");
	put(terminal, "build.2.so");
	expect(terminal, "#2 live");
	type(terminal, "fg\n");
	await_foreground(terminal);
	type(terminal, END);
	expect(terminal, PROMPT);
	end(terminal);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "keys");

	tcase_add_loop_test(tcase, a_stopped_host_goes_on_in_the_foreground, 0,
			    2);
	tcase_add_loop_test(
		tcase, what_was_built_while_it_stood_goes_live_with_it, 0, 2);
	tcase_add_loop_test(
		tcase, the_interrupt_key_ends_it_with_the_host_s_status, 0, 2);
	tcase_add_test(tcase,
		       the_interrupt_key_may_be_the_host_s_own_and_comes_once);
	tcase_add_test(tcase, a_new_size_of_the_window_reaches_the_host_once);
	tcase_add_test(tcase, messages_keep_to_their_lines_on_a_raw_terminal);
	tcase_add_test(tcase, a_host_in_the_background_takes_builds);
}

int main(void)
{
	return support_main("terminal", add);
}
