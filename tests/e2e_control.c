/*
 * A hotinject that is asked and steered from another terminal, while it looks after
 * a real host: by the commands, and by clients that do not behave.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support_control.h"
#include "tests/support_rights.h"

/* What "hotinject WORDS --json" gives, one object a line: the last. */
static json_t *ask_json(struct support *scene, const char *words)
{
	json_t *object;
	char *text;

	support_shell(scene, "$HOTINJECT %s --json | tail -n 1 >json", words);
	text = support_read(scene, "json", NULL);
	object = json_loads(text, 0, NULL);
	if (!object)
		support_fail(scene, "no JSON: %s", text);
	free(text);
	return object;
}

/* --- each command ------------------------------------------------------------- */

START_TEST(status_tells_how_the_host_and_its_worker_stand)
{
	struct support *scene = control_begin("status", _i);
	const char *since;
	json_t *status, *worker;

	control_command(
		scene, 0, "status",
		_i == CONTROL_LAUNCHED ?
			"host \\([0-9]+\\): started by hotinject \\([0-9]+\\)" :
			"host \\([0-9]+\\): attached to by hotinject "
			"\\([0-9]+\\)");
	control_command(
		scene, 0, "status",
		"  libworker.so: build #1 since 20.*Z, 1 function in the "
		"table, 0 patch points");
	control_go_live(scene, "worker.2.so", 2);
	control_put(scene, "worker.4.so");
	support_event(scene, "refused");
	control_command(
		scene, 0, "status",
		"  libworker.so: build #2 since 20.*Z, 1 function in the "
		"table, 1 patch point");
	control_command(scene, 0, "status",
			"    last: #3 refused: step\\(\\): .*");
	status = ask_json(scene, "status");
	support_shell(scene, "! grep inside said");
	ck_assert_int_eq(json_integer_value(json_object_get(status, "pid")),
			 support_get_host_pid(scene));
	worker = json_array_get(json_object_get(status, "workers"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(worker, "build")),
			 2);
	since = json_string_value(json_object_get(worker, "since"));
	ck_assert_str_eq(json_string_value(json_object_get(
				 json_object_get(worker, "last"), "event")),
			 "refused");
	ck_assert_ptr_nonnull(since);
	ck_assert_uint_eq(json_array_size(json_object_get(worker, "inside")),
			  0);
	ck_assert_ptr_nonnull(json_object_get(worker, "inside"));
	json_decref(status);
	control_end(scene, _i);
}
END_TEST

START_TEST(history_has_each_build_with_its_id_and_what_became_of_it)
{
	struct support *scene = control_begin("history", _i);
	json_t *entry;
	char *text;

	control_go_live(scene, "worker.2.so", 2);
	control_put(scene, "worker.4.so");
	support_event(scene, "refused");
	control_go_live(scene, "worker.1.so", 4);
	support_shell(scene, "id() { readelf -n $1 | sed -n 's/.*Build ID: "
			     "//p'; }; $HOTINJECT history >said; cat said; "
			     "test $(grep -c ' libworker.so ' said) = 4 && "
			     "test $(grep -c '^    [1-9][0-9]* kB of its own, "
			     "[1-9][0-9]* kB mapped, [1-9][0-9]* kB in its "
			     "file$' said) = 3 && "
			     "grep \" $(id worker.1.so) libworker.so #1 taken "
			     "over$\" said && "
			     "grep \" $(id worker.2.so) libworker.so #2 live: "
			     "step changed\" said && "
			     "grep \" $(id worker.4.so) libworker.so #3 "
			     "refused: step()\" said && "
			     "grep \" $(id worker.1.so) libworker.so #4 live: "
			     "step changed\" said");
	entry = ask_json(scene, "history");
	ck_assert_int_eq(json_integer_value(json_object_get(entry, "build")),
			 4);
	text = json_dumps(json_object_get(entry, "changed"), JSON_COMPACT);
	ck_assert_str_eq(text, "[\"step\"]");
	free(text);
	support_shell(scene, "test -s '%s'",
		      json_string_value(json_object_get(entry, "copy")));
	ck_assert_int_gt(json_integer_value(json_object_get(
				 json_object_get(entry, "memory"), "mapped")),
			 8192);
	json_decref(entry);
	control_end(scene, _i);
}
END_TEST

