/*
 * Builds that were live before, live again: values, callbacks and results stay right,
 * and everybody says the right number.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support_again.h"
#include "tests/support_control.h"
#include "tests/support_scene.h"

enum { N_BUILDS = 9 }; /* old ones are without debug information */

static const char *const languages[] = { "c", "cc" };

/* The same thrice. */
static void expect(struct support *scene, long build, long *count)
{
	for (int i = 0; i < 3; i++)
		again_expect(scene, build, count);
}

static void go_live(struct support *scene, int file, long number, long *count)
{
	again_put(scene, file);
	ck_assert_int_eq(support_event_number(
				 scene, support_event(scene, "live"), "build"),
			 number);
	expect(scene, file, count);
}

/* "hotinject rollback WORDS" leads to build NUMBER, which is that of worker.NUMBER.so,
   from FROM. */
static void go_back(struct support *scene, const char *words, long number,
		    long from, long *count)
{
	char command[64], pattern[200];
	json_t *event;

	snprintf(command, sizeof(command), "rollback %s", words);
	snprintf(pattern, sizeof(pattern),
		 AGAIN_WORKER " back at #%ld: .* changed, [0-9]+ same; [0-9]+ "
			      "variables kept \\(.*, paused .*\\).*",
		 number);
	control_command(scene, 0, command, pattern);
	event = support_event(scene, "rollback");
	ck_assert_int_eq(support_event_number(scene, event, "build"), number);
	ck_assert_int_eq(support_event_number(scene, event, "from"), from);
	ck_assert_ptr_nonnull(json_object_get(event, "changed"));
	expect(scene, number, count);
	snprintf(pattern, sizeof(pattern),
		 "  " AGAIN_WORKER ": build #%ld since 20.*Z, .*", number);
	control_command(scene, 0, "status", pattern);
}

static void begin(struct support *scene, long *count)
{
	support_start(scene, "-v", "./host", AGAIN_WORKER, "--", "2", NULL);
	support_event(scene, "ready");
	*count = 0;
	expect(scene, 1, count);
}

/* --- back and forth ----------------------------------------------------------- */

START_TEST(each_build_that_was_live_is_live_again)
{
	struct support *scene = again_compile("each", N_BUILDS, languages[_i]);
	long count;

	begin(scene, &count);
	go_live(scene, 2, 2, &count);
	go_live(scene, 3, 3, &count);
	go_back(scene, "", 2, 3, &count);
	go_back(scene, "3", 3, 2, &count);
	go_back(scene, AGAIN_WORKER " 1", 1, 3, &count);
	go_live(scene, 4, 4, &count);
	/* where it came from */
	go_back(scene, "", 1, 4, &count);
	support_shell(scene,
		      "$HOTINJECT history | grep -v 'of its own' >said; "
		      "cat said; "
		      "test $(wc -l <said) = 8 && "
		      "sed -n 4p said | grep ' back at #2: .* changed' && "
		      "sed -n 8p said | grep ' back at #1: .* changed' && "
		      "grep -c \" $(readelf -n worker.2.so | sed -n 's/.*Build "
		      "ID: //p') \" said | grep -qx 2 && "
		      "test $(ls run/hotinject/*/libworker.*.so | wc -l) = 8");
	support_message(scene, AGAIN_WORKER " back at #1: ");
	again_end(scene);
}
END_TEST

START_TEST(further_back_and_far_forward)
{
	struct support *scene =
		again_compile("further", N_BUILDS, languages[_i]);
	long count;

	begin(scene, &count);
	for (int n = 2; n <= N_BUILDS; n++)
		go_live(scene, n, n, &count);
	for (int n = N_BUILDS - 1; n >= 1; n--)
		go_back(scene, "", n, n + 1, &count);
	control_command(scene, 125, "rollback",
			"hotinject: " AGAIN_WORKER
			" is at build #1, and none was "
			"live before it");
	for (int round = 0; round < 3; round++) {
		go_back(scene, "5", 5, 1, &count);
		go_back(scene, "9", 9, 5, &count);
		go_back(scene, "1", 1, 9, &count);
	}
	control_command(scene, 0, "rollback 1",
			AGAIN_WORKER " is at build #1 already");
	control_command(scene, 125, "rollback 10",
			"hotinject: there is no build #10 of " AGAIN_WORKER
			" to go back to");
	control_command(scene, 125, "rollback 10",
			"hint: those that there are: #9, #8, .*, #2, #1");
	support_no_event(scene);
	expect(scene, 1, &count);
	again_end(scene);
}
END_TEST

