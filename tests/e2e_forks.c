/*
 * What a server forks while builds go live, or are gone back from: it is where the others
 * are, and nobody who asks meanwhile goes without an answer.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support_control.h"

#define N_CLIENTS 6

static void compile(struct support *scene)
{
	support_shell(
		scene,
		"src=%s; for n in 1 2 3; do gcc -g -O2 -fPIC -shared "
		"-Wl,-soname,libworker.so -DFRAGILE -DBUILD=$n -o worker.$n.so "
		"$src/worker.c; done; cp worker.1.so libworker.so; "
		"gcc -D_GNU_SOURCE -g -O2 -o host $src/host.c "
		"-L. -lworker -Wl,-rpath,'$ORIGIN'",
		support_source(scene, "tests/many"));
}

/* Wait until N events of KIND have come, whoever they are of: the last of them. */
static json_t *await_events(struct support *scene, const char *kind, int n)
{
	json_t *event = NULL;

	while (n > 0) {
		event = support_event_any(scene);
		n -= !strcmp(support_event_text(scene, event, "event"), kind);
	}
	return event;
}

static void expect_all(struct support *scene, long value)
{
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			support_number(scene, support_ask(scene, "all"), "all"),
			value);
}

static void put(struct support *scene, const char *build)
{
	support_put(scene, build, "libworker.so", SUPPORT_RENAME);
}

/* With one fork. */
static struct support *begin_server(const char *name, const char *guard,
				    pid_t *ret_pid)
{
	struct support *scene = support_new(name);

	compile(scene);
	support_start(scene, guard, "./host", "libworker.so", "--", "fork", "1",
		      NULL);
	*ret_pid = (pid_t)support_event_number(
		scene, support_event(scene, "ready"), "pid");
	await_events(scene, "ready", 1);
	return scene;
}

static void end_server(struct support *scene)
{
	support_forget_events(scene);
	ck_assert_int_eq(support_end(scene), 3);
	support_free(scene);
}

/* --- who asks ------------------------------------------------------------------- */

static int ask(struct support *scene, pid_t pid, const char *request)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval limit = { 10, 0 };

	ck_assert_int_eq(chdir(support_path(scene, "run/hotinject")), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%d.socket", pid);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	ck_assert_int_eq(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_gt(send(fd, request, strlen(request), MSG_NOSIGNAL), 0);
	return fd;
}

static void expect_answer(struct support *scene, int fd)
{
	char answer[4096] = "";

	if (recv(fd, answer, sizeof(answer) - 1, 0) <= 0 ||
	    strstr(answer, "\"error\""))
		support_fail(scene, "the answer is '%s'", answer);
	close(fd);
}

/* They wait for an answer when the process is forked that looks after the fork. */
START_TEST(who_waits_while_a_process_is_forked_is_answered)
{
	pid_t server;
	struct support *scene =
		begin_server("clients", "--guard=hold", &server);
	int fds[N_CLIENTS];

	put(scene, "worker.2.so");
	await_events(scene, "live", 2);
	support_shell(scene, "kill -STOP %d", support_get_pid(scene));
	support_tell(scene, "add");
	support_shell(scene,
		      "for i in $(seq 10000); do grep -q 'State:.t' "
		      "/proc/%d/status && exit; done; exit 1",
		      server);
	for (int i = 0; i < N_CLIENTS; i++)
		fds[i] = ask(scene, server,
			     i % 2 ? "{\"command\":\"status\"}" :
				     "{\"command\":\"rollback\","
				     "\"build\":1}");
	support_shell(scene, "kill -CONT %d", support_get_pid(scene));
	for (int i = 0; i < N_CLIENTS; i++)
		expect_answer(scene, fds[i]);
	support_line(scene);
	/* the one that was there before has not been asked to go back */
	await_events(scene, "rollback", 2);
	expect_all(scene, -2);
	control_command(scene, 0, "rollback 1",
			"libworker.so is at build #1 already; so are 2 other "
			"processes of the same host");
	expect_all(scene, 1);
	end_server(scene);
}
END_TEST

/* --- who comes late ------------------------------------------------------------- */

/* The process that PID, a child of ours, forks next, before its first instruction. */
static pid_t catch_fork(struct support *scene, pid_t pid)
{
	unsigned long forked = 0;
	int status;

	support_tell(scene, "add");
	while (forked == 0) {
		ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
		ck_assert(WIFSTOPPED(status));
		if (status >> 16 == PTRACE_EVENT_FORK) {
			ptrace(PTRACE_GETEVENTMSG, pid, 0, &forked);
			break;
		}
		ptrace(PTRACE_CONT, pid, 0,
		       status >> 16 ? 0 : WSTOPSIG(status));
	}
	ck_assert_int_eq(waitpid((pid_t)forked, &status, __WALL), forked);
	ptrace(PTRACE_DETACH, pid, 0, 0);
	support_line(scene);
	return (pid_t)forked;
}

