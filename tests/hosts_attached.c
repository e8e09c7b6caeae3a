/*
 * Programs as they are packaged, which run and are busy when they are attached to:
 * their worker is rebuilt twice, hotinject leaves, and they go on with what they have.
 *
 * With HOTINJECT_TEST_MORE_HOSTS=1, those as well that take long to install.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/own.h"
#include "tests/support_run.h"

static const struct host python = {
	.name = "python",
	.words = { "/usr/bin/python3", "./worker.so", "--", "-u", "host.py" },
	.question = "ask",
	.builds = { "answer", "object" },
	.counts = { "calls", "thread", "module" },
	.changed = "answer,object_str",
};

static const struct host ctypes = {
	.name = "ctypes",
	.words = { "/usr/bin/python3", "./worker.so", "--", "-u", "host.py" },
	.question = "ask",
	.builds = { "answer", "fresh" },
	.counts = { "calls", "thread", "exported" },
};

static const struct host luajit = {
	.name = "luajit",
	.words = { "luajit", "./worker.so", "--", "host.lua" },
	.question = "ask",
	.builds = { "answer", "fresh" },
	.counts = { "calls", "thread" },
	.changed = "answer,number",
};

static const struct host bash = {
	.name = "bash",
	.words = { "bash", "./worker.so" },
	.open = "enable -f ./worker.so answer",
	.question = "answer",
	.builds = { "answer" },
	.counts = { "calls", "thread", "exported" },
	.changed = "answer_builtin",
};

static const struct host gstreamer = {
	.name = "gstreamer",
	.words = { "gst-launch-1.0", "plugins/libworker.so", "--", "-q",
		   "fdsrc", "fd=0", "!", "answer", "!", "fakesink" },
	.question = "a buffer",
	.builds = { "answer" },
	.counts = { "calls", "thread", "object" },
	.changed = "transform_ip",
};

/* The server is another user's, unless that user runs the test. */
static const struct host postgres = {
	.name = "postgres",
	.words = { "sh", "./worker.so", "--", "./serve" },
	.open = "create function answer() returns text as '../worker.so' "
		"language c;",
	.question = "select ' ' || answer() || ' ';",
	.builds = { "answer" },
	.counts = { "calls", "thread" },
	.changed = "answer",
};

/* Null pointers are followed all the time: SIGSEGV is an exception of its own. */
static const struct host java = {
	.name = "java",
	.words = { "java", "./worker.so", "--", "-Xmx64m", "Host" },
	.question = "ask",
	.builds = { "answer", "registered" },
	.counts = { "calls", "thread" },
	.changed = "Java_Host_answer,number",
};

static const struct host node = {
	.name = "node",
	.words = { "node", "./worker.node", "--", "host.js" },
	.question = "ask",
	.builds = { "answer" },
	.counts = { "calls", "thread" },
	.changed = "answer",
};

static const struct host nginx = {
	.name = "nginx",
	.words = { "sh", "./worker.so", "--", "./serve" },
	.question = "ask",
	.builds = { "answer" },
	.counts = { "calls", "thread" },
	.changed = "handle",
};

/* The host as it is without hotinject: its words but for the worker. */
static void start(struct run *run, const struct host *host)
{
	const char *words[RUN_MAX_WORDS] = { host->words[0] };

	for (size_t i = 3; host->words[1] && host->words[2] && host->words[i];
	     i++)
		words[i - 2] = host->words[i];
	run_prepare(run, host);
	support_start_plain_words(run->scene, words);
	if (host->open)
		support_tell(run->scene, host->open);
	run_ask_some(run, 1);
}

/* A line of the host, which begins with WORD=, has the number of its process. */
static void take_process(struct run *run, const char *question,
			 const char *word)
{
	const char *line;

	if (question)
		support_tell(run->scene, question);
	line = support_line_like(run->scene, word);
	support_set_host_pid(run->scene,
			     (pid_t)support_number(run->scene, line, word));
}

/* Descriptors and files that are mapped. */
static void note_state(struct run *run, const char *file)
{
	int pid = support_get_host_pid(run->scene);

	support_shell(run->scene,
		      "{ readlink /proc/%d/fd/* | sort; "
		      "awk '$6 ~ /^\\// { print $6 }' /proc/%d/maps | "
		      "sort -u; } >%s",
		      pid, pid, file);
}

static void attach_and_leave(struct run *run)
{
	struct support *scene = run->scene;

	note_state(run, "before");
	support_attach(scene, run->host->words[1], NULL);
	support_event(scene, "ready");
	run_ask_some(run, 1);
	for (int number = 2; number <= RUN_LAST_BUILD; number++) {
		run_reload(run, number);
		run_ask_some(run, number);
	}
	ck_assert_int_eq(support_detach(scene), 0);
	support_event(scene, "detached");
	run_ask_some(run, RUN_LAST_BUILD);
	note_state(run, "after");
	support_shell(scene, "diff before after | grep '^>' | grep -v "
			     "hotinject; test $? = 1");
	run_end(run);
}

static const struct host *const hosts[] = { &python, &ctypes, &luajit, &bash };

START_TEST(an_interpreter_is_attached_to_and_left)
{
	struct run run;

	start(&run, hosts[_i]);
	attach_and_leave(&run);
}
END_TEST

START_TEST(a_pipeline_is_attached_to_and_left)
{
	struct run run;

	setenv("GST_REGISTRY_FORK", "no", 1);
	setenv("GST_REGISTRY", "registry", 1);
	setenv("GST_PLUGIN_SYSTEM_PATH", "none", 1);
	setenv("GST_PLUGIN_PATH", "plugins", 1);
	start(&run, &gstreamer);
	attach_and_leave(&run);
}
END_TEST

START_TEST(a_backend_of_postgresql_is_attached_to_and_left)
{
	char *HI_FREE script =
		realpath("tests/hosts/postgres/as-postgres", NULL);
	struct run run;

	ck_assert_ptr_nonnull(script);
	setenv("AS_POSTGRES", script, 1);
	start(&run, &postgres);
	take_process(&run, "select ' pid=' || pg_backend_pid();", "pid");
	attach_and_leave(&run);
}
END_TEST

/* The null pointers of one thread are still exceptions, and no call is lost. */
START_TEST(a_java_machine_is_attached_to_and_left)
{
	struct run run;

	start(&run, &java);
	attach_and_leave(&run);
}
END_TEST

START_TEST(a_node_addon_is_swapped_in_a_process_that_runs)
{
	struct run run;

	start(&run, &node);
	attach_and_leave(&run);
}
END_TEST

START_TEST(a_worker_process_of_nginx_is_attached_to_and_left)
{
	struct run run;

	start(&run, &nginx);
	take_process(&run, "pid", "pid");
	attach_and_leave(&run);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "attached");

	tcase_add_loop_test(tcase, an_interpreter_is_attached_to_and_left, 0,
			    (int)(sizeof(hosts) / sizeof(*hosts)));
	tcase_add_test(tcase, a_pipeline_is_attached_to_and_left);
	tcase_add_test(tcase, a_backend_of_postgresql_is_attached_to_and_left);
	if (!getenv("HOTINJECT_TEST_MORE_HOSTS"))
		return;
	tcase_add_test(tcase, a_java_machine_is_attached_to_and_left);
	tcase_add_test(tcase, a_node_addon_is_swapped_in_a_process_that_runs);
	tcase_add_test(tcase,
		       a_worker_process_of_nginx_is_attached_to_and_left);
}

int main(void)
{
	return support_main("hosts_attached", add);
}
