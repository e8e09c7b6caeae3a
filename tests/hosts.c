/*
 * Programs as they are packaged, each with a worker of ours that is rebuilt
 * under it twice.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/own.h"
#include "tests/support_run.h"

static const struct host lua = {
	.name = "lua",
	.words = { "lua5.4", "./worker.so", "--", "host.lua" },
	.question = "ask",
	.builds = { "answer", "object" },
	.counts = { "calls", "thread" },
	.changed = "answer,object_to_string",
};

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

static const struct host rust = {
	.name = "rust",
	.words = { "/usr/bin/python3", "./worker.so", "--", "-u", "host.py" },
	.question = "ask",
	.builds = { "answer", "fresh" },
	.counts = { "calls", "thread", "exported" },
};

/* env(1) runs first; the program that it becomes is the host. */
static const struct host preload = {
	.name = "preload",
	.words = { "env", "./worker.so", "--", "LD_PRELOAD=./worker.so",
		   "/usr/bin/python3", "-u", "host.py" },
	.question = "ask",
	.builds = { "answer" },
	.counts = { "calls", "thread" },
};

static const struct host sqlite = {
	.name = "sqlite",
	.words = { "sqlite3", "./worker.so" },
	.open = ".load ./worker.so",
	.question = "select answer() || ' order=' || group_concat(v, '') from "
		    "(select column1 as v from (values (1), (2), (3)) "
		    "order by cast(v as text) collate worker);",
	.builds = { "answer" },
	.counts = { "calls", "thread" },
	.changed = "answer,collate",
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

/* A hundred buffers a second, and nobody asks for them. */
static const struct host gstreamer_live = {
	.name = "gstreamer",
	.words = { "gst-launch-1.0", "plugins/libworker.so", "--", "-q", "-e",
		   "fakesrc", "is-live=true", "sizetype=fixed", "sizemax=100",
		   "datarate=10000", "format=time", "!", "queue", "!", "answer",
		   "!", "fakesink", "sync=true" },
	.builds = { "answer" },
	.counts = { "calls", "thread", "object" },
	.changed = "transform_ip",
};

static const struct host postgres = {
	.name = "postgres",
	.words = { "bin/postgres", "./worker.so", "--", "--single", "-D",
		   "data", "postgres" },
	.open = "create function answer() returns text as '../worker.so' "
		"language c",
	.question = "select ' ' || answer() || ' '",
	.builds = { "answer" },
	.counts = { "calls", "thread" },
	.changed = "answer",
};

static const struct host sdl = {
	.name = "sdl",
	.words = { "./host", "libworker.so" },
	.linked = true,
	.question = "ask",
	.builds = { "answer" },
	.changed = "draw",
};

START_TEST(lua_calls_new_code_through_closures_and_metatables)
{
	struct run run;

	run_prepare(&run, &lua);
	run_through_all_builds(&run);
}
END_TEST

START_TEST(python_calls_new_code_through_its_method_table_and_types)
{
	struct run run;

	run_prepare(&run, &python);
	run_through_all_builds(&run);
}
END_TEST

START_TEST(ctypes_calls_new_code_through_old_and_fresh_symbols)
{
	struct run run;

	run_prepare(&run, &ctypes);
	run_through_all_builds(&run);
}
END_TEST

START_TEST(a_worker_in_rust_keeps_its_statics_and_thread_locals)
{
	struct run run;

	run_prepare(&run, &rust);
	run_through_all_builds(&run);
}
END_TEST

START_TEST(a_preloaded_library_is_a_worker_too)
{
	struct run run;

	run_prepare(&run, &preload);
	run_through_all_builds(&run);
}
END_TEST

START_TEST(sqlite_calls_new_functions_and_collations)
{
	struct run run;

	run_prepare(&run, &sqlite);
	run_start(&run);
	run_ask_some(&run, 1);
	run_reload(&run, 2);
	ck_assert_ptr_nonnull(
		strstr(run_ask(&run, sqlite.question), "order=321"));
	run.n_answers++;
	run_ask_some(&run, 2);
	run_reload(&run, 3);
	ck_assert_ptr_nonnull(
		strstr(run_ask(&run, sqlite.question), "order=123"));
	run.n_answers++;
	run_ask_some(&run, 3);
	run_end(&run);
}
END_TEST

START_TEST(bash_calls_new_code_of_a_loaded_builtin)
{
	struct run run;

	run_prepare(&run, &bash);
	run_through_all_builds(&run);
}
END_TEST

/* A forked child counts in its own copy of the variables. */
START_TEST(a_subshell_of_bash_has_the_build_that_is_live)
{
	struct run run;

	run_prepare(&run, &bash);
	run_start(&run);
	run_ask_some(&run, 1);
	for (int number = 2; number <= RUN_LAST_BUILD; number++) {
		run_reload(&run, number);
		run_check(&run, run_ask(&run, "(answer)"), number);
		run.n_answers--;
		run_check(&run, run_ask(&run, "answer | cat"), number);
		run.n_answers--;
		run_ask_some(&run, number);
	}
	run_end(&run);
}
END_TEST

/* Nothing but the core elements and ours, and no registry in the home. */
static void prepare_gstreamer(struct run *run, const struct host *host)
{
	run_prepare(run, host);
	setenv("GST_REGISTRY", support_path(run->scene, "registry"), 1);
	setenv("GST_REGISTRY_FORK", "no", 1);
	setenv("GST_PLUGIN_SYSTEM_PATH", support_path(run->scene, "none"), 1);
	setenv("GST_PLUGIN_PATH", support_path(run->scene, "plugins"), 1);
}

START_TEST(gstreamer_calls_new_code_through_the_class_of_an_element)
{
	struct run run;

	prepare_gstreamer(&run, &gstreamer);
	run_through_all_builds(&run);
}
END_TEST

/* All answers of the live pipeline until one is given by NUMBER. */
static void read_until(struct run *run, int number)
{
	const char *line;
	bool found;

	do {
		line = support_line_like(run->scene, "answer=");
		found = support_number(run->scene, line, "answer") == number;
		run_check(run, line, found ? number : number - 1);
	} while (!found);
}

START_TEST(a_live_pipeline_loses_no_buffer_at_a_reload)
{
	struct run run;

	prepare_gstreamer(&run, &gstreamer_live);
	run_start(&run);
	read_until(&run, 1);
	for (int number = 2; number <= RUN_LAST_BUILD; number++) {
		run_reload(&run, number);
		read_until(&run, number);
		for (int i = 0; i < 10; i++)
			run_check(&run, support_line_like(run.scene, "answer="),
				  number);
	}
	/* With -e it sends the end of the stream and ends well. */
	ck_assert_int_eq(kill(support_get_host_pid(run.scene), SIGINT), 0);
	run_end(&run);
}
END_TEST

/* PostgreSQL refuses to be root: hotinject as a whole is somebody else. */
static void prepare_postgres(struct run *run)
{
	const char *tool = getenv("HOTINJECT");
	char *HI_FREE absolute =
		realpath(tool ? tool : "build/hotinject", NULL);
	char *HI_FREE script =
		realpath("tests/hosts/postgres/as-postgres", NULL);

	ck_assert_ptr_nonnull(absolute);
	ck_assert_ptr_nonnull(script);
	setenv("TOOL", absolute, 1);
	setenv("HOTINJECT", script, 1);
	run_prepare(run, &postgres);
	support_shell(run->scene,
		      "TOOL=bin/initdb %s -D data -A trust --no-sync "
		      "--no-locale -E UTF8",
		      script);
}

START_TEST(postgresql_calls_new_code_of_a_function_in_sql)
{
	struct run run;

	prepare_postgres(&run);
	run_through_all_builds(&run);
}
END_TEST

/* A display for this test that ends with this test, however that ends. */
static pid_t start_xvfb(void)
{
	char number[20], display[30];
	FILE *answer;
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(ends[1], STDOUT_FILENO);
		execlp("Xvfb", "Xvfb", "-displayfd", "1", "-screen", "0",
		       "64x64x24", "-nolisten", "tcp", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	answer = fdopen(ends[0], "r");
	ck_assert_ptr_nonnull(answer);
	ck_assert_msg(fgets(number, sizeof(number), answer) != NULL,
		      "Xvfb did not start");
	fclose(answer);
	number[strcspn(number, "\n")] = '\0';
	snprintf(display, sizeof(display), ":%s", number);
	setenv("DISPLAY", display, 1);
	return pid;
}

static void end_xvfb(pid_t pid)
{
	kill(pid, SIGTERM);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/*
 * Frames are drawn all the time. Each asks the worker once, so both count the
 * same.
 */
static void ask_frames(struct run *run, int number, const char *driver)
{
	for (int i = 0; i < 3; i++) {
		const char *line = run_ask(run, run->host->question);

		run_check(run, line, number);
		ck_assert_msg(support_has_word(line, driver), "%s", line);
		ck_assert_int_eq(support_number(run->scene, line, "calls"),
				 support_number(run->scene, line, "frames"));
		ck_assert_int_eq(support_number(run->scene, line, "green"),
				 number == RUN_LAST_BUILD ? 2 * number : 0);
	}
}

static void draw_with(const char *driver)
{
	char word[50];
	struct run run;

	setenv("SDL_VIDEODRIVER", driver, 1);
	snprintf(word, sizeof(word), "driver=%s", driver);
	run_prepare(&run, &sdl);
	run_start(&run);
	ask_frames(&run, 1, word);
	for (int number = 2; number <= RUN_LAST_BUILD; number++) {
		run_reload(&run, number);
		ask_frames(&run, number, word);
	}
	run_end(&run);
}

START_TEST(an_sdl_window_shows_the_new_colour)
{
	draw_with("dummy");
}
END_TEST

START_TEST(an_sdl_window_under_x_shows_the_new_colour)
{
	pid_t xvfb = start_xvfb();

	draw_with("x11");
	end_xvfb(xvfb);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "hosts");

	tcase_add_test(tcase,
		       lua_calls_new_code_through_closures_and_metatables);
	tcase_add_test(
		tcase,
		python_calls_new_code_through_its_method_table_and_types);
	tcase_add_test(tcase,
		       ctypes_calls_new_code_through_old_and_fresh_symbols);
	tcase_add_test(tcase,
		       a_worker_in_rust_keeps_its_statics_and_thread_locals);
	tcase_add_test(tcase, a_preloaded_library_is_a_worker_too);
	tcase_add_test(tcase, sqlite_calls_new_functions_and_collations);
	tcase_add_test(tcase, bash_calls_new_code_of_a_loaded_builtin);
	tcase_add_test(tcase, a_subshell_of_bash_has_the_build_that_is_live);
	tcase_add_test(
		tcase,
		gstreamer_calls_new_code_through_the_class_of_an_element);
	tcase_add_test(tcase, a_live_pipeline_loses_no_buffer_at_a_reload);
	tcase_add_test(tcase, postgresql_calls_new_code_of_a_function_in_sql);
	tcase_add_test(tcase, an_sdl_window_shows_the_new_colour);
	tcase_add_test(tcase, an_sdl_window_under_x_shows_the_new_colour);
}

int main(void)
{
	return support_main("hosts", add);
}
