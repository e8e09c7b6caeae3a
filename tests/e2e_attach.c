/*
 * Hosts that are attached to while they are busy, each in another way: the attach
 * finds a point where it does no harm, the worker is swapped, and when hotinject is
 * gone the host goes on and has computed right all the time.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support.h"

/* HOTINJECT_TEST_ATTACHES: how often each host is attached to. */
#define ATTACHES 3

static const char *const modes[] = {
	"allocates", "loads",          "makes-threads",   "makes-processes",
	"computes",  "queues-signals", "switches-stacks", "waits",
	"blocks",    "sleeps",
};
#define N_MODES (sizeof(modes) / sizeof(*modes))

static void compile(struct support *scene)
{
	support_shell(scene,
		      "src=%s; for n in 1 2; do gcc -g -O2 -fPIC -shared "
		      "-DBUILD=$n -Wl,-soname,libworker.so -o worker.$n.so "
		      "$src/worker.c; done; cp worker.1.so libworker.so; "
		      "gcc -D_GNU_SOURCE -g -O2 -pthread -o host $src/host.c "
		      "-L. -lworker -Wl,-rpath,'$ORIGIN'",
		      support_source(scene, "tests/attached"));
}

static void expect(struct support *scene, long value)
{
	const char *line = support_ask(scene, "value");

	if (support_number(scene, line, "value") != value ||
	    support_number(scene, line, "broken") != 0)
		support_fail(scene, "%s", line);
}

static void attach_once(struct support *scene, const char *mode)
{
	support_shell(scene, "cp worker.1.so n.so; mv n.so libworker.so");
	support_start_plain(scene, "./host", mode, NULL);
	expect(scene, 1);
	support_attach(scene, "libworker.so", NULL);
	support_event(scene, "ready");
	expect(scene, 1);
	support_put(scene, "worker.2.so", "libworker.so", SUPPORT_RENAME);
	support_event(scene, "live");
	expect(scene, 2);
	ck_assert_int_eq(support_detach(scene), 0);
	support_event(scene, "detached");
	expect(scene, 2);
	expect(scene, 2);
	ck_assert_int_eq(support_end(scene), 0);
}

START_TEST(a_busy_host_is_attached_to_and_left)
{
	struct support *scene = support_new(modes[_i]);
	const char *times = getenv("HOTINJECT_TEST_ATTACHES");
	int n = times ? atoi(times) : ATTACHES;

	compile(scene);
	for (int i = 0; i < n; i++)
		attach_once(scene, modes[_i]);
	support_free(scene);
}
END_TEST

/* --- what cannot be ------------------------------------------------------------- */

/* A host that runs and has answered once. */
static struct support *begin(const char *name)
{
	struct support *scene = support_new(name);

	compile(scene);
	support_start_plain(scene, "./host", "sleeps", NULL);
	expect(scene, 1);
	return scene;
}

static void end(struct support *scene)
{
	expect(scene, 1);
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}

START_TEST(a_process_that_is_not_there_is_said)
{
	struct support *scene = support_new("nobody");

	support_shell(scene, "cp /lib/x86_64-linux-gnu/libm.so.6 libworker.so; "
			     "$HOTINJECT --pid=2147483646 libworker.so 2>said; "
			     "test $? = 125 && grep 'hotinject: there is no "
			     "process 2147483646' said");
	support_free(scene);
}
END_TEST

START_TEST(a_process_that_is_traced_by_another_is_said_with_its_name)
{
	struct support *scene = begin("traced");

	support_attach(scene, "libworker.so", NULL);
	support_event(scene, "ready");
	support_shell(scene,
		      "$HOTINJECT --pid=%d libworker.so 2>said; "
		      "test $? = 125 && grep 'host (%d) is already traced by "
		      "hotinject (%d)' said",
		      support_get_pid(scene), support_get_pid(scene),
		      support_get_attached(scene));
	ck_assert_int_eq(support_detach(scene), 0);
	end(scene);
}
END_TEST

/* The build that runs is read from what the host maps; that on disk is news. */
START_TEST(a_worker_that_was_rebuilt_before_goes_live_at_once)
{
	struct support *scene = begin("rebuilt");
	json_t *live;

	support_put(scene, "worker.2.so", "libworker.so", SUPPORT_RENAME);
	support_attach(scene, "libworker.so", NULL);
	if (geteuid() != 0) {
		support_message(scene, "was replaced before hotinject could "
				       "look");
		ck_assert_int_eq(support_detach(scene), 0);
		end(scene);
		return;
	}
	support_event(scene, "ready");
	live = support_event(scene, "live");
	ck_assert_int_eq(support_event_number(scene, live, "build"), 2);
	ck_assert_str_eq(support_event_list(scene, live, "changed"), "step");
	expect(scene, 2);
	ck_assert_int_eq(support_detach(scene), 0);
	expect(scene, 2);
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}
END_TEST

START_TEST(a_static_program_is_said_and_left_alone)
{
	struct support *scene = support_new("static");

	support_shell(scene,
		      "cp /lib/x86_64-linux-gnu/libm.so.6 libworker.so; "
		      "echo 'int getchar(void); "
		      "int main(void) { return getchar() == 10 ? 3 : 4; }' "
		      ">s.c; gcc -static -o host s.c");
	support_start_plain(scene, "./host", NULL);
	support_attach(scene, "libworker.so", NULL);
	support_message(scene, "hotinject: host is statically linked");
	ck_assert_int_eq(support_await_attached(scene), 125);
	support_tell(scene, "");
	ck_assert_int_eq(support_wait(scene), 3);
	support_free(scene);
}
END_TEST

/* The host ends while it is attached to: so does hotinject, with its status. */
START_TEST(the_end_of_the_host_is_the_end)
{
	struct support *scene = begin("end");

	support_attach(scene, "libworker.so", NULL);
	support_event(scene, "ready");
	support_signal(scene, SIGTERM);
	ck_assert_int_eq(support_await_attached(scene), 128 + SIGTERM);
	ck_assert_int_eq(support_wait(scene), -SIGTERM);
	support_free(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "busy");
	TCase *cannot = support_tcase(suite, "cannot");

	tcase_set_timeout(tcase, 3600);
	tcase_add_loop_test(tcase, a_busy_host_is_attached_to_and_left, 0,
			    (int)N_MODES);
	tcase_add_test(cannot, a_process_that_is_not_there_is_said);
	tcase_add_test(
		cannot,
		a_process_that_is_traced_by_another_is_said_with_its_name);
	tcase_add_test(cannot,
		       a_worker_that_was_rebuilt_before_goes_live_at_once);
	tcase_add_test(cannot, a_static_program_is_said_and_left_alone);
	tcase_add_test(cannot, the_end_of_the_host_is_the_end);
}

int main(void)
{
	return support_main("e2e_attach", add);
}
