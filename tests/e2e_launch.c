/*
 * The start and the end of a host, which sees nothing of hotinject, and how its worker
 * is found.
 */
#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/own.h"
#include "tests/support_case.h"

#define WORKER     "libworker.so"
#define STORY      "tests/cases/launched"
#define LEN(array) (int)(sizeof(array) / sizeof(*(array)))

static struct support *make(const char *name)
{
	struct support *scene = support_new(name);

	support_compile_worker(scene, STORY, &support_plain_variant, "", 1);
	support_compile_worker(scene, STORY, &support_plain_variant, "", 2);
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_compile_host(scene, STORY, &support_plain_variant, "");
	return scene;
}

static void finish(struct support *scene)
{
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}

/* The host is there, and takes a new build. */
static void expect_reload(struct support *scene)
{
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	support_put(scene, "build.2.so", WORKER, SUPPORT_RENAME);
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
}

/* --- the end ---------------------------------------------------------------- */

static const int statuses[] = { 0, 1, 77, 125, 126, 127, 128, 255 };

START_TEST(the_exit_status_is_the_host_s)
{
	struct support *scene = make("status");
	char question[40];
	json_t *event;

	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	snprintf(question, sizeof(question), "exit %d", statuses[_i]);
	support_tell(scene, question);
	event = support_event(scene, "exit");
	ck_assert_int_eq(support_event_number(scene, event, "status"),
			 statuses[_i]);
	ck_assert_int_eq(support_end(scene), statuses[_i]);
	support_free(scene);
}
END_TEST

static const int deadly[] = { SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGUSR1 };

START_TEST(a_signal_that_ends_the_host_gives_128_and_its_number)
{
	struct support *scene = make("killed");
	char question[40];

	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	snprintf(question, sizeof(question), "raise %d", deadly[_i]);
	support_tell(scene, question);
	ck_assert_int_eq(support_end(scene), 128 + deadly[_i]);
	support_free(scene);
}
END_TEST

START_TEST(a_host_killed_from_outside_gives_128_and_the_number)
{
	struct support *scene = make("kill");

	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	ck_assert_int_eq(kill(support_get_host_pid(scene), deadly[_i]), 0);
	ck_assert_int_eq(support_end(scene), 128 + deadly[_i]);
	support_free(scene);
}
END_TEST

static const int forwarded[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT };

START_TEST(a_signal_to_hotinject_reaches_the_host)
{
	struct support *scene = make("forward");
	char answer[40];

	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	snprintf(answer, sizeof(answer), "handle %d", forwarded[_i]);
	ck_assert_str_eq(support_ask(scene, answer), "handled");
	support_signal(scene, forwarded[_i]);
	snprintf(answer, sizeof(answer), "signal=%d", forwarded[_i]);
	ck_assert_str_eq(support_line(scene), answer);
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	finish(scene);
}
END_TEST

START_TEST(a_signal_that_the_host_does_not_handle_ends_both)
{
	struct support *scene = make("term");

	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	support_signal(scene, forwarded[_i]);
	ck_assert_int_eq(support_wait(scene), 128 + forwarded[_i]);
	support_free(scene);
}
END_TEST

START_TEST(signals_to_the_host_are_its_own)
{
	struct support *scene = make("signals");

	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "handle 10"), "handled");
	for (int i = 0; i < 5; i++) {
		kill(support_get_host_pid(scene), SIGUSR1);
		ck_assert_str_eq(support_line(scene), "signal=10");
	}
	kill(support_get_host_pid(scene), SIGSTOP);
	support_put(scene, "build.2.so", WORKER, SUPPORT_RENAME);
	support_tell(scene, "value");
	kill(support_get_host_pid(scene), SIGCONT);
	if (strcmp(support_line(scene), "value=2") != 0) {
		support_event(scene, "live");
		ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	} else {
		support_event(scene, "live");
	}
	finish(scene);
}
END_TEST

/* --- the start -------------------------------------------------------------- */

START_TEST(the_host_is_found_in_path)
{
	struct support *scene = make("path");
	char path[4000];

	snprintf(path, sizeof(path), "%s:%s", support_path(scene, ""),
		 getenv("PATH"));
	setenv("PATH", path, 1);
	support_start(scene, "host", WORKER, NULL);
	expect_reload(scene);
	finish(scene);
}
END_TEST

