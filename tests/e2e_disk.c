/*
 * What the private copies of builds take of their file system: a share of it, however
 * many builds there are, and nobody who reads an old one later is misled.
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support_case.h"
#include "tests/support_rights.h"

#define WORKER "libworker.so"

enum {
	N_FILES = 6,
	N_BUILDS = 40,
	SHARE = 4, /* retire.h */
};

struct story {
	struct support *scene;
	int calls, n_builds;
};

/* File 2 has extra(), whose variable is of another type in file 6. PAD is the length of
   a debug section that they all have, TEXT of what is mapped. */
static void compile(struct support *scene, const char *pad, const char *text)
{
	support_shell(scene, "head -c %s /dev/urandom >pad", pad);
	support_shell(scene, "cp %s/*.c .",
		      support_source(scene, "tests/left"));
	for (int i = 1; i <= N_FILES; i++)
		support_shell(scene,
			      "gcc -Wall -O2 -g -D_GNU_SOURCE -fPIC -shared "
			      "-DTEXT=%s %s -DBUILD=%d -I%s -Wl,-soname," WORKER
			      " -o build.%d.so worker.c other.c && objcopy "
			      "--add-section .debug_pad=pad build.%d.so",
			      text,
			      i == 2 ? "-DEXTRA=int" :
			      i == 6 ? "-DEXTRA=float" :
				       "",
			      i, support_source(scene, "tests/cases"), i, i);
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_compile_host(scene, "tests/cases", &support_plain_variant, "");
}

static void ask(struct story *story, int value, int extra)
{
	char answer[100];

	snprintf(answer, sizeof(answer), "value=%d calls=%d extra=%d", value,
		 ++story->calls, extra);
	ck_assert_str_eq(support_ask(story->scene, "?"), answer);
}

/* Its runtime folder is a file system of KIND ("tmpfs -o size=20m"). */
static struct story begin(const char *name, const char *kind, const char *pad,
			  const char *text)
{
	struct story story = { .scene = support_new(name), .n_builds = 1 };

	support_shell(story.scene, "mount -t %s none run && chmod 700 run",
		      kind);
	compile(story.scene, pad, text);
	support_start_plain(story.scene, "./host", NULL);
	ask(&story, 1, 0);
	support_attach(story.scene, "--wait=20", WORKER, NULL);
	support_event(story.scene, "ready");
	return story;
}

static void put(const struct story *story, int file)
{
	char name[60];

	snprintf(name, sizeof(name), "build.%d.so", file);
	support_put(story->scene, name, WORKER, SUPPORT_RENAME);
}

static void go_live(struct story *story, int file, int extra)
{
	put(story, file);
	ck_assert_int_eq(support_event_number(
				 story->scene,
				 support_event(story->scene, "live"), "build"),
			 ++story->n_builds);
	ask(story, file, extra);
}

/* Builds without extra() come and go until there are N. */
static void go_on(struct story *story, int n)
{
	while (story->n_builds < n)
		go_live(story, 3 + story->n_builds % 3, 0);
}

static void end(struct story *story)
{
	ck_assert_int_eq(support_end(story->scene), 0);
	/* hotinject may not have ended yet */
	support_shell(story->scene, "umount -l run");
	support_free(story->scene);
}

/* The files take at most so many KiB; those of builds from the newest on are whole. */
static void expect_disk(struct support *scene, long kb)
{
	support_shell(scene, "du -sk run; test $(du -sk run | cut -f1) -le %ld",
		      kb);
}

/* The debug information of build NUMBER's copy is there (PROGBITS), or not (NOBITS). */
static void expect_debug(struct support *scene, int number, const char *section,
			 const char *type)
{
	support_shell(scene,
		      "readelf -SW run/hotinject/*/libworker.%d.so | "
		      "grep '%s *%s'",
		      number, section, type);
}

