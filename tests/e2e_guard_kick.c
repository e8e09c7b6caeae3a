/*
 * A thread that does not leave the worker is taken out: when it is asked for, or some
 * time after a new build has come.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support_control.h"
#include "tests/support_guard.h"

static const struct guard_toolchain usual = { "usual", "gcc", "-O2 -g", "" };

static struct support *begin(const char *name, const char *option)
{
	struct support *scene = support_new(name);

	guard_compile(scene, &usual, 2);
	guard_start(scene, option);
	/* the thread that the worker has started for itself */
	control_command(scene, 0, "kick", "1 thread was taken out");
	ck_assert_str_eq(support_event_text(scene,
					    support_event(scene, "kicked"),
					    "entered"),
			 "run_early");
	return scene;
}

/* A thread of its own is in fault_NAME() once the worker has counted N calls. */
static void leave_in(struct support *scene, const char *name, long n)
{
	char question[40], wanted[20];

	snprintf(question, sizeof(question), "leave %s", name);
	snprintf(wanted, sizeof(wanted), "%ld", n);
	guard_expect(scene, question, 0);
	while (strcmp(support_ask(scene, "count"), wanted) != 0)
		;
}

static void check_kicked(struct support *scene, json_t *event, const char *name,
			 unsigned int build)
{
	char function[40], pattern[160];

	snprintf(function, sizeof(function), "fault_%s", name);
	ck_assert_str_eq(support_event_text(scene, event, "entered"), function);
	ck_assert_str_eq(support_event_text(scene, event, "action"), "return");
	ck_assert_int_eq(support_event_number(scene, event, "build"), build);
	ck_assert_ptr_null(json_object_get(event, "signal"));
	snprintf(pattern, sizeof(pattern),
		 "libworker.so #%u kicked: thread [0-9]+ was taken out of "
		 "fault_%s\\(\\) \\(worker.c:[0-9]+\\); fault_%s\\(\\) has "
		 "returned zero$",
		 build, name, name);
	support_message(scene, pattern);
}

static void expect_kicked(struct support *scene, const char *name,
			  unsigned int build)
{
	check_kicked(scene, support_event(scene, "kicked"), name, build);
}

/* One that runs, and one that sleeps. The next call begins as always. */
START_TEST(a_thread_is_taken_out_when_it_is_asked_for)
{
	static const char *const names[] = { "spins", "waits" };
	struct support *scene = begin("asked", "--guard=hold");

	control_command(scene, 0, "kick",
			"no thread of host \\([0-9]+\\) is inside a worker");
	for (int i = 0; i < 4; i++) {
		leave_in(scene, names[i % 2], i + 1);
		control_command(scene, 0, "kick", "1 thread was taken out");
		guard_expect(scene, "join", 0);
		expect_kicked(scene, names[i % 2], 1);
	}
	guard_put(scene, 2);
	guard_expect(scene, "null", 2007);
	guard_end(scene);
}
END_TEST

/* The host's own function goes on, and what the worker makes of it. */
START_TEST(a_thread_in_a_function_of_the_host_is_left)
{
	struct support *scene = begin("callback", "--guard=hold");

	guard_expect(scene, _i ? "sleeper" : "spinner", 7);
	leave_in(scene, "callback", 1);
	control_command(scene, 125, "kick",
			"hotinject: thread [0-9]+ is in a function that "
			"libworker.so has called and that is not its own");
	support_no_event(scene);
	/* another one can be taken out */
	guard_expect(scene, "too spins", 0);
	while (strcmp(support_ask(scene, "count"), "2") != 0)
		;
	control_command(
		scene, 0, "kick",
		"1 thread was taken out; thread [0-9]+ is in a function "
		"that libworker.so has called and that is not its own");
	expect_kicked(scene, "spins", 1);
	guard_expect(scene, "wake", 7);
	guard_expect(scene, "join", 1014);
	guard_end(scene);
}
END_TEST

/* Only one that is in a build before the newest. */
START_TEST(a_thread_is_taken_out_some_time_after_a_new_build)
{
	struct support *scene = begin("hang", "--hang=1");
	json_t *event;

	leave_in(scene, "spins", 1);
	support_put(scene, "build.2.so", "libworker.so", SUPPORT_RENAME);
	/* the one or the other is first */
	do
		event = support_event_any(scene);
	while (!strcmp(support_event_text(scene, event, "event"), "waiting"));
	if (!strcmp(support_event_text(scene, event, "event"), "live")) {
		check_kicked(scene, support_event(scene, "kicked"), "spins", 1);
	} else {
		check_kicked(scene, event, "spins", 1);
		support_event(scene, "live");
	}
	guard_expect(scene, "join", 0);
	guard_expect(scene, "null", 2007);
	guard_expect(scene, "count", 2);
	guard_end(scene);
}
END_TEST

/* It may have locks there. */
START_TEST(a_thread_deep_in_the_c_library_is_left)
{
	struct support *scene = begin("deep", "--guard=hold");

	leave_in(scene, "reads", 1);
	control_command(scene, 125, "kick",
			"hotinject: thread [0-9]+ is in a function that "
			"libworker.so has called and that is not its own");
	guard_expect(scene, "go", 7);
	guard_expect(scene, "join", 1007);
	guard_end(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *kicks = support_tcase(suite, "kicks");

	tcase_add_test(kicks, a_thread_is_taken_out_when_it_is_asked_for);
	tcase_add_loop_test(kicks, a_thread_in_a_function_of_the_host_is_left,
			    0, 2);
	tcase_add_test(kicks, a_thread_deep_in_the_c_library_is_left);
	tcase_add_test(kicks,
		       a_thread_is_taken_out_some_time_after_a_new_build);
}

int main(void)
{
	return support_main("guard_kick", add);
}
