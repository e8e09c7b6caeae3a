/*
 * Several hosts at once: those that run already, and the processes that a host forks.
 * Each takes each build, what they say is said once, and they are left as they were.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support_control.h"

#define N_HOSTS 3
#define N_FORKS 4

static void compile(struct support *scene)
{
	support_shell(
		scene,
		"src=%s; worker='gcc -g -O2 -fPIC -shared "
		"-Wl,-soname,libworker.so'; "
		"for n in 1 2 3 4; do "
		"$worker -DBUILD=$n -o worker.$n.so $src/worker.c; done; "
		"$worker -DBUILD=2 -DSTUCK -o stuck.so $src/worker.c; "
		"$worker -DBUILD=2 -Dstep=leap -o refused.so "
		"$src/worker.c; "
		"cp worker.1.so libworker.so; "
		"gcc -D_GNU_SOURCE -g -O2 -o host $src/host.c "
		"-L. -lworker -Wl,-rpath,'$ORIGIN'; "
		"gcc -D_GNU_SOURCE -DWITHOUT -g -O2 -o crowd $src/host.c; "
		"gcc -D_GNU_SOURCE -DOPENED -g -O2 -o opener $src/host.c",
		support_source(scene, "tests/many"));
}

static long ask(struct support *scene, const char *question, const char *name)
{
	return support_number(scene, support_ask(scene, question), name);
}

static pid_t get_pid(struct support *scene, int i)
{
	char question[20];

	snprintf(question, sizeof(question), "pid %d", i);
	return (pid_t)ask(scene, question, "pid");
}

/* Wait until N events of KIND have come, whoever they are of. */
static void await_events(struct support *scene, const char *kind, int n)
{
	while (n > 0) {
		json_t *event = support_event_any(scene);

		n -= !strcmp(support_event_text(scene, event, "event"), kind);
	}
}

static void expect_all(struct support *scene, long value)
{
	ck_assert_int_eq(ask(scene, "all", "all"), value);
	ck_assert_int_eq(ask(scene, "all", "all"), value);
}

static void put(struct support *scene, const char *build)
{
	support_put(scene, build, "libworker.so", SUPPORT_RENAME);
}

/* How many lines of standard error have TEXT. */
static int count_lines(struct support *scene, const char *text)
{
	char *messages = support_messages(scene);
	int n = 0;

	for (const char *at = messages; (at = strstr(at, text)); n++)
		at += strlen(text);
	free(messages);
	return n;
}

static void expect_untraced(struct support *scene, pid_t pid)
{
	support_shell(scene, "grep -q 'TracerPid:.0$' /proc/%d/status", pid);
}

/* --- that run already ----------------------------------------------------------- */

static struct support *begin_crowd(const char *name)
{
	struct support *scene = support_new(name);

	compile(scene);
	support_start_plain(scene, "./crowd", "single", "3", NULL);
	expect_all(scene, 1);
	return scene;
}

static void attach_to_pids(struct support *scene)
{
	char words[N_HOSTS][30];

	for (int i = 0; i < N_HOSTS; i++)
		snprintf(words[i], sizeof(words[i]), "--pid=%d",
			 get_pid(scene, i));
	support_attach_words(scene, words[0], words[1], words[2],
			     "libworker.so", NULL);
}

static void attach(struct support *scene, int way)
{
	if (way == 0)
		attach_to_pids(scene);
	else if (way == 1)
		support_attach_words(scene, "--name=host",
				     support_path(scene, "libworker.so"), NULL);
	else
		support_attach_words(scene, "--all",
				     support_path(scene, "libworker.so"), NULL);
	await_events(scene, "ready", N_HOSTS);
}

static void end_crowd(struct support *scene, long value)
{
	ck_assert_int_eq(support_detach(scene), 0);
	await_events(scene, "detached", N_HOSTS);
	for (int i = 0; i < N_HOSTS; i++)
		expect_untraced(scene, get_pid(scene, i));
	expect_all(scene, value);
	ck_assert_int_eq(support_end(scene), 3);
	support_free(scene);
}

