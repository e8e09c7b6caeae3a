/*
 * Where hotinject keeps its files, and where it finds builds: a runtime folder that is
 * full, or none; what a killed session has left; folders that are renamed, times that
 * are wrong. The host computes right, one sentence says what is wrong, and the next good
 * build goes live.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support_faults.h"
#include "tests/support_rights.h"

#define WORKER     "libworker.so"
#define LEN(array) (int)(sizeof(array) / sizeof(*(array)))

/* --- the runtime folder ---------------------------------------------------------- */

/* With that many pages left, the copy of a build has room, but not what is noted of it,
   or neither, or both. */
START_TEST(however_little_room_there_is_the_host_goes_on)
{
	struct support *scene;
	int n_records = 0, now = 1;

	if (!support_gain(SUPPORT_MOUNT,
			  "however_little_room_there_is_the_host_goes_on"))
		return;
	scene = faults_make("room");
	support_shell(scene, "mount -t tmpfs -o size=4m,mode=700 none run");
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	for (int n_pages = 0; n_pages < 12; n_pages++) {
		int next = now == 2 ? 3 : 2;
		json_t *event;

		support_shell(scene,
			      "cat /dev/zero >run/full 2>/dev/null;"
			      " truncate -s -%dK run/full",
			      4 * n_pages);
		faults_put(scene, WORKER, next);
		event = support_event_any(scene);
		if (!strcmp(support_event_text(scene, event, "event"),
			    "error")) {
			ck_assert_ptr_nonnull(
				strstr(support_event_text(scene, event, "text"),
				       "No space left on device"));
			n_records++;
			event = support_event_any(scene);
		}
		if (!strcmp(support_event_text(scene, event, "event"), "live"))
			now = next;
		else
			ck_assert(support_event_reason(
				event, "load-file", "No space left on device"));
		faults_expect_value(scene, now);
		support_shell(scene, "rm run/full");
		now = now == 4 ? 1 : 4;
		faults_put(scene, WORKER, now);
		support_event(scene, "live");
		faults_expect_value(scene, now);
		support_shell(scene, "ls run/hotinject/*/record.%d",
			      (int)support_get_host_pid(scene));
	}
	ck_assert_int_gt(n_records, 0);
	ck_assert_int_eq(support_end(scene), 0);
	support_shell(scene, "umount run");
	support_free(scene);
}
END_TEST

static const struct unusable {
	const char *make, *name, *said;
} unusables[] = {
	{ "true", "nowhere", "is not there" },
	{ "mkdir other && chown 65534 other", "other", "is another user's" },
	{ "mkdir -m 700 fixed && mount -t tmpfs -o ro,mode=700 none fixed",
	  "fixed", "is read-only" },
	{ "mkdir -m 700 data && mount -t tmpfs -o noexec,mode=700 none data",
	  "data", "is mounted noexec" },
};

/* Without it, there are builds, commands and a record all the same. */
START_TEST(a_runtime_folder_that_is_none_is_said_once)
{
	const struct unusable *unusable = &unusables[_i];
	struct support *scene;
	char pattern[200];

	if (!support_gain(SUPPORT_MOUNT | SUPPORT_NOBODY, unusable->name))
		return;
	scene = faults_make("unusable");
	support_shell(scene, "mkdir -m 700 tmp; %s", unusable->make);
	setenv("TMPDIR", support_path(scene, "tmp"), 1);
	setenv("XDG_RUNTIME_DIR", support_path(scene, unusable->name), 1);
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	snprintf(
		pattern, sizeof(pattern),
		"^hotinject: .*/%s, which XDG_RUNTIME_DIR names, %s: copies of "
		"the builds are kept in .*/tmp/hotinject\\.......$",
		unusable->name, unusable->said);
	support_message(scene, pattern);
	for (int i = 2; i <= 4; i++)
		faults_expect_live(scene, WORKER, i);
	ck_assert_int_eq(faults_count_said(scene, "XDG_RUNTIME_DIR"), 1);
	support_shell(scene,
		      "\"$HOTINJECT\" status %d | grep 'libworker.so.*#4' &&"
		      " ls tmp/hotinject.*/record.%d",
		      (int)support_get_host_pid(scene),
		      (int)support_get_host_pid(scene));
	ck_assert_int_eq(support_end(scene), 0);
	support_shell(scene, "! ls tmp/hotinject.*; umount fixed data; true");
	support_free(scene);
}
END_TEST

START_TEST(refused_builds_leave_no_copy)
{
	struct support *scene = faults_make("refused");

	support_shell(scene,
		      "echo 'long value(void) { return 9; }' >other.c;"
		      " gcc -g -O2 -fPIC -shared -o other.so other.c;"
		      " head -c 3000 build.2.so >cut.so;"
		      " cp build.2.so no.so; echo >>no.so;"
		      " printf 'x' | dd of=no.so bs=1 seek=18 conv=notrunc");
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	support_put(scene, "other.so", WORKER, SUPPORT_RENAME);
	support_event(scene, "refused");
	support_put(scene, "no.so", WORKER, SUPPORT_RENAME);
	support_event(scene, "refused");
	support_put(scene, "cut.so", WORKER, SUPPORT_RENAME);
	ck_assert_str_eq(support_event_text(scene, support_event_any(scene),
					    "event"),
			 "ignored");
	support_shell(scene, "ls run/hotinject/*/libworker.*;"
			     " test $(ls run/hotinject/*/libworker.* | wc -l)"
			     " = 1");
	faults_expect_live(scene, WORKER, 2);
	faults_finish(scene);
}
END_TEST

