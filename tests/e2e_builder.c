/*
 * --build: a source that changes has the user's build run, whose output counts when it
 * fails; the host runs on whatever comes of it.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/own.h"
#include "tests/support_case.h"

#define WORKER "libworker.so"
#define STORY  "tests/cases/launched"

/* What make(1) makes of value.h and the story's worker. */
static struct support *make(const char *name)
{
	struct support *scene = support_new(name);

	support_shell(scene, "mkdir -p src/deep && cp %s src",
		      support_source(scene, STORY "/worker.c"));
	support_write(scene, "src/deep/value.h", "#define BUILD 1\n");
	support_write(scene, "Makefile",
		      WORKER ": src/worker.c src/deep/value.h\n"
			     "	@echo making\n"
			     "	@gcc -g -O2 -fPIC -shared -Wl,-soname," WORKER
			     " -include src/deep/value.h -o $@.new $<\n"
			     "	@mv $@.new $@\n");
	support_shell(scene, "make");
	support_compile_host(scene, STORY, &support_plain_variant, "");
	return scene;
}

static void start(struct support *scene, const char *command)
{
	support_start(scene, command, "./host", WORKER, NULL);
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
}

static void finish(struct support *scene)
{
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}

/* The build has run N times, with STATUS; a new one is live as NUMBER, 0: none is. */
static void expect_runs(struct support *scene, int n, int status, int number)
{
	bool live = number == 0;

	while (n > 0 || !live) {
		json_t *event = support_event_any(scene);
		const char *kind = support_event_text(scene, event, "event");

		if (strcmp(kind, "ignored") == 0)
			continue;
		if (strcmp(kind, "live") == 0) {
			ck_assert(!live);
			ck_assert_int_eq(support_event_number(scene, event,
							      "build"),
					 number);
			live = true;
			continue;
		}
		ck_assert_str_eq(kind, "built");
		ck_assert_int_gt(n, 0);
		ck_assert_int_eq(support_event_number(scene, event, "status"),
				 status);
		n--;
	}
}

static void expect_built(struct support *scene, int status, int number)
{
	expect_runs(scene, 1, status, number);
}

START_TEST(a_source_that_changes_is_built_and_goes_live)
{
	struct support *scene = make("changes");

	start(scene, "--build=make");
	support_write(scene, "src/deep/value.h", "#define BUILD 2\n");
	expect_built(scene, 0, 2);
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	support_message(scene, "^hotinject: 'make' has run \\(.*s\\)$");
	/* as an editor does that writes another file and renames it */
	support_shell(scene, "echo '#define BUILD 3' >src/deep/.value.h.swp && "
			     "mv src/deep/.value.h.swp src/deep/value.h");
	expect_built(scene, 0, 3);
	ck_assert_str_eq(support_ask(scene, "value"), "value=3");
	finish(scene);
}
END_TEST

START_TEST(what_is_no_change_of_a_source_is_not_built)
{
	struct support *scene = make("no-change");

	start(scene, "-bmake");
	support_write(scene, "src/deep/value.h", "#define BUILD 2\n");
	expect_built(scene, 0, 2);
	support_write(scene, "src/deep/value.h", "#define BUILD 2\n");
	support_write(scene, "src/deep/value.txt", "#define BUILD 3\n");
	support_shell(scene, "mkdir src/.git && echo >src/.git/value.h");
	support_write(scene, "src/deep/value.h", "#define BUILD 3\n");
	expect_built(scene, 0, 3);
	support_no_event(scene);
	finish(scene);
}
END_TEST

START_TEST(a_build_that_fails_shows_its_errors_and_the_host_runs_on)
{
	struct support *scene = make("fails");
	char *HI_FREE messages = NULL;

	start(scene, "--build=make");
	support_write(scene, "src/deep/value.h",
		      "#define BUILD nothing_such\n");
	expect_built(scene, 2, 0);
	support_message(scene, "nothing_such.* undeclared");
	support_message(scene,
			"^hotinject: 'make' failed with status 2 \\(.*s\\)$");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	support_write(scene, "src/deep/value.h", "#define BUILD 2\n");
	expect_built(scene, 0, 2);
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	/* what went well is not shown */
	messages = support_messages(scene);
	ck_assert_ptr_eq(strstr(strstr(messages, "making") + 1, "making"),
			 NULL);
	finish(scene);
}
END_TEST

/* The build waits for a writer of "gate", so that it is seen to run. */
START_TEST(what_changes_while_it_is_built_is_built_once_more)
{
	struct support *scene = make("meanwhile");

	support_shell(scene, "mkfifo gate started");
	start(scene, "--build=echo >started; read line <gate; make");
	support_write(scene, "src/deep/value.h", "#define BUILD 2\n");
	support_shell(scene, "read line <started");
	support_write(scene, "src/worker.c", "int value(void) { return 7; }\n");
	support_shell(scene, "echo >gate");
	expect_built(scene, 0, 2);
	support_shell(scene, "read line <started; echo >gate");
	expect_built(scene, 0, 0);
	ck_assert_str_eq(support_ask(scene, "value"), "value=7");
	support_no_event(scene);
	finish(scene);
}
END_TEST