/* --- the worker's file --------------------------------------------------------- */

START_TEST(the_file_is_not_taken_again_by_itself)
{
	struct support *scene = again_compile("aside", N_BUILDS, "c");
	long count;

	begin(scene, &count);
	go_live(scene, 2, 2, &count);
	go_live(scene, 3, 3, &count);
	go_back(scene, "", 2, 3, &count);
	again_put(scene, 3);
	support_message(scene,
			AGAIN_WORKER " has the content of a build that was "
				     "gone back from");
	support_no_event(scene);
	expect(scene, 2, &count);
	control_command(scene, 0, "reload", AGAIN_WORKER " #4 live: .*");
	support_event(scene, "live");
	expect(scene, 3, &count);
	/* by what it holds in between, too */
	go_back(scene, "2", 2, 4, &count);
	again_put(scene, 2);
	support_message(scene,
			AGAIN_WORKER " has the content of the current build");
	support_no_event(scene);
	go_live(scene, 3, 5, &count);
	/* and when it was the same as that of a build that was gone back to */
	go_back(scene, "2", 2, 5, &count);
	control_command(scene, 0, "rollback 5", AGAIN_WORKER " back at #5: .*");
	support_event(scene, "rollback");
	control_command(scene, 0, "reload", ".*");
	go_back(scene, "2", 2, 5, &count);
	again_put(scene, 3);
	go_live(scene, 1, 6, &count);
	again_end(scene);
}
END_TEST

/* --- another hotinject --------------------------------------------------------- */

/* What "history" says of builds, without their memory, which changes. */
static void write_history(struct support *scene, const char *name)
{
	support_shell(scene, "$HOTINJECT history | grep -v 'of its own' >%s",
		      name);
}

static void expect_history(struct support *scene, const char *name, int n_lines)
{
	write_history(scene, "now");
	support_shell(scene, "diff %s now && test $(wc -l <now) = %d", name,
		      n_lines);
}

START_TEST(a_host_is_taken_up_at_the_build_that_it_went_back_to)
{
	struct support *scene =
		again_compile("taken-up", N_BUILDS, languages[_i]);
	long count = 0;

	support_start_plain(scene, "./host", "2", NULL);
	expect(scene, 1, &count);
	again_attach(scene, 1);
	go_live(scene, 2, 2, &count);
	go_live(scene, 3, 3, &count);
	go_back(scene, "2", 2, 3, &count);
	write_history(scene, "was");
	again_kill_tool(scene);
	expect(scene, 2, &count);
	/* and the file still holds build 3 */
	again_attach(scene, 2);
	control_command(scene, 0, "status",
			"  " AGAIN_WORKER ": build #2 since 20.*Z, .*");
	control_command(scene, 0, "status", "    last: back at #2: .*");
	expect_history(scene, "was", 4);
	support_no_event(scene);
	expect(scene, 2, &count);
	go_back(scene, "", 1, 2, &count);
	write_history(scene, "was");
	again_kill_tool(scene);
	again_attach(scene, 1);
	expect_history(scene, "was", 5);
	expect(scene, 1, &count);
	go_back(scene, "3", 3, 1, &count);
	ck_assert_int_eq(support_detach(scene), 0);
	support_event(scene, "detached");
	expect(scene, 3, &count);
	again_attach(scene, 3);
	write_history(scene, "now");
	support_shell(scene, "head -n 5 now | diff was - && "
			     "test $(wc -l <now) = 6");
	go_back(scene, "", 2, 3, &count);
	go_live(scene, 4, 4, &count);
	go_back(scene, "1", 1, 4, &count);
	ck_assert_int_eq(support_detach(scene), 0);
	support_event(scene, "detached");
	expect(scene, 1, &count);
	again_end(scene);
}
END_TEST

/* --- what is kept --------------------------------------------------------------- */