/* The end of a killed session's host is a matter of the kernel's time. */
static void start_another(struct support *scene)
{
	support_shell(scene, "\"$HOTINJECT\" true " WORKER " 2>/dev/null");
}

START_TEST(what_a_killed_session_left_in_the_runtime_folder_goes_with_its_host)
{
	struct support *scene = faults_make("stale");
	pid_t tool, host;

	/* numbers that no process has */
	support_shell(scene, "mkdir -m 700 mine run/hotinject &&"
			     " touch mine/.hotinject mine/libworker.1.so &&"
			     " ln -s ../../mine run/hotinject/2000000001 &&"
			     " mkdir -m 700 run/hotinject/2000000002 &&"
			     " touch run/hotinject/2000000002/libworker.1.so");
	if (geteuid() == 0)
		support_shell(scene, "cp -a run/hotinject/2000000002"
				     " run/hotinject/2000000003 &&"
				     " chown 65534 run/hotinject/2000000003");
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	support_shell(scene, "! ls run/hotinject/2000000002");
	tool = support_get_pid(scene);
	host = support_get_host_pid(scene);
	support_signal(scene, SIGKILL);
	support_forget_events(scene);
	support_shell(
		scene,
		"while kill -0 %d 2>/dev/null && ! grep -q 'TracerPid:.0$'"
		" /proc/%d/status; do :; done",
		host, host);
	start_another(scene);
	support_shell(scene, "ls run/hotinject/%d/libworker.1.so", tool);
	kill(host, SIGKILL);
	support_shell(scene, "while test -e /proc/%d/exe; do :; done", host);
	start_another(scene);
	support_shell(scene,
		      "! ls run/hotinject/%d && ls mine/libworker.1.so"
		      " mine/.hotinject && test -L run/hotinject/2000000001",
		      tool);
	if (geteuid() == 0)
		support_shell(scene,
			      "ls run/hotinject/2000000003/libworker.1.so");
	support_free(scene);
}
END_TEST

/* --- ways and times --------------------------------------------------------------- */

START_TEST(a_folder_may_be_renamed_away_and_linked_elsewhere)
{
	struct support *scene = faults_make("ways");

	support_shell(scene,
		      "mkdir a b && cp " WORKER " a && cp " WORKER " b &&"
		      " ln -s a seen");
	support_start(scene, "./host", "seen/" WORKER, NULL);
	support_event(scene, "ready");
	faults_expect_live(scene, "a/" WORKER, 2);
	/* away, and back with another build in it */
	support_shell(scene,
		      "mv a c && cp build.3.so c/new && mv c/new c/" WORKER
		      " && mv c a");
	support_event(scene, "live");
	faults_expect_value(scene, 3);
	support_shell(scene, "cp build.4.so b/" WORKER " && ln -s b new &&"
			     " mv -T new seen");
	support_event(scene, "live");
	faults_expect_value(scene, 4);
	/* the folder that it led to before is of no interest any more */
	faults_put(scene, "a/" WORKER, 1);
	faults_expect_live(scene, "b/" WORKER, 2);
	faults_finish(scene);
}
END_TEST

static const char *const times[] = { "-d 1985-01-01", "-d 2037-01-01",
				     "-r host" };

/* A clock that was set, a file from an archive, or two of one time. */
START_TEST(the_time_of_a_file_says_nothing_of_its_age)
{
	struct support *scene = faults_make("times");
	bool polls = _i == 1;

	if (polls &&
	    !faults_limit_inotify(scene,
				  "the_time_of_a_file_says_nothing_of_its_age",
				  FAULTS_NO_INOTIFY))
		return;
	support_shell(scene, "touch -r host " WORKER);
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	for (int i = 0; i < 2 * LEN(times); i++) {
		int number = 2 + i % 3;

		support_shell(scene,
			      "cp build.%d.so new && touch %s new && mv new "
			      "" WORKER,
			      number, times[i % LEN(times)]);
		support_event(scene, "live");
		faults_expect_value(scene, number);
	}
	faults_finish(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "places");

	tcase_add_test(tcase, however_little_room_there_is_the_host_goes_on);
	tcase_add_loop_test(tcase, a_runtime_folder_that_is_none_is_said_once,
			    0, LEN(unusables));
	tcase_add_test(tcase, refused_builds_leave_no_copy);
	tcase_add_test(
		tcase,
		what_a_killed_session_left_in_the_runtime_folder_goes_with_its_host);
	tcase_add_test(tcase,
		       a_folder_may_be_renamed_away_and_linked_elsewhere);
	tcase_add_loop_test(tcase, the_time_of_a_file_says_nothing_of_its_age,
			    0, 2);
}

int main(void)
{
	return support_main("places", add);
}