/* A source that is another each time is the build's own, not a reason for one more; it
   counts when it changes between two runs. */
START_TEST(a_source_that_the_build_makes_does_not_start_it_for_ever)
{
	struct support *scene = make("makes");

	start(scene,
	      "--build=date '+static long made = %N;' >src/made.h; make");
	support_write(scene, "src/deep/value.h", "#define BUILD 2\n");
	expect_runs(scene, 3, 0, 2);
	support_write(scene, "src/deep/value.h", "#define BUILD 3\n");
	expect_built(scene, 0, 3);
	support_write(scene, "src/made.h", "static long made = 0;\n");
	expect_runs(scene, 3, 0, 0);
	support_no_event(scene);
	finish(scene);
}
END_TEST

START_TEST(folders_are_named_and_new_ones_are_seen)
{
	struct support *scene = make("folders");

	support_shell(scene, "mkdir other");
	support_start(scene, "--build=make -s", "--watch=other", "-wsrc",
		      "./host", WORKER, NULL);
	support_event(scene, "ready");
	/* not in one of them */
	support_shell(scene, "touch here.c");
	support_shell(scene, "mkdir src/new && echo 'int other;' >src/new/a.c");
	expect_built(scene, 0, 0);
	support_shell(scene, "echo 'int others;' >src/new/a.c");
	expect_built(scene, 0, 0);
	support_shell(scene, "echo 'int other;' >other/a.c");
	expect_built(scene, 0, 0);
	support_shell(scene, "mv src/new . && echo 'int thing;' >new/a.c && "
			     "echo '#define BUILD 2' >src/deep/value.h");
	expect_built(scene, 0, 2);
	support_no_event(scene);
	finish(scene);
}
END_TEST

/* A descriptor of the process whose number is in the file NAME. */
static int open_process(struct support *scene, const char *name)
{
	char *HI_FREE text = support_read(scene, name, NULL);
	int fd = (int)syscall(SYS_pidfd_open, atoi(text), 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* It and what it has started end with hotinject, of whatever that dies. */
START_TEST(a_build_that_runs_ends_with_hotinject)
{
	static const int signals[] = { SIGTERM, SIGKILL };
	struct support *scene = make("ends");
	struct pollfd ended = { .events = POLLIN };

	support_shell(scene, "mkfifo started");
	start(scene, "--build=sh -c 'echo $$ >pid; echo >started; exec tail -f "
		     "/dev/null'; true");
	support_write(scene, "src/deep/value.h", "#define BUILD 2\n");
	support_shell(scene, "read line <started");
	ended.fd = open_process(scene, "pid");
	support_forget_events(scene);
	if (signals[_i] == SIGKILL)
		support_kill_tool(scene);
	support_tell(scene, "exit");
	support_signal(scene, SIGTERM);
	(void)support_wait(scene);
	ck_assert_int_eq(poll(&ended, 1, 10000), 1);
	close(ended.fd);
	support_free(scene);
}
END_TEST

static const struct wrong {
	const char *words[4];
	const char *message;
} wrongs[] = {
	{ { "--build=", "./host", WORKER }, "--build needs a command$" },
	{ { "-w.", "./host", WORKER }, "--watch names folders for --build" },
	{ { "-bmake", "-wnowhere", "./host", WORKER },
	  "folder nowhere cannot be watched for --build: No such file or "
	  "directory$" },
};

START_TEST(what_cannot_be_watched_is_said_before_the_start)
{
	struct support *scene = make("wrong");
	const char *words[5] = { NULL };

	for (int i = 0; i < 4; i++)
		words[i] = wrongs[_i].words[i];
	support_start_words(scene, words);
	support_forget_events(scene);
	ck_assert_int_eq(support_wait(scene), 125);
	support_message(scene, wrongs[_i].message);
	support_free(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "builder");

	tcase_add_test(tcase, a_source_that_changes_is_built_and_goes_live);
	tcase_add_test(tcase, what_is_no_change_of_a_source_is_not_built);
	tcase_add_test(
		tcase,
		a_build_that_fails_shows_its_errors_and_the_host_runs_on);
	tcase_add_test(tcase,
		       what_changes_while_it_is_built_is_built_once_more);
	tcase_add_test(
		tcase,
		a_source_that_the_build_makes_does_not_start_it_for_ever);
	tcase_add_test(tcase, folders_are_named_and_new_ones_are_seen);
	tcase_add_loop_test(tcase, a_build_that_runs_ends_with_hotinject, 0, 2);
	tcase_add_loop_test(tcase,
			    what_cannot_be_watched_is_said_before_the_start, 0,
			    sizeof(wrongs) / sizeof(*wrongs));
}

int main(void)
{
	return support_main("builder", add);
}