/* The process that is to look after it cannot be asked yet when the others go back. */
START_TEST(what_is_being_forked_while_others_go_back_goes_after_them)
{
	pid_t server, member;
	struct support *scene = begin_server("late", "--guard=hold", &server);

	put(scene, "worker.2.so");
	await_events(scene, "live", 2);
	put(scene, "worker.3.so");
	await_events(scene, "live", 2);
	ck_assert_int_eq(ptrace(PTRACE_SEIZE, support_get_pid(scene), 0,
				PTRACE_O_TRACEFORK),
			 0);
	member = catch_fork(scene, support_get_pid(scene));
	control_command(scene, 0, "rollback",
			"libworker.so back at #2: .*; so is 1 other process of "
			"the same host");
	control_command(scene, 0, "rollback",
			"libworker.so back at #1: .*; so is 1 other process of "
			"the same host");
	await_events(scene, "rollback", 4);
	expect_all(scene, -2);
	ptrace(PTRACE_DETACH, member, 0, 0);
	await_events(scene, "ready", 1);
	await_events(scene, "rollback", 1);
	expect_all(scene, 1);
	/* and on with the others, from where they are */
	put(scene, "worker.2.so");
	await_events(scene, "live", 3);
	expect_all(scene, 2);
	end_server(scene);
}
END_TEST

/* --- who crashes ---------------------------------------------------------------- */

static pid_t get_pid(struct support *scene, int i)
{
	char question[20];

	snprintf(question, sizeof(question), "pid %d", i);
	return (pid_t)support_number(scene, support_ask(scene, question),
				     "pid");
}

/* What has crashed in one would crash in each. */
START_TEST(from_a_build_that_crashes_in_one_all_go_back)
{
	pid_t server;
	struct support *scene =
		begin_server("crash", "--guard=rollback", &server);
	json_t *event;

	put(scene, "worker.2.so");
	await_events(scene, "live", 2);
	put(scene, "worker.3.so");
	await_events(scene, "live", 2);
	expect_all(scene, 3);
	support_shell(scene, "touch crash.%d", _i ? get_pid(scene, 0) : server);
	support_ask(scene, "all");
	event = await_events(scene, "crash", 1);
	ck_assert_str_eq(support_event_text(scene, event, "action"),
			 "rollback");
	await_events(scene, "rollback", 2);
	support_message(scene, "#2 live again in 1 more process ");
	expect_all(scene, 2);
	/* one that is forked later knows of it, too */
	support_tell(scene, "add");
	support_line(scene);
	await_events(scene, "ready", 1);
	/* the same function once more, in another of them: that leads nowhere */
	support_shell(scene, "touch crash.%d", _i ? server : get_pid(scene, 0));
	support_ask(scene, "all");
	event = await_events(scene, "crash", 1);
	ck_assert_str_eq(support_event_text(scene, event, "action"), "hold");
	expect_all(scene, -2);
	put(scene, "worker.1.so");
	await_events(scene, "live", 3);
	expect_all(scene, 1);
	end_server(scene);
}
END_TEST

/* Before another process looks after it: it is not as if nobody did. */
START_TEST(what_crashes_as_soon_as_it_is_forked_goes_on)
{
	pid_t server;
	struct support *scene = begin_server("born", "--guard=hold", &server);
	json_t *event;

	support_shell(scene, "touch %s.any", _i ? "raise" : "crash");
	/* its call has returned zero: one is not as it should be */
	ck_assert_int_eq(
		support_number(scene, support_ask(scene, "processes 1"), "bad"),
		1);
	event = await_events(scene, "crash", 1);
	ck_assert_int_ne(support_event_number(scene, event, "pid"), server);
	ck_assert_str_eq(support_event_text(scene, event, "action"), "hold");
	event = await_events(scene, "exit", 1);
	ck_assert_int_eq(support_event_number(scene, event, "status"), 8);
	expect_all(scene, 1);
	end_server(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *clients = support_tcase(suite, "clients");
	TCase *late = support_tcase(suite, "late");
	TCase *crash = support_tcase(suite, "crash");

	tcase_add_test(clients,
		       who_waits_while_a_process_is_forked_is_answered);
	tcase_add_test(
		late,
		what_is_being_forked_while_others_go_back_goes_after_them);
	tcase_add_loop_test(crash, what_crashes_as_soon_as_it_is_forked_goes_on,
			    0, 2);
	tcase_add_loop_test(crash, from_a_build_that_crashes_in_one_all_go_back,
			    0, 2);
}

int main(void)
{
	return support_main("e2e_forks", add);
}