START_TEST(types_are_compared_with_a_build_of_long_ago)
{
	struct support *scene = support_new("types");
	json_t *refused;

	support_write(scene, "w.c",
		      "#ifndef TYPE\n"
		      "#define TYPE int\n"
		      "#endif\n"
		      "static TYPE value;\n"
		      "int build(void) { value += 1; return BUILD; }\n"
		      "int get(void) { return (int)value; }\n");
	support_write(scene, "host.c",
		      "#include <stdio.h>\n"
		      "int build(void); int get(void);\n"
		      "int main(void)\n"
		      "{\n"
		      "	char line[80];\n"
		      "	while (fgets(line, sizeof(line), stdin)) {\n"
		      "		printf(\"build=%d \", build());\n"
		      "		printf(\"value=%d\\n\", get());\n"
		      "		fflush(stdout);\n"
		      "	}\n"
		      "	return 0;\n"
		      "}\n");
	support_shell(
		scene,
		"make() { gcc -g -O2 -fPIC -shared $* "
		"-Wl,-soname," AGAIN_WORKER " w.c; }; for n in $(seq %d); do "
		"make -DBUILD=$n -o worker.$n.so; done; "
		"make -DBUILD=10 -DTYPE=float -o worker.10.so; "
		"cp worker.1.so " AGAIN_WORKER "; gcc -g -o host host.c -L. "
		"-lworker -Wl,-rpath,'$ORIGIN'",
		N_BUILDS);
	support_start(scene, "./host", AGAIN_WORKER, NULL);
	support_event(scene, "ready");
	for (int n = 2; n <= N_BUILDS; n++) {
		again_put(scene, n);
		support_event(scene, "live");
	}
	ck_assert_str_eq(support_ask(scene, "?"), "build=9 value=1");
	control_command(scene, 0, "rollback 2", AGAIN_WORKER " back at #2: .*");
	support_event(scene, "rollback");
	ck_assert_str_eq(support_ask(scene, "?"), "build=2 value=2");
	again_put(scene, 10);
	refused = support_event(scene, "refused");
	ck_assert(support_event_reason(refused, "variable-type", "value"));
	ck_assert_str_eq(support_ask(scene, "?"), "build=2 value=3");
	again_end(scene);
}
END_TEST

/* --- what hinders it ------------------------------------------------------------ */

/* Its main() calls a worker that answers until it is told "out"; then the next line
   leads back. */
static struct support *begin_inside(const char *name)
{
	struct support *scene = support_new(name);

	support_write(scene, "host.c",
		      "#include <stdio.h>\n"
		      "int loop(void);\n"
		      "int main(void)\n"
		      "{\n"
		      "	char line[80];\n"
		      "	while (loop() && fgets(line, sizeof(line), stdin));\n"
		      "	return 0;\n"
		      "}\n");
	support_write(scene, "w.c",
		      "#include <stdio.h>\n"
		      "#include <stdlib.h>\n"
		      "#include <unistd.h>\n"
		      "__attribute__((constructor)) static void begin(void)\n"
		      "{ if (access(\"bad\", F_OK) == 0) abort(); }\n"
		      "int loop(void)\n"
		      "{\n"
		      "	char line[80];\n"
		      "	for (;;) {\n"
		      "		if (!fgets(line, sizeof(line), stdin))\n"
		      "			return 0;\n"
		      "		if (line[0] == 'o')\n"
		      "			return 1;\n"
		      "		printf(\"value=%d\\n\", BUILD);\n"
		      "		fflush(stdout);\n"
		      "	}\n"
		      "}\n");
	support_shell(scene, "for n in $(seq 3); do gcc -g -O2 -fPIC -shared "
			     "-DBUILD=$n -Wl,-soname," AGAIN_WORKER
			     " -o worker.$n.so w.c; "
			     "done; cp worker.1.so " AGAIN_WORKER "; "
			     "gcc -g -o host host.c -L. -lworker "
			     "-Wl,-rpath,'$ORIGIN'");
	support_start(scene, "-v", "--busy=defer", "--wait=20", "./host",
		      AGAIN_WORKER, NULL);
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "?"), "value=1");
	return scene;
}

static void go_live_outside(struct support *scene, int file)
{
	again_put(scene, file);
	support_tell(scene, "out");
	while (strcmp(support_event_text(scene, support_event_any(scene),
					 "event"),
		      "live") != 0)
		;
	support_tell(scene, "in");
}