START_TEST(hosts_that_run_take_each_build_and_are_left)
{
	static const char *const names[] = { "pids", "name", "all" };
	struct support *scene = begin_crowd(names[_i]);

	attach(scene, _i);
	ck_assert_int_eq(count_lines(scene, "3 processes found; one that "
					    "begins later is not looked after"),
			 _i > 0);
	put(scene, "worker.2.so");
	await_events(scene, "live", N_HOSTS);
	support_message(scene, "^hotinject: libworker.so #2 live in 2 more "
			       "processes \\([0-9]+, [0-9]+\\)$");
	expect_all(scene, 2);
	put(scene, "worker.3.so");
	await_events(scene, "live", N_HOSTS);
	support_message(scene, "#3 live in 2 more");
	ck_assert_int_eq(count_lines(scene, "#2 live"), 2);
	ck_assert_int_eq(count_lines(scene, "#3 live"), 2);
	end_crowd(scene, 3);
}
END_TEST

START_TEST(a_build_that_all_refuse_is_refused_once)
{
	struct support *scene = begin_crowd("refused");

	attach(scene, 0);
	put(scene, "refused.so");
	await_events(scene, "refused", N_HOSTS);
	support_message(scene, "#2 refused in 2 more processes");
	ck_assert_int_eq(count_lines(scene, "refused: step(): "), 1);
	ck_assert_int_eq(count_lines(scene, "hint: "), 1);
	expect_all(scene, 1);
	end_crowd(scene, 1);
}
END_TEST

START_TEST(a_host_that_ends_in_the_middle_is_no_error)
{
	struct support *scene = begin_crowd("middle");
	char gate[40];

	snprintf(gate, sizeof(gate), "gate.%d", get_pid(scene, 1));
	ck_assert_int_eq(mkfifo(support_path(scene, gate), 0600), 0);
	attach(scene, 0);
	put(scene, "stuck.so");
	await_events(scene, "live", N_HOSTS - 1);
	support_tell(scene, "end 1");
	await_events(scene, "exit", 1);
	expect_all(scene, 2);
	ck_assert_int_eq(count_lines(scene, "refused"), 0);
	ck_assert_int_eq(support_detach(scene), 0);
	ck_assert_int_eq(count_lines(scene, "error"), 0);
	expect_all(scene, 2);
	ck_assert_int_eq(support_end(scene), 3);
	support_free(scene);
}
END_TEST

START_TEST(a_host_that_another_traces_is_said_and_the_others_go_on)
{
	struct support *scene = begin_crowd("traced");

	/* its first event is "ready" */
	support_shell(
		scene,
		"mkfifo ready; $HOTINJECT --events=ready --pid=%d "
		"libworker.so 2>other & echo $! >pid; grep -q ready ready",
		get_pid(scene, 0));
	attach_to_pids(scene);
	await_events(scene, "ready", N_HOSTS - 1);
	support_message(scene, "is already traced by hotinject");
	put(scene, "worker.2.so");
	await_events(scene, "live", N_HOSTS - 1);
	while (ask(scene, "all", "all") != 2) /* the other takes it, too */
		;
	ck_assert_int_eq(support_detach(scene), 0);
	support_shell(scene, "kill -INT $(cat pid); "
			     "tail --pid=$(cat pid) -f /dev/null");
	expect_all(scene, 2);
	ck_assert_int_eq(support_end(scene), 3);
	support_free(scene);
}
END_TEST

START_TEST(where_nobody_has_the_worker_that_is_said)
{
	struct support *scene = support_new("nobody");

	compile(scene);
	support_shell(
		scene,
		"$HOTINJECT --all ./libworker.so 2>said; "
		"test $? = 125 && grep -E '^hotinject: no process( of this "
		"user)? has mapped libworker.so$' said; "
		"$HOTINJECT --name=host ./libworker.so 2>said; "
		"test $? = 125 && grep -E '^hotinject: no process( of this "
		"user)? runs host and has mapped libworker.so$' said");
	support_free(scene);
}
END_TEST