/* Nobody has closed the file yet, so that inotify has nothing to tell. */
START_TEST(reload_takes_what_is_in_the_file_now)
{
	struct support *scene = control_begin("reload", _i);

	control_command(scene, 0, "reload",
			"libworker.so has not changed: build #1 runs on");
	support_no_event(scene);
	support_shell(scene,
		      "exec 3<>libworker.so; cat worker.2.so >&3; "
		      "$HOTINJECT reload %d >said; cat said; "
		      "grep '^libworker.so #2 live: step changed' said",
		      support_get_host_pid(scene));
	support_event(scene, "live");
	control_expect(scene, 2);
	control_command(scene, 0, "reload",
			"libworker.so has not changed: build #2 runs on");
	control_put(scene, "worker.4.so");
	support_event(scene, "refused");
	control_command(scene, 125, "reload",
			"hotinject: libworker.so #4 refused: step\\(\\): .*");
	support_event(scene, "refused");
	control_expect(scene, 2);
	control_end(scene, _i);
}
END_TEST

/* Until hotinject has ended, without taking its status. */
static void await_tool(struct support *scene, pid_t pid)
{
	siginfo_t info;

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0)
		support_fail(scene, "waitid: %s", strerror(errno));
}

START_TEST(detach_lets_the_host_run_on)
{
	struct support *scene = control_begin("detach", _i);
	pid_t host = support_get_host_pid(scene);
	pid_t tool = _i == CONTROL_LAUNCHED ? support_get_pid(scene) :
					      support_get_attached(scene);

	control_go_live(scene, "worker.2.so", 2);
	control_command(scene, 0, "detach",
			"host \\([0-9]+\\) runs on with the build that it has");
	support_event(scene, "detached");
	await_tool(scene, tool);
	support_shell(scene,
		      "grep '^TracerPid:.0$' /proc/%d/status && "
		      "! ls run/hotinject/*.socket 2>/dev/null",
		      host);
	control_put(scene, "worker.3.so");
	control_expect(scene, 2);
	control_expect(scene, 2);
	if (_i == CONTROL_ATTACHED)
		ck_assert_int_eq(support_await_attached(scene), 0);
	control_command(scene, 125, "detach",
			"hotinject: no hotinject of yours looks after a host");
	/* the code that it runs, and the record of it */
	support_shell(scene, "ls run/hotinject/*/record.* && "
			     "rm -r run/hotinject");
	ck_assert_int_eq(support_end(scene), 0);
	support_shell(scene, "while test -e /proc/%d/exe; do :; done", host);
	support_free(scene);
}
END_TEST

START_TEST(what_is_not_there_yet_is_said)
{
	static const char *const names[] = { "inspect x", "set x=1" };
	struct support *scene = control_begin("later", CONTROL_LAUNCHED);

	for (size_t i = 0; i < 2; i++)
		control_command(
			scene, 125, names[i],
			"hotinject: this version of hotinject has no command "
			"'[a-z]+'");
	control_command(
		scene, 125, "detach libworker.so",
		"hotinject: detach takes \\[PID\\], not 'libworker.so'");
	control_command(scene, 125, "status 1",
			"hotinject: no hotinject looks after process 1");
	control_expect(scene, 1);
	control_end(scene, CONTROL_LAUNCHED);
}
END_TEST