START_TEST(it_waits_for_the_threads_that_are_inside)
{
	struct support *scene = begin_inside("waits");

	go_live_outside(scene, 2);
	ck_assert_str_eq(support_ask(scene, "?"), "value=2");
	support_shell(scene, "$HOTINJECT rollback >back 2>&1 &");
	support_event(scene, "waiting");
	support_message(scene, AGAIN_WORKER " #1 waits: thread .* in loop()");
	ck_assert_str_eq(support_ask(scene, "?"), "value=2");
	control_command(scene, 0, "status",
			"  " AGAIN_WORKER ": build #2 since .*");
	control_command(scene, 125, "rollback",
			"hotinject: host \\([0-9]+\\) is being reloaded");
	support_tell(scene, "out");
	support_event(scene, "rollback");
	support_tell(scene, "in");
	ck_assert_str_eq(support_ask(scene, "?"), "value=1");
	support_shell(scene,
		      "until grep '^" AGAIN_WORKER " back at #1: ' back; do "
		      ":; done");
	again_end(scene);
}
END_TEST

static struct support *begin_waiting(const char *name)
{
	struct support *scene = begin_inside(name);

	go_live_outside(scene, 2);
	ck_assert_str_eq(support_ask(scene, "?"), "value=2");
	support_shell(scene, "$HOTINJECT rollback >back 2>&1 &");
	support_event(scene, "waiting");
	return scene;
}

/* The file, put in place again, holds what runs, or what is to run. */
START_TEST(it_waits_on_while_the_file_has_nothing_newer)
{
	struct support *scene = begin_waiting("touched");

	again_put(scene, _i ? 1 : 2);
	support_message(scene, AGAIN_WORKER " has nothing newer than #1, which "
					    "waits");
	support_no_event(scene);
	ck_assert_str_eq(support_ask(scene, "?"), "value=2");
	support_tell(scene, "out");
	support_event(scene, "rollback");
	support_tell(scene, "in");
	ck_assert_str_eq(support_ask(scene, "?"), "value=1");
	support_shell(scene,
		      "until grep '^" AGAIN_WORKER " back at #1: ' back; do "
		      ":; done");
	support_no_event(scene);
	again_end(scene);
}
END_TEST

START_TEST(a_newer_build_takes_the_place_of_one_that_waits)
{
	struct support *scene = begin_waiting("replaced");
	json_t *refused;

	again_put(scene, 3);
	refused = support_event(scene, "refused");
	ck_assert_int_eq(support_event_number(scene, refused, "build"), 1);
	ck_assert(json_is_true(json_object_get(refused, "rollback")));
	support_message(scene,
			"^hotinject: " AGAIN_WORKER " back to #1 refused: a "
			"newer build has come$");
	ck_assert_str_eq(support_ask(scene, "?"), "value=2");
	support_event(scene, "waiting");
	support_tell(scene, "out");
	ck_assert_int_eq(support_event_number(
				 scene, support_event(scene, "live"), "build"),
			 3);
	support_tell(scene, "in");
	ck_assert_str_eq(support_ask(scene, "?"), "value=3");
	support_shell(scene, "until test -s back; do :; done; cat back; "
			     "grep -x 'hotinject: " AGAIN_WORKER
			     " back to #1 refused: a newer build has come' "
			     "back && test $(wc -l <back) = 1");
	support_no_event(scene);
	again_end(scene);
}
END_TEST

START_TEST(a_build_that_cannot_be_live_again_is_refused)
{
	struct support *scene = begin_inside("refused");
	json_t *refused;

	go_live_outside(scene, 2);
	go_live_outside(scene, 3);
	ck_assert_str_eq(support_ask(scene, "?"), "value=3");
	support_shell(scene, ">bad");
	control_command(scene, 125, "rollback",
			"hotinject: " AGAIN_WORKER " back to #2 refused: .*");
	refused = support_event(scene, "refused");
	ck_assert_int_eq(support_event_number(scene, refused, "build"), 2);
	ck_assert(json_is_true(json_object_get(refused, "rollback")));
	support_message(scene, AGAIN_WORKER " back to #2 refused: ");
	control_command(scene, 0, "status", "    last: back to #2 refused: .*");
	control_command(scene, 0, "status",
			"  " AGAIN_WORKER ": build #3 since .*");
	/* nor without the file that says what was overwritten */
	support_shell(scene, "rm bad run/hotinject/*/libworker.2*.so.was");
	control_command(scene, 125, "rollback",
			"hotinject: " AGAIN_WORKER " back to #2 refused: .*was "
			"cannot be read: No such file or directory");
	support_event(scene, "refused");
	ck_assert_str_eq(support_ask(scene, "?"), "value=3");
	go_live_outside(scene, 2);
	ck_assert_str_eq(support_ask(scene, "?"), "value=2");
	control_command(scene, 0, "status",
			"  " AGAIN_WORKER ": build #4 since .*");
	again_end(scene);
}
END_TEST