static void kill_tool(struct support *scene)
{
	ck_assert_int_eq(kill(support_get_attached(scene), SIGKILL), 0);
	ck_assert_int_eq(support_await_attached(scene), -SIGKILL);
}

/* 40 of 1 MB: what they need of 20 MB is a quarter, and what they cannot do without. */
START_TEST(however_many_builds_there_are_they_take_a_share_of_the_disk)
{
	struct story story;

	if (!support_gain(SUPPORT_MOUNT,
			  "however_many_builds_there_are_they_take_a_share"))
		return;
	story = begin("share", "tmpfs -o size=20m", "1M", "1");
	go_live(&story, 2, 1);
	go_on(&story, N_BUILDS);
	expect_disk(story.scene, 20 * 1024 / SHARE + 1024);
	/* newer units are like its units; they are read elsewhere now */
	expect_debug(story.scene, 3, ".debug_info", "NOBITS");
	expect_debug(story.scene, 3, ".symtab", "SYMTAB");
	expect_debug(story.scene, N_BUILDS, ".debug_info", "PROGBITS");
	expect_debug(story.scene, N_BUILDS - 1, ".debug_info", "PROGBITS");
	/* no other build tells the type of what was removed */
	expect_debug(story.scene, 2, ".debug_info", "PROGBITS");
	expect_debug(story.scene, 2, ".debug_line ", "NOBITS");
	put(&story, 6);
	ck_assert(support_event_reason(
		support_event(story.scene, "refused"), "variable-type",
		"changed from 'int' to 'float', so its value cannot be kept"));
	story.n_builds++;
	ask(&story, 3 + (N_BUILDS - 1) % 3, 0);
	go_live(&story, 2, 2);
	/* another hotinject knows all of that, too */
	go_live(&story, 3, 0);
	kill_tool(story.scene);
	ask(&story, 3, 0);
	support_attach(story.scene, "--wait=20", WORKER, NULL);
	support_event(story.scene, "ready");
	put(&story, 6);
	ck_assert(support_event_reason(support_event(story.scene, "refused"),
				       "variable-type",
				       "changed from 'int' to 'float'"));
	story.n_builds++;
	go_live(&story, 2, 3);
	end(&story);
}
END_TEST

static void roll_back(struct story *story, const char *words, int file,
		      int extra)
{
	support_shell(story->scene, "$HOTINJECT rollback %s", words);
	support_event(story->scene, "rollback");
	ask(story, file, extra);
}

START_TEST(builds_that_one_can_go_back_to_run_whatever_their_copies_lost)
{
	struct story story;

	if (!support_gain(SUPPORT_MOUNT,
			  "builds_that_one_can_go_back_to_run_whatever"))
		return;
	story = begin("rollback", "tmpfs -o size=20m", "1M", "1");
	go_live(&story, 2, 1);
	go_on(&story, 20);
	roll_back(&story, "", 3 + 18 % 3, 0);
	roll_back(&story, "5", 3 + 4 % 3, 0);
	support_message(story.scene,
			"^hotinject: the debug information of libworker.so #5 "
			"was let go of to save room: its types are not "
			"compared$");
	/* what is without debug information itself has its variables, too */
	roll_back(&story, "2", 2, 2);
	roll_back(&story, "1", 1, 0);
	go_live(&story, 2, 3);
	end(&story);
}
END_TEST

START_TEST(a_thread_that_is_inside_an_old_build_is_told_where_it_crashes)
{
	struct story story;
	json_t *event;

	if (!support_gain(SUPPORT_MOUNT,
			  "a_thread_that_is_inside_an_old_build_is_told"))
		return;
	story = begin("inside", "tmpfs -o size=20m", "1M", "1");
	go_live(&story, 3, 0);
	ck_assert_str_eq(support_ask(story.scene, "loop"),
			 "value=3 calls=3 extra=0");
	story.calls++;
	go_on(&story, 20);
	expect_debug(story.scene, 2, ".debug_info", "PROGBITS");
	expect_debug(story.scene, 3, ".debug_info", "NOBITS");
	support_tell(story.scene, "break");
	(void)support_line(story.scene);
	story.calls++;
	event = support_event(story.scene, "crash");
	ck_assert_str_eq(support_event_text(story.scene, event, "function"),
			 "endless_loop");
	ck_assert_str_eq(support_event_text(story.scene, event, "where"),
			 "worker.c:34");
	go_on(&story, 24);
	end(&story);
}
END_TEST

