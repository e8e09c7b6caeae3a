/*
 * What a server forks while builds go live, or are gone back from: it is where the others
 * are, and nobody who asks meanwhile goes without an answer.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support_control.h"

#define N_CLIENTS 6

static void compile(struct support *scene)
{
	support_shell(scene,
		      "src=%s; for n in 1 2 3; do gcc -g -O2 -fPIC -shared "
		      "-Wl,-soname,libworker.so -DBUILD=$n -o worker.$n.so "
		      "$src/worker.c; done; cp worker.1.so libworker.so; "
		      "gcc -D_GNU_SOURCE -g -O2 -o host $src/host.c "
		      "-L. -lworker -Wl,-rpath,'$ORIGIN'",
		      support_source(scene, "tests/many"));
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
static struct support *begin_server(const char *name, pid_t *ret_pid)
{
	struct support *scene = support_new(name);

	compile(scene);
	support_start(scene, "./host", "libworker.so", "--", "fork", "1", NULL);
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
	struct support *scene = begin_server("clients", &server);
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

static void add(Suite *suite)
{
	TCase *clients = support_tcase(suite, "clients");

	tcase_add_test(clients,
		       who_waits_while_a_process_is_forked_is_answered);
}

int main(void)
{
	return support_main("e2e_forks", add);
}