/* --- several workers -------------------------------------------------------------- */

/* The answer to anything. */
static void expect_both(struct support *scene, const char *answer)
{
	ck_assert_str_eq(support_ask(scene, "?"), answer);
}

static void put_of(struct support *scene, const char *letter, int number)
{
	char from[32], to[32];

	snprintf(from, sizeof(from), "lib%s.%d.so", letter, number);
	snprintf(to, sizeof(to), "lib%s.so", letter);
	support_put(scene, from, to, SUPPORT_RENAME);
	support_event(scene, "live");
}

START_TEST(the_worker_that_changed_last_goes_back)
{
	struct support *scene = support_new("several");

	support_write(scene, "host.c",
		      "#include <stdio.h>\n"
		      "int a(void); int b(void);\n"
		      "int main(void)\n"
		      "{\n"
		      "	char line[80];\n"
		      "	while (fgets(line, sizeof(line), stdin)) {\n"
		      "		printf(\"a=%d b=%d\\n\", a(), b());\n"
		      "		fflush(stdout);\n"
		      "	}\n"
		      "	return 0;\n"
		      "}\n");
	support_shell(scene,
		      "for l in a b; do for n in 1 2 3; do "
		      "echo \"int $l(void) { return $n; }\" >$l.c; "
		      "gcc -g -O2 -fPIC -shared -Wl,-soname,lib$l.so "
		      "-o lib$l.$n.so $l.c; done; cp lib$l.1.so lib$l.so; "
		      "done; gcc -g -o host host.c -L. -la -lb "
		      "-Wl,-rpath,'$ORIGIN'");
	support_start(scene, "./host", "liba.so", "libb.so", NULL);
	support_event(scene, "ready");
	support_event(scene, "ready");
	expect_both(scene, "a=1 b=1");
	control_command(scene, 125, "rollback",
			"hotinject: no worker of host \\([0-9]+\\) has had a "
			"build before the one that is live");
	put_of(scene, "b", 2);
	put_of(scene, "a", 2);
	put_of(scene, "b", 3);
	expect_both(scene, "a=2 b=3");
	control_command(scene, 0, "rollback", "libb.so back at #2: .*");
	expect_both(scene, "a=2 b=2");
	control_command(scene, 0, "rollback liba.so", "liba.so back at #1: .*");
	expect_both(scene, "a=1 b=2");
	control_command(scene, 0, "rollback libb.so 3",
			"libb.so back at #3: .*");
	expect_both(scene, "a=1 b=3");
	/* libb.so changed last, but only the other one has it */
	control_command(scene, 0, "rollback liba.so 2",
			"liba.so back at #2: .*");
	control_command(scene, 0, "rollback 3",
			"libb.so is at build #3 "
			"already");
	control_command(scene, 125, "rollback libc.so",
			"hotinject: host \\([0-9]+\\) has no worker "
			"'libc.so'");
	expect_both(scene, "a=2 b=3");
	support_forget_events(scene);
	again_end(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "rollback");
	TCase *hindered = support_tcase(suite, "hindered");

	tcase_add_loop_test(tcase, each_build_that_was_live_is_live_again, 0,
			    2);
	tcase_add_loop_test(tcase, further_back_and_far_forward, 0, 2);
	tcase_add_test(tcase, the_file_is_not_taken_again_by_itself);
	tcase_add_loop_test(
		tcase, a_host_is_taken_up_at_the_build_that_it_went_back_to, 0,
		2);
	tcase_add_test(tcase, types_are_compared_with_a_build_of_long_ago);
	tcase_add_test(hindered, it_waits_for_the_threads_that_are_inside);
	tcase_add_loop_test(hindered,
			    it_waits_on_while_the_file_has_nothing_newer, 0, 2);
	tcase_add_test(hindered,
		       a_newer_build_takes_the_place_of_one_that_waits);
	tcase_add_test(hindered, a_build_that_cannot_be_live_again_is_refused);
	tcase_add_test(hindered, the_worker_that_changed_last_goes_back);
}

int main(void)
{
	return support_main("e2e_rollback", add);
}