START_TEST(run_starts_a_host_that_has_the_name_of_a_command)
{
	struct support *scene = control_compile("run");
	char path[600];

	support_shell(scene, "mv host status");
	snprintf(path, sizeof(path), "%s:%s", support_path(scene, "."),
		 getenv("PATH"));
	setenv("PATH", path, 1);
	support_start(scene, "run", "status", "libworker.so", "--", "waits",
		      NULL);
	support_event(scene, "ready");
	control_expect(scene, 1);
	control_command(scene, 0, "status",
			"status \\([0-9]+\\): started by .*");
	control_end(scene, CONTROL_LAUNCHED);
}
END_TEST

START_TEST(with_two_hosts_the_process_has_to_be_named)
{
	struct support *scene = control_begin("two", CONTROL_LAUNCHED);
	pid_t one = support_get_host_pid(scene);

	support_shell(scene,
		      "mkfifo in2; $HOTINJECT --events=events2 ./host "
		      "libworker.so -- waits <>in2 >/dev/null 2>&1 & "
		      "until grep -q ready events2; do :; done 2>/dev/null");
	control_command(scene, 125, "detach",
			"hotinject: there are 2 hosts: host \\([0-9]+\\), host "
			"\\([0-9]+\\)");
	support_shell(scene,
		      "$HOTINJECT status >said; cat said; "
		      "test $(grep -c 'started by' said) = 2 && "
		      "$HOTINJECT status %d >said && "
		      "test $(grep -c 'started by' said) = 1 && "
		      "grep '^host (%d)' said && "
		      "other=$(sed -n 's/.*\"pid\":\\([0-9]*\\).*/\\1/p' "
		      "events2 | head -n 1) && "
		      "$HOTINJECT detach $other && kill -9 $other",
		      one, one);
	control_command(scene, 0, "reload",
			"libworker.so has not changed: build #1 runs on");
	control_expect(scene, 1);
	control_end(scene, CONTROL_LAUNCHED);
}
END_TEST

/* A thread that never comes out of the worker, and a build that waits for it. */
START_TEST(a_reload_that_waits_can_be_asked_for_and_left)
{
	struct support *scene = support_new("defer");
	pid_t tool;

	support_shell(scene,
		      "echo 'void loop(void); int main(void) { loop(); "
		      "return 0; }' >host.c; "
		      "printf '%%s\\n' '#include <stdio.h>' 'void loop(void) { "
		      "while (getchar() == 10) { printf(\"value=%%d\\n\", "
		      "BUILD); fflush(stdout); } }' >w.c; cat w.c; "
		      "for n in 1 2; do gcc -g -O2 -fPIC -shared -DBUILD=$n "
		      "-Wl,-soname,libworker.so -o worker.$n.so w.c; done; "
		      "cp worker.1.so libworker.so; "
		      "gcc -g -o host host.c -L. -lworker "
		      "-Wl,-rpath,'$ORIGIN'");
	support_start(scene, "--busy=defer", "--wait=20", "./host",
		      "libworker.so", NULL);
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, ""), "value=1");
	control_put(scene, "worker.2.so");
	support_message(scene, "#2 waits: thread");
	control_command(
		scene, 0, "status",
		"  libworker.so: build #1 since .*, 1 function in the table, "
		"0 patch points");
	control_command(scene, 0, "status",
			"    thread [0-9]+ is inside build #1, in loop\\(\\) "
			"\\([a-z.]+:[0-9]+\\)");
	ck_assert_str_eq(support_ask(scene, ""), "value=1");
	control_command(scene, 125, "reload",
			"hotinject: host \\([0-9]+\\) is being reloaded");
	control_command(scene, 125, "gdb",
			"hotinject: host \\([0-9]+\\) is being reloaded");
	tool = support_get_pid(scene);
	control_command(scene, 0, "detach", "host .* runs on .*");
	support_event(scene, "detached");
	await_tool(scene, tool);
	ck_assert_str_eq(support_ask(scene, ""), "value=1");
	/* who is inside the worker keeps it, and what it needs to be taken up */
	support_shell(scene, "ls run/hotinject/*/record.* && "
			     "rm -r run/hotinject");
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}
END_TEST

