/*
 * What builds leave behind, in the host's memory and in the session's folder.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "tests/support_case.h"

#define WORKER "libworker.so"

/* A host that has build 1; build.1.so to build.LAST.so are there, of which 2 and 9 have
   extra(). */
static struct support *start(const char *name, int last, const char *option)
{
	struct support *scene = support_new(name);

	support_shell(scene, "cp %s/*.c .",
		      support_source(scene, "tests/left"));
	for (int i = 1; i <= last; i++)
		support_shell(scene,
			      "gcc -Wall -O2 -g3 -D_GNU_SOURCE -fPIC -shared "
			      "-DBUILD=%d %s -I%s -Wl,-soname," WORKER
			      " -o build.%d.so worker.c other.c",
			      i, i == 2 || i == 9 ? "-DEXTRA=int" : "",
			      support_source(scene, "tests/cases"), i);
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_compile_host(scene, "tests/cases", &support_plain_variant, "");
	support_start(scene, option, "./host", WORKER, NULL);
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "?"), "value=1 calls=1 extra=0");
	return scene;
}

static void put(struct support *scene, int number)
{
	char name[60];

	snprintf(name, sizeof(name), "build.%d.so", number);
	support_put(scene, name, WORKER, SUPPORT_RENAME);
}

static void expect(struct support *scene, int value, int calls, int extra)
{
	char answer[100];

	snprintf(answer, sizeof(answer), "value=%d calls=%d extra=%d", value,
		 calls, extra);
	ck_assert_str_eq(support_ask(scene, "?"), answer);
}

static void stop(struct support *scene)
{
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}

/* Build NUMBER's text in the host: the kB that are its own; the file's path. */
static long count_own(struct support *scene, int number, char path[500])
{
	char file[60], line[1000], name[30];
	bool inside = false;
	long own = -1;
	FILE *smaps;

	snprintf(file, sizeof(file), "/proc/%d/smaps",
		 support_get_host_pid(scene));
	snprintf(name, sizeof(name), "/libworker.%d", number);
	smaps = fopen(file, "re");
	ck_assert_ptr_nonnull(smaps);
	while (own < 0 && fgets(line, sizeof(line), smaps)) {
		const char *at = strstr(line, name);

		/* ".so" follows, or "-1.so" */
		if (at && !isdigit(at[strlen(name)]) &&
		    strstr(line, " r-xp ")) {
			inside = true;
			sscanf(line, "%*s %*s %*s %*s %*s %499s", path);
		}
		if (inside)
			sscanf(line, "Anonymous: %ld kB", &own);
	}
	(void)!fclose(smaps);
	if (own < 0)
		support_fail(scene, "the host does not map %s", name);
	return own;
}

START_TEST(relinked_text_is_no_memory_of_the_host_s_own)
{
	struct support *scene = start("text", 4, "--wait=500");
	char path[500];

	for (int build = 2; build <= 4; build++) {
		put(scene, build);
		support_event(scene, "live");
		expect(scene, build, build, build == 2);
		for (int old = 2; old <= build; old++)
			ck_assert_int_eq(count_own(scene, old, path), 0);
		/* there was something to relink */
		support_shell(scene,
			      "objcopy -O binary -j .text %s relinked; "
			      "objcopy -O binary -j .text build.%d.so built; "
			      "test -s built && ! cmp -s built relinked",
			      path, build);
	}
	stop(scene);
}
END_TEST

START_TEST(copies_of_some_old_builds_stay_whole)
{
	struct support *scene = start("whole", 9, "--wait=500");
	char old[500];

	for (int build = 2; build <= 9; build++) {
		put(scene, build);
		support_event(scene, "live");
	}
	count_own(scene, 4, old);
	support_shell(scene, "readelf -SW %s | grep -q 'debug_info *PROGBITS'",
		      old);
	stop(scene);
}
END_TEST

START_TEST(what_comes_back_after_many_builds_has_its_state)
{
	struct support *scene = start("back", 9, "--wait=500");

	put(scene, 2);
	support_event(scene, "live");
	expect(scene, 2, 2, 1);
	expect(scene, 2, 3, 2);
	for (int build = 3; build <= 8; build++) {
		put(scene, build);
		support_event(scene, "live");
		expect(scene, build, build + 1, 0);
	}
	put(scene, 9);
	support_event(scene, "live");
	expect(scene, 9, 10, 3);
	stop(scene);
}
END_TEST

static void expect_waiting(struct support *scene)
{
	json_t *event = support_event_any(scene);

	ck_assert_str_eq(support_event_text(scene, event, "event"), "waiting");
	ck_assert_str_eq(support_event_text(scene, event, "function"),
			 "endless_loop");
	ck_assert_str_eq(support_event_text(scene, event, "where"),
			 "worker.c:32");
}

START_TEST(a_build_that_a_thread_is_inside_is_known_for_good)
{
	struct support *scene = start("inside", 9, "--wait=20");

	put(scene, 3);
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "loop"), "value=3 calls=2 extra=0");
	for (int build = 4; build <= 9; build++) {
		put(scene, build);
		/* it is waited for once */
		if (build == 4)
			expect_waiting(scene);
		support_event(scene, "live");
		expect(scene, build, build - 1, build == 9);
	}
	stop(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "memory");

	tcase_add_test(tcase, relinked_text_is_no_memory_of_the_host_s_own);
	tcase_add_test(tcase, copies_of_some_old_builds_stay_whole);
	tcase_add_test(tcase, what_comes_back_after_many_builds_has_its_state);
	tcase_add_test(tcase,
		       a_build_that_a_thread_is_inside_is_known_for_good);
}

int main(void)
{
	return support_main("memory", add);
}