static const char *const scripts[] = {
	"#!/bin/sh\nexec ./host \"$@\"\n",
	"#!/bin/sh\n/bin/true; exec env -i ./host \"$@\"\n",
	"#!/usr/bin/env bash\nunset LD_PRELOAD; exec nice -n 0 ./host \"$@\"\n",
	"exec ./host \"$@\"\n",
};

START_TEST(a_script_may_exec_the_host)
{
	struct support *scene = make("script");
	json_t *event;

	support_write(scene, "start.sh", scripts[_i]);
	support_shell(scene, "chmod 755 start.sh");
	if (_i < LEN(scripts) - 1)
		support_start(scene, "./start.sh", WORKER, "--", "a b", NULL);
	else
		support_start(scene, "sh", WORKER, "--", "start.sh", "a b",
			      NULL);
	/* The shell itself has no worker. */
	do
		event = support_event_any(scene);
	while (!strcmp(support_event_text(scene, event, "event"), "absent"));
	ck_assert_str_eq(support_event_text(scene, event, "event"), "ready");
	ck_assert_str_eq(support_ask(scene, "arguments"), "[a b]");
	support_put(scene, "build.2.so", WORKER, SUPPORT_RENAME);
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	finish(scene);
}
END_TEST

START_TEST(arguments_after_the_dashes_are_the_host_s)
{
	struct support *scene = make("arguments");

	support_start(scene, "./host", WORKER, "--", "--wait=1", "", "a b",
		      "--", "$HOME", NULL);
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "arguments"),
			 "[--wait=1][][a b][--][$HOME]");
	finish(scene);
}
END_TEST

/* What the host says of QUESTION, under hotinject or alone. */
static const char *ask_once(struct support *scene, bool plain,
			    const char *question)
{
	const char *answer;

	if (plain)
		support_start_plain(scene, "./host", NULL);
	else
		support_start(scene, "./host", WORKER, NULL);
	if (!plain)
		support_event(scene, "ready");
	answer = strdup(support_ask(scene, question));
	ck_assert_int_eq(support_end(scene), 0);
	return answer;
}

/* The host's own view of itself, for which hotinject must not be there. */
static const char *const views[] = {
	"environment", "child's environment",
	"descriptors", "signal masks",
	"preload",     "child's descriptors",
	"limits",      "threads",
	"arguments",   "errno",
};

START_TEST(the_host_sees_the_same_as_without_hotinject)
{
	struct support *scene = make("same");
	const char *alone, *traced;

	if (_i >= LEN(views)) {
		support_write(scene, "user.c", "int user_preloaded = 1;");
		support_shell(scene, "gcc -shared -fPIC -o libuser.so user.c");
		setenv("LD_PRELOAD", support_path(scene, "libuser.so"), 1);
	}
	alone = ask_once(scene, true, views[_i % LEN(views)]);
	traced = ask_once(scene, false, views[_i % LEN(views)]);
	ck_assert_str_eq(traced, alone);
	support_free(scene);
}
END_TEST

START_TEST(standard_output_is_the_host_s_alone)
{
	struct support *scene = make("output");
	char *messages;

	support_start(scene, "-v", "./host", WORKER, NULL);
	expect_reload(scene);
	/* expect_reload() has read whole lines: nothing else was there. */
	ck_assert_int_eq(support_end(scene), 0);
	messages = support_messages(scene);
	ck_assert_ptr_nonnull(strstr(messages, "hotinject: "));
	free(messages);
	support_free(scene);
}
END_TEST

/* What is closed, and which of 0, 1 and 2 the program then has. */
static const struct closing {
	const char *closed, *open;
} closings[] = {
	{ "<&-", "[12]" },
	{ ">&-", "[02]" },
	{ "2>&-", "[01]" },
	{ "<&- >&- 2>&-", "[]" },
};

/*
 * hotinject's own files must not take the places of the streams: a message would go
 * into one of them. The host talks over 8 and 9.
 */
START_TEST(standard_streams_may_be_closed)
{
	struct support *scene = make("closed");
	char tool[200];

	snprintf(tool, sizeof(tool),
		 "#!/bin/sh\nexec \"$HOTINJECT\" -v \"$@\" 8<&0 9>&1 %s\n",
		 closings[_i].closed);
	support_write(scene, "closed", tool);
	support_write(scene, "start.sh",
		      "#!/bin/sh\n"
		      "for fd in 0 1 2; do"
		      " test -e /proc/$$/fd/$fd && open=$open$fd; done\n"
		      "exec ./host \"$open\" <&8 >&9\n");
	support_use_tool(scene, "closed");
	support_start(scene, "./start.sh", WORKER, NULL);
	support_event(scene, "absent");
	expect_reload(scene);
	ck_assert_str_eq(support_ask(scene, "arguments"), closings[_i].open);
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	finish(scene);
}
END_TEST

