/*
 * A host that gdb has for a while: "hotinject gdb".
 */
#include <signal.h>

#include "tests/support_control.h"

/* A build that comes while gdb has the host goes live when gdb has ended. */
START_TEST(gdb_has_the_host_and_gives_it_back)
{
	struct support *scene = control_begin_busy("gdb", _i);

	control_go_live(scene, "worker.2.so", 2);
	support_shell(
		scene,
		"cp worker.3.so new.so; "
		"$HOTINJECT gdb -nx -batch -ex 'info threads' "
		"-ex 'shell mv new.so libworker.so' "
		"-ex 'shell $HOTINJECT status >status.in.gdb' "
		"-ex 'shell $HOTINJECT reload >reload.in.gdb 2>&1' "
		"-ex 'shell cp events events.in.gdb' >said 2>&1; s=$?; "
		"tail -n 3 said; test $s = 0 && grep 'LWP %d' said >/dev/null && "
		"grep 'in gdb now$' status.in.gdb && "
		"grep 'hotinject: host ([0-9]*) is in gdb' reload.in.gdb && "
		"! grep '\"build\":3' events.in.gdb && "
		"grep 'is back with hotinject' said",
		support_get_host_pid(scene));
	ck_assert_int_eq(support_event_number(
				 scene, support_event(scene, "live"), "build"),
			 3);
	control_expect(scene, 3);
	control_go_live(scene, "worker.1.so", 4);
	control_command(scene, 0, "gdb -nx -batch -ex bt",
			"host .* is back with .*");
	control_expect(scene, 1);
	control_go_live(scene, "worker.2.so", 5);
	control_end(scene, _i);
}
END_TEST

START_TEST(a_host_that_ends_in_gdb_is_the_end)
{
	struct support *scene = control_begin_busy("killed", _i);
	pid_t host = support_get_host_pid(scene);

	control_command(scene, 0, "gdb -nx -batch -ex kill",
			"host \\([0-9]+\\) has ended in gdb");
	if (_i == CONTROL_LAUNCHED) {
		ck_assert_int_eq(support_wait(scene), 128 + SIGKILL);
	} else {
		ck_assert_int_eq(support_await_attached(scene), 0);
		ck_assert_int_eq(support_wait(scene), -SIGKILL);
	}
	support_shell(scene, "! test -e run/hotinject/%d.socket", host);
	support_free(scene);
}
END_TEST

/* The client is killed while its gdb still has the host. */
START_TEST(the_host_is_taken_back_when_the_command_was_killed)
{
	struct support *scene = control_begin_busy("orphan", _i);

	support_shell(scene,
		      "sh -c 'echo $$ >client; exec $HOTINJECT gdb -nx -batch "
		      "-ex \"shell kill -9 $(cat client)\" "
		      "-ex \"shell mv worker.2.so libworker.so\" "
		      "-ex \"shell cp events events.in.gdb\" ' >said 2>&1; "
		      "test $? = 137");
	support_event(scene, "live");
	control_expect(scene, 2);
	control_go_live(scene, "worker.3.so", 3);
	control_end(scene, _i);
}
END_TEST

START_TEST(a_missing_gdb_is_said)
{
	struct support *scene = control_begin("missing", CONTROL_LAUNCHED);

	support_shell(scene, "PATH= $HOTINJECT gdb 2>said; test $? = 125; "
			     "while read line; do case $line in 'hotinject: "
			     "gdb is not installed') exit 0; esac; done <said; "
			     "exit 1");
	control_go_live(scene, "worker.2.so", 2);
	control_end(scene, CONTROL_LAUNCHED);
}
END_TEST

static void add(Suite *suite)
{
	TCase *gdb = support_tcase(suite, "gdb");

	tcase_add_loop_test(gdb, gdb_has_the_host_and_gives_it_back, 0, 2);
	tcase_add_loop_test(gdb, a_host_that_ends_in_gdb_is_the_end, 0, 2);
	tcase_add_loop_test(
		gdb, the_host_is_taken_back_when_the_command_was_killed, 0, 2);
	tcase_add_test(gdb, a_missing_gdb_is_said);
}

int main(void)
{
	return support_main("e2e_gdb", add);
}