/* --- who asks ----------------------------------------------------------------- */

/* Connect as a process in run/hotinject would, perhaps as another user. */
static int dial(struct support *scene, pid_t pid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval limit = { 10, 0 };

	ck_assert_int_eq(chdir(support_path(scene, "run/hotinject")), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%d.socket", pid);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		support_fail(scene, "connect: %s", strerror(errno));
	return fd;
}

static void expect_error(struct support *scene, const void *bytes, size_t len)
{
	int fd = dial(scene, support_get_host_pid(scene));
	char answer[4096] = "";

	ck_assert_int_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
	ck_assert_int_gt(recv(fd, answer, sizeof(answer) - 1, 0), 0);
	ck_assert_msg(!strncmp(answer, "{\"error\":\"", 10), "%s", answer);
	ck_assert_int_eq(recv(fd, answer, sizeof(answer), 0), 0);
	close(fd);
}

START_TEST(what_is_no_request_is_answered_with_an_error)
{
	static char much[(64 << 10) + 1];
	struct support *scene = control_begin("garbage", CONTROL_LAUNCHED);

	memset(much, '[', sizeof(much));
	expect_error(scene, "x", 1);
	expect_error(scene, "{}", 2);
	expect_error(scene, "{\"command\":\"run\"}", 17);
	expect_error(scene, "{\"command\":7}", 13);
	expect_error(scene, "\0\xff\xfe", 3);
	expect_error(scene, much, 5000);
	expect_error(scene, much, sizeof(much));
	control_go_live(scene, "worker.2.so", 2);
	control_end(scene, CONTROL_LAUNCHED);
}
END_TEST

START_TEST(clients_that_say_nothing_delay_nobody)
{
	struct support *scene = control_begin("silent", _i);
	int fds[20];

	for (int i = 0; i < 20; i++)
		fds[i] = dial(scene, support_get_host_pid(scene));
	control_go_live(scene, "worker.2.so", 2);
	control_command(scene, 0, "reload",
			"libworker.so has not changed: build #2 runs on");
	for (int i = 0; i < 20; i++)
		close(fds[i]);
	control_go_live(scene, "worker.3.so", 3);
	control_end(scene, _i);
}
END_TEST

/* Even when the folder were open to all. */
START_TEST(another_user_is_not_heard)
{
	struct support *scene;
	pid_t child;
	int status;

	if (!support_gain(SUPPORT_NOBODY, "another_user_is_not_heard"))
		return;
	scene = control_begin("foreign", CONTROL_LAUNCHED);
	support_shell(scene, "chmod 711 run run/hotinject; "
			     "chmod 777 run/hotinject/*.socket");
	ck_assert_int_eq(chdir(support_path(scene, "run/hotinject")), 0);
	child = fork();
	if (child == 0) {
		const char detach[] = "{\"command\":\"detach\"}";
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		char answer[100];

		snprintf(address.sun_path, sizeof(address.sun_path),
			 "%d.socket", support_get_host_pid(scene));
		if (setresuid(65534, 65534, 65534) != 0 ||
		    connect(fd, (struct sockaddr *)&address, sizeof(address)) !=
			    0)
			_exit(2);
		(void)!send(fd, detach, sizeof(detach) - 1, MSG_NOSIGNAL);
		_exit(recv(fd, answer, sizeof(answer), 0) <= 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	control_go_live(scene, "worker.2.so", 2);
	support_shell(scene, "chmod 700 run run/hotinject");
	control_command(scene, 0, "reload", "libworker.so has not changed: .*");
	control_end(scene, CONTROL_LAUNCHED);
}
END_TEST

/* --- the socket --------------------------------------------------------------- */

START_TEST(the_socket_is_the_user_s_own_and_goes_with_the_session)
{
	struct support *scene = control_begin("socket", _i);
	char name[60];
	struct stat st;

	snprintf(name, sizeof(name), "run/hotinject/%d.socket",
		 support_get_host_pid(scene));
	ck_assert_int_eq(lstat(support_path(scene, name), &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(stat(support_path(scene, "run/hotinject"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	if (_i == CONTROL_ATTACHED) {
		ck_assert_int_eq(support_detach(scene), 0);
		support_event(scene, "detached");
	}
	ck_assert_int_eq(support_end(scene), 0);
	ck_assert_int_ne(lstat(support_path(scene, name), &st), 0);
	support_free(scene);
}
END_TEST

START_TEST(what_a_killed_hotinject_has_left_is_swept)
{
	struct support *scene = control_begin("swept", CONTROL_ATTACHED);
	char name[60];
	struct stat st;

	snprintf(name, sizeof(name), "run/hotinject/%d.socket",
		 support_get_host_pid(scene));
	/* who answers holds no thread: some calls end when they are stopped and
	   nobody is left to make them again (signal(7)) */
	control_command(scene, 0, "status", "  libworker.so: build #1 .*");
	kill(support_get_attached(scene), SIGKILL);
	ck_assert_int_eq(support_await_attached(scene), -SIGKILL);
	ck_assert_int_eq(lstat(support_path(scene, name), &st), 0);
	control_command(scene, 125, "status",
			"hotinject: no hotinject of yours looks after a host");
	ck_assert_int_ne(lstat(support_path(scene, name), &st), 0);
	control_expect(scene, 1);
	support_forget_events(scene);
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}
END_TEST

/* The started script has the socket's name first, then the host that it starts. */
START_TEST(a_host_that_a_script_starts_is_found_by_its_own_number)
{
	struct support *scene = control_compile("script");
	char words[60];

	support_shell(scene, "printf '#!/bin/sh\\n./host waits\\n' >script;"
			     " chmod 755 script");
	support_start(scene, "./script", "libworker.so", NULL);
	support_event(scene, "absent");
	support_event(scene, "ready");
	control_expect(scene, 1);
	snprintf(words, sizeof(words), "reload %d",
		 support_get_host_pid(scene));
	control_command(scene, 0, words,
			"libworker.so has not changed: build #1 runs on");
	support_shell(scene, "test $(ls run/hotinject | grep -c socket) = 1");
	control_command(scene, 0, "detach", "host .* runs on .*");
	support_event(scene, "detached");
	control_expect(scene, 1);
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "commands");
	TCase *clients = support_tcase(suite, "clients");

	tcase_add_loop_test(
		tcase, status_tells_how_the_host_and_its_worker_stand, 0, 2);
	tcase_add_loop_test(
		tcase, history_has_each_build_with_its_id_and_what_became_of_it,
		0, 2);
	tcase_add_loop_test(tcase, reload_takes_what_is_in_the_file_now, 0, 2);
	tcase_add_loop_test(tcase, detach_lets_the_host_run_on, 0, 2);
	tcase_add_test(tcase, what_is_not_there_yet_is_said);
	tcase_add_test(tcase, run_starts_a_host_that_has_the_name_of_a_command);
	tcase_add_test(tcase, with_two_hosts_the_process_has_to_be_named);
	tcase_add_test(tcase, a_reload_that_waits_can_be_asked_for_and_left);
	tcase_add_test(clients, what_is_no_request_is_answered_with_an_error);
	tcase_add_loop_test(clients, clients_that_say_nothing_delay_nobody, 0,
			    2);
	tcase_add_test(clients, another_user_is_not_heard);
	tcase_add_loop_test(
		clients, the_socket_is_the_user_s_own_and_goes_with_the_session,
		0, 2);
	tcase_add_test(clients, what_a_killed_hotinject_has_left_is_swept);
	tcase_add_test(clients,
		       a_host_that_a_script_starts_is_found_by_its_own_number);
}

int main(void)
{
	return support_main("e2e_control", add);
}