START_TEST(events_need_an_open_standard_output)
{
	struct support *scene = make("events");

	support_shell(scene,
		      "\"$HOTINJECT\" --events=- true " WORKER
		      " >&- 2>said; test $? = 125 && grep '^hotinject: events "
		      "cannot be written to standard output: Bad file' said");
	support_free(scene);
}
END_TEST

START_TEST(quiet_says_nothing_of_what_went_well)
{
	struct support *scene = make("quiet");
	char *messages;

	support_start(scene, "-q", "./host", WORKER, NULL);
	expect_reload(scene);
	ck_assert_int_eq(support_end(scene), 0);
	messages = support_messages(scene);
	ck_assert_str_eq(messages, "");
	free(messages);
	support_free(scene);
}
END_TEST

/* --- the worker's name ------------------------------------------------------- */

START_TEST(a_worker_is_looked_up_as_the_loader_does)
{
	struct support *scene = make("lookup");

	support_compile_host(scene, STORY, &support_plain_variant,
			     "-Wl,-rpath,'$ORIGIN/lib'");
	support_shell(scene, "mkdir lib && mv " WORKER " lib");
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	support_put(scene, "build.2.so", "lib/" WORKER, SUPPORT_RENAME);
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	finish(scene);
}
END_TEST

START_TEST(the_library_path_counts_in_the_look_up)
{
	struct support *scene = make("library-path");

	support_shell(scene, "mkdir lib && mv " WORKER " lib && mv host lib");
	setenv("LD_LIBRARY_PATH", support_path(scene, "lib"), 1);
	support_start(scene, "lib/host", WORKER, NULL);
	support_event(scene, "ready");
	support_put(scene, "build.2.so", "lib/" WORKER, SUPPORT_IN_PLACE);
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	finish(scene);
}
END_TEST

START_TEST(a_worker_may_be_named_by_another_path)
{
	struct support *scene = make("other-path");
	static const char *const paths[] = { "./libworker.so",
					     "real/../libworker.so",
					     "link/libworker.so",
					     "libother.so" };

	support_shell(scene, "mkdir real && ln -s . link &&"
			     " ln -s libworker.so libother.so");
	support_start(scene, "./host", paths[_i], NULL);
	expect_reload(scene);
	finish(scene);
}
END_TEST

START_TEST(a_chain_of_version_links_is_followed)
{
	struct support *scene = make("chain");

	/* Built as libtool does: a new file, then the links anew. */
	support_shell(scene, "mv build.1.so libworker.so.1.0 &&"
			     " ln -sf libworker.so.1.0 libworker.so.1 &&"
			     " ln -sf libworker.so.1 libworker.so");
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	support_put(scene, "build.2.so", "libworker.so.1.0", SUPPORT_ANEW);
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	support_compile_worker(scene, STORY, &support_plain_variant, "", 3);
	support_shell(scene, "mv build.3.so libworker.so.1.1 &&"
			     " ln -sf libworker.so.1.1 libworker.so.1.new &&"
			     " mv libworker.so.1.new libworker.so.1");
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), "value=3");
	finish(scene);
}
END_TEST

START_TEST(two_workers_are_reloaded_each_for_itself)
{
	struct support *scene = make("two");

	support_write(scene, "second.c",
		      "int second_value(void) { return SECOND; }");
	support_shell(scene, "for i in 1 2; do gcc -g -O2 -shared -fPIC"
			     " -DSECOND=$i -o second.$i.so second.c; done;"
			     " cp second.1.so libsecond.so");
	support_shell(scene,
		      "gcc -DSECOND_WORKER -g -O2 -o host %s -L."
		      " -lworker -lsecond -Wl,-rpath,'$ORIGIN'",
		      support_source(scene, STORY "/host.c"));
	support_start(scene, "./host", WORKER, "libsecond.so", NULL);
	support_event(scene, "ready");
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1 second=1");
	support_put(scene, "second.2.so", "libsecond.so", SUPPORT_RENAME);
	ck_assert_str_eq(support_event_text(scene, support_event(scene, "live"),
					    "worker"),
			 "libsecond.so");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1 second=2");
	support_put(scene, "build.2.so", WORKER, SUPPORT_RENAME);
	ck_assert_str_eq(support_event_text(scene, support_event(scene, "live"),
					    "worker"),
			 WORKER);
	ck_assert_str_eq(support_ask(scene, "value"), "value=2 second=2");
	finish(scene);
}
END_TEST