/* The file system cannot make holes (ramfs), nor say what room there is. */
START_TEST(where_holes_cannot_be_made_copies_stay_whole)
{
	struct story story;

	if (!support_gain(SUPPORT_MOUNT,
			  "where_holes_cannot_be_made_copies_stay_whole"))
		return;
	story = begin("whole", "ramfs", "1", "1");
	go_live(&story, 2, 1);
	go_on(&story, N_BUILDS);
	expect_debug(story.scene, 3, ".debug_info", "PROGBITS");
	support_shell(story.scene, "nm -l run/hotinject/*/libworker.3.so | "
				   "grep endless_loop.*worker.c:29");
	go_live(&story, 2, 2);
	end(&story);
}
END_TEST

/* Text that the host has mapped cannot be given back. */
START_TEST(a_share_that_cannot_be_kept_to_is_said_once)
{
	struct story story;

	if (!support_gain(SUPPORT_MOUNT,
			  "a_share_that_cannot_be_kept_to_is_said_once"))
		return;
	story = begin("over", "tmpfs -o size=8m", "1", "700000");
	for (int i = 0; i < 3; i++)
		go_on(&story, 2 + i);
	support_message(story.scene,
			"^hotinject: libworker.so: the copies of [34] builds "
			"take 2 MB in /.*/run/hotinject/[0-9]*, more than the "
			"[12] MB that are their share; the host has them "
			"mapped, and they go when it ends$");
	go_on(&story, 8);
	support_shell(story.scene,
		      "test $(grep -c 'that are their share' stderr*) = 1");
	end(&story);
}
END_TEST

START_TEST(a_host_is_taken_up_without_the_copies_of_builds_that_are_history)
{
	struct story story;

	if (!support_gain(SUPPORT_MOUNT,
			  "a_host_is_taken_up_without_the_copies_of_builds"))
		return;
	story = begin("gone", "tmpfs -o size=20m", "1M", "1");
	go_on(&story, 12);
	kill_tool(story.scene);
	support_shell(
		story.scene,
		"cd run/hotinject/*/ && rm libworker.3.so libworker.4.so");
	support_attach(story.scene, "--wait=20", WORKER, NULL);
	support_event(story.scene, "ready");
	go_live(&story, 2, 1);
	roll_back(&story, "5", 3 + 4 % 3, 0);
	support_shell(
		story.scene,
		"! $HOTINJECT rollback 4 2>said; "
		"grep 'is no build #4 of libworker.so to go back to' said");
	kill_tool(story.scene);
	support_attach(story.scene, "--wait=20", WORKER, NULL);
	support_event(story.scene, "ready");
	/* what the file holds was gone back from */
	story.n_builds = 13;
	go_live(&story, 3, 0);
	go_live(&story, 2, 2);
	end(&story);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "disk");

	tcase_add_test(
		tcase,
		however_many_builds_there_are_they_take_a_share_of_the_disk);
	tcase_add_test(
		tcase,
		builds_that_one_can_go_back_to_run_whatever_their_copies_lost);
	tcase_add_test(
		tcase,
		a_thread_that_is_inside_an_old_build_is_told_where_it_crashes);
	tcase_add_test(tcase, where_holes_cannot_be_made_copies_stay_whole);
	tcase_add_test(tcase, a_share_that_cannot_be_kept_to_is_said_once);
	tcase_add_test(
		tcase,
		a_host_is_taken_up_without_the_copies_of_builds_that_are_history);
}

int main(void)
{
	return support_main("disk", add);
}
