/*
 * hotinject is killed in the middle of its work: the host, whose threads it may have
 * stopped or borrowed, goes on as if nothing had been. Or the host is killed: that is its
 * end, of which no build is to blame.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support_case.h"
#include "tests/support_scene.h"

#define WORKER "libworker.so"
#define STORY  "tests/cases/callers"

enum {
	N_KILLS = 40,
	STEP_NS = 12500,    /* moments of a kill: 1, 4, 9, ... of these */
	N_FUNCTIONS = 3000, /* more than fit into the table of build 1 */
};

/* The kill needs no condition, only another moment each time. */
static void let_pass(long ns)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec -
		       start.tv_nsec <
	       ns);
}

/* Build 2 needs room for more functions, so that the host has to map memory. */
static struct support *compile(const char *name)
{
	struct support *scene = support_new(name);

	support_shell(scene,
		      "for i in $(seq %d); do"
		      " echo \"int more_$i(void) { return $i; }\";"
		      " done >more.h",
		      N_FUNCTIONS);
	support_compile_worker(scene, STORY, &support_plain_variant, "", 1);
	support_compile_worker(scene, STORY, &support_plain_variant,
			       "-include more.h", 2);
	support_compile_worker(scene, STORY, &support_plain_variant, "", 3);
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_compile_host(scene, STORY, &support_plain_variant, "");
	return scene;
}

static void expect_right(struct support *scene, const char *question,
			 const char *word)
{
	const char *answer = support_ask(scene, question);

	if (!support_has_word(answer, word))
		support_fail(scene, "after \"%s\": %s", question, answer);
}

static void kill_after(struct support *scene, long ns, bool again)
{
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_start(scene, "--wait=50", "./host", WORKER, "--", "4", NULL);
	support_event(scene, "ready");
	expect_right(scene, "any", "wrong=0");
	if (again) {
		support_put(scene, "build.3.so", WORKER, SUPPORT_RENAME);
		support_event(scene, "live");
	}
	support_put(scene, "build.2.so", WORKER, SUPPORT_RENAME);
	let_pass(ns);
	support_forget_events(scene);
	support_kill_tool(scene);
	expect_right(scene, "any", "wrong=0");
	expect_right(scene, "any", "wrong=0");
	expect_right(scene, "stop", "lost=0");
	ck_assert_int_eq(support_end(scene), 0);
}

START_TEST(a_host_outlives_hotinject_whenever_that_is_killed)
{
	struct support *scene = compile("kill");

	for (long i = 0; i < N_KILLS; i++)
		kill_after(scene, i * i * STEP_NS, _i == 1);
	support_free(scene);
}
END_TEST

/* N_THREADS: without others, the first is the one that is borrowed. */
static void kill_host_after(struct support *scene, long ns,
			    const char *n_threads)
{
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_start(scene, "--wait=50", "./host", WORKER, "--", n_threads,
		      NULL);
	support_event(scene, "ready");
	support_put(scene, "build.2.so", WORKER, SUPPORT_RENAME);
	let_pass(ns);
	support_forget_events(scene);
	ck_assert_int_eq(kill(support_get_host_pid(scene), SIGKILL), 0);
	ck_assert_int_eq(support_wait(scene), 128 + SIGKILL);
}

START_TEST(a_host_that_is_killed_has_ended_whatever_is_under_way)
{
	struct support *scene = compile("host");
	char *messages;

	for (long i = 0; i < N_KILLS; i++)
		kill_host_after(scene, i * i * STEP_NS, _i == 1 ? "4" : "0");
	messages = support_messages(scene);
	ck_assert_ptr_null(strstr(messages, "refused"));
	ck_assert_ptr_null(strstr(messages, "error"));
	free(messages);
	support_free(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "kill");

	tcase_add_loop_test(
		tcase, a_host_outlives_hotinject_whenever_that_is_killed, 0, 2);
	tcase_add_loop_test(
		tcase, a_host_that_is_killed_has_ended_whatever_is_under_way, 0,
		2);
}

int main(void)
{
	return support_main("kill", add);
}