/* --- that are forked ------------------------------------------------------------ */

static struct support *begin_server(const char *name, bool attached)
{
	struct support *scene = support_new(name);

	compile(scene);
	if (attached) {
		support_start_plain(scene, "./host", "fork", "0", NULL);
		expect_all(scene, 1);
		support_attach(scene, "libworker.so", NULL);
	} else {
		support_start(scene, "./host", "libworker.so", "--", "fork",
			      "4", NULL);
	}
	await_events(scene, "ready", attached ? 1 : 1 + N_FORKS);
	return scene;
}

START_TEST(what_a_server_forks_takes_each_build)
{
	struct support *scene = begin_server("server", false);

	expect_all(scene, 1);
	put(scene, "worker.2.so");
	await_events(scene, "live", 1 + N_FORKS);
	support_message(scene, "#2 live in 4 more processes");
	expect_all(scene, 2);
	/* one that is forked later begins with the newest code, and goes on */
	support_tell(scene, "replace 1");
	await_events(scene, "ready", 1);
	expect_all(scene, 2);
	put(scene, "worker.3.so");
	await_events(scene, "live", 1 + N_FORKS);
	support_message(scene, "#3 live in 4 more processes");
	expect_all(scene, 3);
	ck_assert_int_eq(count_lines(scene, "keeps the build"), 0);
	support_forget_events(scene);
	ck_assert_int_eq(support_end(scene), 3);
	support_free(scene);
}
END_TEST

/* As a build reaches all of them, so does the way back. */
START_TEST(what_a_server_forks_goes_back_with_it)
{
	struct support *scene = begin_server("back", false);
	char command[40];

	put(scene, "worker.2.so");
	await_events(scene, "live", 1 + N_FORKS);
	put(scene, "worker.3.so");
	await_events(scene, "live", 1 + N_FORKS);
	expect_all(scene, 3);
	control_command(scene, 0, "rollback",
			"libworker.so back at #2: .*; so are 4 other processes "
			"of the same host");
	await_events(scene, "rollback", 1 + N_FORKS);
	expect_all(scene, 2);
	support_tell(scene, "replace 1");
	await_events(scene, "ready", 1);
	expect_all(scene, 2);
	/* whichever of them is named */
	snprintf(command, sizeof(command), "rollback %d 1", get_pid(scene, 2));
	control_command(scene, 0, command,
			"libworker.so back at #1: .*; so are 4 other processes "
			"of the same host");
	await_events(scene, "rollback", 1 + N_FORKS);
	expect_all(scene, 1);
	put(scene, "worker.4.so");
	await_events(scene, "live", 1 + N_FORKS);
	expect_all(scene, 4);
	support_forget_events(scene);
	ck_assert_int_eq(support_end(scene), 3);
	support_free(scene);
}
END_TEST

START_TEST(processes_that_end_soon_or_execute_are_left_alone)
{
	struct support *scene = begin_server("processes", _i == 1);

	support_tell(scene, "processes 200");
	for (int i = 2; i <= 4; i++) {
		char build[30];

		snprintf(build, sizeof(build), "worker.%d.so", i);
		put(scene, build);
		await_events(scene, "live", _i == 1 ? 1 : 1 + N_FORKS);
	}
	ck_assert_int_eq(support_number(scene, support_line(scene), "bad"), 0);
	expect_all(scene, 4);
	ck_assert_int_eq(count_lines(scene, "keeps the build"), 0);
	ck_assert_int_eq(count_lines(scene, "refused"), 0);
	support_forget_events(scene);
	if (_i == 1)
		ck_assert_int_eq(support_detach(scene), 0);
	ck_assert_int_eq(support_end(scene), 3);
	support_free(scene);
}
END_TEST

