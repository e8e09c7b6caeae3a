/*
 * Builds that were live before, live again: values, callbacks and results stay right,
 * and everybody says the right number.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support_control.h"
#include "tests/support_scene.h"

#define WORKER "libworker.so"

enum { N_BUILDS = 5 };

static const char *const languages[] = { "c", "cc" };

static struct support *compile(const char *name, const char *language)
{
	struct support *scene = support_new(name);

	support_shell(scene,
		      "src=%s; for n in $(seq %d); do $(test %s = c && echo "
		      "gcc || echo g++) -g -O2 -fPIC -shared -DBUILD=$n "
		      "-Wl,-soname," WORKER " -o worker.$n.so $src/worker.%s; "
		      "done; cp worker.1.so " WORKER "; "
		      "gcc -D_GNU_SOURCE -g -O2 -pthread -o host $src/host.c "
		      "-L. -lworker -Wl,-rpath,'$ORIGIN'",
		      support_source(scene, "tests/again"), N_BUILDS, language,
		      language);
	return scene;
}

/* BUILD runs; counts, pointers and results are right. */
static void expect(struct support *scene, long build, long *count)
{
	for (int i = 0; i < 3; i++) {
		const char *line = support_ask(scene, "value");

		++*count;
		if (support_number(scene, line, "build") != build ||
		    support_number(scene, line, "callback") != build ||
		    support_number(scene, line, "count") != *count ||
		    support_number(scene, line, "here") != *count ||
		    support_number(scene, line, "same") != 1 ||
		    support_number(scene, line, "wrong") != 0)
			support_fail(scene, "build %ld, count %ld: %s", build,
				     *count, line);
	}
}

static void put(struct support *scene, int file)
{
	char name[32];

	snprintf(name, sizeof(name), "worker.%d.so", file);
	support_put(scene, name, WORKER, SUPPORT_RENAME);
}

static void go_live(struct support *scene, int file, long number, long *count)
{
	put(scene, file);
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
		 WORKER " back at #%ld: .* changed, [0-9]+ same; [0-9]+ "
			"variables kept \\(.*, paused .*\\).*",
		 number);
	control_command(scene, 0, command, pattern);
	event = support_event(scene, "rollback");
	ck_assert_int_eq(support_event_number(scene, event, "build"), number);
	ck_assert_int_eq(support_event_number(scene, event, "from"), from);
	ck_assert_ptr_nonnull(json_object_get(event, "changed"));
	expect(scene, number, count);
	snprintf(pattern, sizeof(pattern),
		 "  " WORKER ": build #%ld since 20.*Z, .*", number);
	control_command(scene, 0, "status", pattern);
}

static void begin(struct support *scene, long *count)
{
	support_start(scene, "./host", WORKER, "--", "4", NULL);
	support_event(scene, "ready");
	*count = 0;
	expect(scene, 1, count);
}

static void end(struct support *scene)
{
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}

/* --- back and forth ----------------------------------------------------------- */

START_TEST(each_build_that_was_live_is_live_again)
{
	struct support *scene = compile("each", languages[_i]);
	long count;

	begin(scene, &count);
	go_live(scene, 2, 2, &count);
	go_live(scene, 3, 3, &count);
	go_back(scene, "", 2, 3, &count);
	go_back(scene, "3", 3, 2, &count);
	go_back(scene, WORKER " 1", 1, 3, &count);
	go_live(scene, 4, 4, &count);
	/* where it came from */
	go_back(scene, "", 1, 4, &count);
	support_shell(scene,
		      "$HOTINJECT history >said; cat said; "
		      "test $(wc -l <said) = 8 && "
		      "sed -n 4p said | grep ' back at #2: .* changed' && "
		      "sed -n 8p said | grep ' back at #1: .* changed' && "
		      "grep -c \" $(readelf -n worker.2.so | sed -n 's/.*Build "
		      "ID: //p') \" said | grep -qx 2 && "
		      "test $(ls run/hotinject/*/libworker.*.so | wc -l) = 8");
	support_message(scene, WORKER " back at #1: ");
	end(scene);
}
END_TEST

START_TEST(further_back_and_far_forward)
{
	struct support *scene = compile("further", languages[_i]);
	long count;

	begin(scene, &count);
	for (int n = 2; n <= N_BUILDS; n++)
		go_live(scene, n, n, &count);
	for (int n = N_BUILDS - 1; n >= 1; n--)
		go_back(scene, "", n, n + 1, &count);
	control_command(scene, 125, "rollback",
			"hotinject: " WORKER " is at build #1, and none was "
			"live before it");
	for (int round = 0; round < 3; round++) {
		go_back(scene, "5", 5, 1, &count);
		go_back(scene, "1", 1, 5, &count);
	}
	control_command(scene, 0, "rollback 1",
			WORKER " is at build #1 already");
	control_command(scene, 125, "rollback 6",
			"hotinject: no build #6 of " WORKER " was live");
	support_no_event(scene);
	expect(scene, 1, &count);
	end(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "rollback");

	tcase_add_loop_test(tcase, each_build_that_was_live_is_live_again, 0,
			    2);
	tcase_add_loop_test(tcase, further_back_and_far_forward, 0, 2);
}

int main(void)
{
	return support_main("e2e_rollback", add);
}