/* Small functions, which dlsym() has to answer for: those of both workers. */
START_TEST(dlsym_answers_for_two_workers)
{
	struct support *scene = make("answers");

	support_write(scene, "host.c",
		      "#include <dlfcn.h>\n#include <stdio.h>\n"
		      "int main(void) {\n"
		      "	int (*one)(void) = dlsym(RTLD_DEFAULT, \"one\");\n"
		      "	int (*two)(void) = dlsym(RTLD_DEFAULT, \"two\");\n"
		      "	char line[100];\n"
		      "	while (fgets(line, sizeof(line), stdin)) {\n"
		      "		printf(\"one=%d two=%d\\n\", one(), two());\n"
		      "		fflush(stdout);\n"
		      "	}\n"
		      "}\n");
	support_shell(scene,
		      "for i in one two; do for n in 0 1; do"
		      " echo \"int $i(void) { return $n; }\" >$i.c &&"
		      " gcc -Os -shared -fPIC -o $i.$n.so $i.c; done;"
		      " cp $i.0.so lib$i.so; done;"
		      " gcc -o host host.c -Wl,--no-as-needed -L. -lone -ltwo"
		      " -Wl,-rpath,'$ORIGIN'");
	support_start(scene, "./host", "libone.so", "libtwo.so", NULL);
	support_event(scene, "ready");
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "value"), "one=0 two=0");
	support_put(scene, "one.1.so", "libone.so", SUPPORT_RENAME);
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), "one=1 two=0");
	support_put(scene, "two.1.so", "libtwo.so", SUPPORT_RENAME);
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), "one=1 two=1");
	finish(scene);
}
END_TEST

static void add_end(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "end");

	tcase_add_loop_test(tcase, the_exit_status_is_the_host_s, 0,
			    LEN(statuses));
	tcase_add_loop_test(
		tcase, a_signal_that_ends_the_host_gives_128_and_its_number, 0,
		LEN(deadly));
	tcase_add_loop_test(tcase,
			    a_host_killed_from_outside_gives_128_and_the_number,
			    0, LEN(deadly));
	tcase_add_loop_test(tcase, a_signal_to_hotinject_reaches_the_host, 0,
			    LEN(forwarded));
	tcase_add_loop_test(tcase,
			    a_signal_that_the_host_does_not_handle_ends_both, 0,
			    LEN(forwarded));
	tcase_add_test(tcase, signals_to_the_host_are_its_own);
}

static void add_start(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "start");

	tcase_add_test(tcase, the_host_is_found_in_path);
	tcase_add_loop_test(tcase, a_script_may_exec_the_host, 0, LEN(scripts));
	tcase_add_test(tcase, arguments_after_the_dashes_are_the_host_s);
	tcase_add_loop_test(tcase, the_host_sees_the_same_as_without_hotinject,
			    0, 2 * LEN(views));
	tcase_add_test(tcase, standard_output_is_the_host_s_alone);
	tcase_add_loop_test(tcase, standard_streams_may_be_closed, 0,
			    LEN(closings));
	tcase_add_test(tcase, events_need_an_open_standard_output);
	tcase_add_test(tcase, quiet_says_nothing_of_what_went_well);
}

static void add_worker(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "worker");

	tcase_add_test(tcase, a_worker_is_looked_up_as_the_loader_does);
	tcase_add_test(tcase, the_library_path_counts_in_the_look_up);
	tcase_add_loop_test(tcase, a_worker_may_be_named_by_another_path, 0, 4);
	tcase_add_test(tcase, a_chain_of_version_links_is_followed);
	tcase_add_test(tcase, two_workers_are_reloaded_each_for_itself);
	tcase_add_test(tcase, dlsym_answers_for_two_workers);
}

static void add(Suite *suite)
{
	add_end(suite);
	add_start(suite);
	add_worker(suite);
}

int main(void)
{
	return support_main("launch", add);
}