START_TEST(forks_are_left_with_their_host)
{
	struct support *scene = support_new("left");
	pid_t forked;

	compile(scene);
	support_start_plain(scene, "./host", "fork", "1", NULL);
	expect_all(scene, 1);
	support_attach(scene, "libworker.so", NULL);
	await_events(scene, "ready", 1);
	support_tell(scene, "replace 0");
	await_events(scene, "ready", 1);
	forked = get_pid(scene, 0);
	put(scene, "worker.2.so");
	await_events(scene, "live", 2);
	expect_all(scene, 2);
	/* the signal is for the first process alone */
	ck_assert_int_eq(support_detach(scene), 0);
	await_events(scene, "detached", 2);
	expect_untraced(scene, forked);
	expect_untraced(scene, support_get_pid(scene));
	expect_all(scene, 2);
	ck_assert_int_eq(support_end(scene), 3);
	support_free(scene);
}
END_TEST

/* The server itself never has the worker, and goes on forking. */
START_TEST(what_a_server_forks_is_a_host_once_it_opens_the_worker)
{
	struct support *scene = support_new("opener");

	compile(scene);
	if (_i == 1) {
		support_start_plain(scene, "./opener", "fork", "0", NULL);
		support_ask(scene, "all");
		support_attach(scene, "./libworker.so", NULL);
	} else {
		support_start(scene, "./opener", "./libworker.so", "--", "fork",
			      "0", NULL);
	}
	await_events(scene, "absent", 1);
	support_ask(scene, "add");
	support_ask(scene, "add");
	expect_all(scene, 1);
	await_events(scene, "ready", 2);
	put(scene, "worker.2.so");
	await_events(scene, "live", 2);
	expect_all(scene, 2);
	/* it opens what is there by then */
	support_tell(scene, "replace 0");
	expect_all(scene, 2);
	await_events(scene, "ready", 1);
	put(scene, "worker.3.so");
	await_events(scene, "live", 2);
	expect_all(scene, 3);
	support_forget_events(scene);
	if (_i == 1)
		ck_assert_int_eq(support_detach(scene), 0);
	expect_all(scene, 3);
	ck_assert_int_eq(support_end(scene), 3);
	support_free(scene);
}
END_TEST

/* Until it has opened the worker it might be about to execute the host. */
START_TEST(what_a_server_forks_is_not_slow_for_ever)
{
	struct support *scene = support_new("slow");

	compile(scene);
	support_start(scene, "./opener", "./libworker.so", "--", "fork", "0",
		      NULL);
	await_events(scene, "absent", 1);
	support_ask(scene, "add");
	/* ten thousand stops, two for each call */
	ck_assert_int_ge(ask(scene, "calls 6000", "stops"), 5000);
	ck_assert_int_lt(ask(scene, "calls 6000", "stops"), 1000);
	/* and is found all the same */
	expect_all(scene, 1);
	await_events(scene, "ready", 1);
	put(scene, "worker.2.so");
	await_events(scene, "live", 1);
	expect_all(scene, 2);
	support_forget_events(scene);
	ck_assert_int_eq(support_end(scene), 3);
	support_free(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *crowd = support_tcase(suite, "crowd");
	TCase *forks = support_tcase(suite, "forks");

	tcase_add_loop_test(crowd, hosts_that_run_take_each_build_and_are_left,
			    0, 3);
	tcase_add_test(crowd, a_build_that_all_refuse_is_refused_once);
	tcase_add_test(crowd, a_host_that_ends_in_the_middle_is_no_error);
	tcase_add_test(crowd,
		       a_host_that_another_traces_is_said_and_the_others_go_on);
	tcase_add_test(crowd, where_nobody_has_the_worker_that_is_said);
	tcase_add_test(forks, what_a_server_forks_takes_each_build);
	tcase_add_test(forks, what_a_server_forks_goes_back_with_it);
	tcase_add_loop_test(
		forks, processes_that_end_soon_or_execute_are_left_alone, 0, 2);
	tcase_add_test(forks, forks_are_left_with_their_host);
	tcase_add_loop_test(
		forks, what_a_server_forks_is_a_host_once_it_opens_the_worker,
		0, 2);
	tcase_add_test(forks, what_a_server_forks_is_not_slow_for_ever);
}

int main(void)
{
	return support_main("e2e_many", add);
}
