/*
 * What fails in hotinject itself: there is no inotify to be had, or it is silent; no
 * memory, no descriptors. The host computes right, one sentence says what is wrong, and
 * the next good build goes live.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/own.h"
#include "tests/support_case.h"
#include "tests/support_faults.h"
#include "tests/support_fuse.h"
#include "tests/support_rights.h"

#define WORKER     "libworker.so"
#define LEN(array) (int)(sizeof(array) / sizeof(*(array)))

/* --- inotify ------------------------------------------------------------------ */

static const struct scarce {
	const char *limit, *said;
} scarces[] = {
	{ FAULTS_NO_INOTIFY,
	  "^hotinject: libworker.so is looked at every 250 ms, because its "
	  "folder cannot be watched: Too many open files \\(raise "
	  "fs.inotify.max_user_instances with sysctl" },
	{ "1 >/proc/sys/user/max_inotify_watches",
	  "^hotinject: libworker.so is looked at every 250 ms, because folder "
	  "/.* cannot be watched: No space left on device \\(raise "
	  "fs.inotify.max_user_watches with sysctl" },
};

START_TEST(without_inotify_the_file_is_looked_at)
{
	struct support *scene = faults_make("scarce");
	char *HI_FREE bytes = NULL;
	size_t len;

	if (!faults_limit_inotify(scene,
				  "without_inotify_the_file_is_looked_at",
				  scarces[_i].limit))
		return;
	support_start(scene, "./host", WORKER, NULL);
	support_message(scene, scarces[_i].said);
	support_event(scene, "ready");
	faults_expect_live(scene, WORKER, 2);
	/* one that is still being written */
	bytes = support_read(scene, "build.3.so", &len);
	support_put_bytes(scene, bytes, len / 2, WORKER, SUPPORT_IN_PLACE);
	ck_assert_str_eq(support_event_text(scene, support_event_any(scene),
					    "event"),
			 "ignored");
	faults_expect_value(scene, 2);
	support_put_bytes(scene, bytes, len, WORKER, SUPPORT_IN_PLACE);
	support_event(scene, "live");
	faults_expect_value(scene, 3);
	support_shell(scene, "rm " WORKER);
	faults_expect_live(scene, WORKER, 4);
	ck_assert_int_eq(faults_count_said(scene, "looked at every"), 1);
	faults_finish(scene);
}
END_TEST

/* The limit falls while hotinject watches: it finds out at the next new folder. */
START_TEST(inotify_may_run_out_while_it_is_used)
{
	struct support *scene = faults_make("lowered");

	if (!faults_limit_inotify(scene, "inotify_may_run_out_while_it_is_used",
				  "100 >/proc/sys/user/max_inotify_watches"))
		return;
	support_shell(scene, "mkdir seen && mv " WORKER " seen");
	support_start(scene, "./host", "seen/" WORKER, NULL);
	support_event(scene, "ready");
	faults_expect_live(scene, "seen/" WORKER, 2);
	ck_assert_int_eq(faults_count_said(scene, "looked at every"), 0);
	support_shell(scene,
		      "nsenter -U --preserve-credentials -t %d sh -c"
		      " 'echo 1 >/proc/sys/user/max_inotify_watches';"
		      " rm -r seen && mkdir seen",
		      (int)support_get_pid(scene));
	faults_put(scene, "seen/" WORKER, 3);
	support_message(scene, "libworker.so is looked at every 250 ms, because"
			       " folder /.* cannot be watched: No space left");
	support_event(scene, "live");
	faults_expect_value(scene, 3);
	faults_expect_live(scene, "seen/" WORKER, 4);
	ck_assert_int_eq(faults_count_said(scene, "looked at every"), 1);
	faults_finish(scene);
}
END_TEST

/* Nobody tells that the host has opened it, either. */
START_TEST(without_inotify_a_worker_may_be_opened_late)
{
	struct support *scene = support_new("late");
	const char *story = "tests/cases/opened-late";

	if (!faults_limit_inotify(scene,
				  "without_inotify_a_worker_may_be_opened_late",
				  FAULTS_NO_INOTIFY))
		return;
	for (unsigned int i = 1; i <= 3; i++)
		support_compile_worker(scene, story, &support_plain_variant, "",
				       i);
	faults_put(scene, WORKER, 1);
	support_compile_host(scene, story, &support_plain_variant, "-ldl");
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "absent");
	ck_assert_str_eq(support_ask(scene, "open"), "opened=1 found=0");
	support_event(scene, "ready");
	faults_put(scene, WORKER, 2);
	support_event(scene, "live");
	ck_assert(support_has_word(support_ask(scene, "call"), "value=2"));
	ck_assert_str_eq(support_ask(scene, "close"), "closed=1");
	support_event(scene, "absent");
	support_message(scene, "libworker.so was closed by the host$");
	ck_assert_str_eq(support_ask(scene, "open"), "opened=1 found=0");
	support_event(scene, "ready");
	faults_put(scene, WORKER, 3);
	support_event(scene, "live");
	ck_assert(support_has_word(support_ask(scene, "call"), "value=3"));
	support_reject(scene, "call", "value=2", 3);
	faults_finish(scene);
}
END_TEST

/* --- folders that are silent ---------------------------------------------------- */

START_TEST(what_changes_behind_a_mount_goes_live)
{
	struct support *scene;

	if (!support_gain(SUPPORT_MOUNT,
			  "what_changes_behind_a_mount_goes_live"))
		return;
	scene = support_new("fuse");
	if (!support_fuse_mount(scene, "behind", "seen")) {
		printf("skip: what_changes_behind_a_mount_goes_live (needs "
		       "/dev/fuse)\n");
		return;
	}
	faults_compile(scene);
	support_shell(scene, "mv " WORKER " behind");
	support_start(scene, "./host", "seen/" WORKER, NULL);
	support_message(scene,
			"^hotinject: libworker.so is looked at every 250 ms, "
			"because its folder is on FUSE, where changes made "
			"elsewhere are not told$");
	support_event(scene, "ready");
	for (int i = 2; i <= 4; i++)
		faults_expect_live(scene, "behind/" WORKER, i);
	ck_assert_int_eq(faults_count_said(scene, "looked at every"), 1);
	ck_assert_int_eq(support_end(scene), 0);
	support_fuse_unmount(scene, "seen");
	support_free(scene);
}
END_TEST

/* --- memory and descriptors ------------------------------------------------------ */

/* How long the address space of hotinject is, in bytes. */
static rlim_t get_size(const struct support *scene)
{
	unsigned long n_pages = 0;
	char path[40];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", support_get_pid(scene));
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%lu", &n_pages), 1);
	fclose(file);
	return n_pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void limit(const struct support *scene, __rlimit_resource_t what,
		  rlim_t number, struct rlimit *old)
{
	struct rlimit new;

	ck_assert_int_eq(prlimit(support_get_pid(scene), what, NULL, old), 0);
	new.rlim_max = old->rlim_max;
	new.rlim_cur = number;
	ck_assert_int_eq(prlimit(support_get_pid(scene), what, &new, NULL), 0);
}

static void unlimit(const struct support *scene, __rlimit_resource_t what,
		    const struct rlimit *old)
{
	ck_assert_int_eq(prlimit(support_get_pid(scene), what, old, NULL), 0);
}

/* Build 2 is refused because of WHY while hotinject is limited, and build NEXT, when it
   is not, goes live. */
static void expect_want(struct support *scene, __rlimit_resource_t what,
			rlim_t number, int before, int next, const char *why)
{
	struct rlimit old;

	limit(scene, what, number, &old);
	faults_put(scene, WORKER, 2);
	ck_assert(support_event_reason(support_event(scene, "refused"),
				       "load-file", why));
	faults_expect_value(scene, before);
	unlimit(scene, what, &old);
	faults_expect_live(scene, WORKER, next);
}

static const unsigned long spares[] = { 0,       100000UL,  400000UL,
					1000000, 8000000UL, 40000000UL };

START_TEST(a_lack_of_memory_is_said)
{
	struct support *scene = faults_make("memory");
	int now = 1;

	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	for (int i = 0; i < LEN(spares); i++) {
		int next = now == 3 ? 4 : 3;

		expect_want(scene, RLIMIT_AS, get_size(scene) + spares[i], now,
			    next,
			    "hotinject has too little memory left for a "
			    "reload");
		now = next;
	}
	support_message(scene, "^hint: raise its limit on memory");
	faults_finish(scene);
}
END_TEST

START_TEST(a_lack_of_descriptors_is_said)
{
	struct support *scene = faults_make("descriptors");
	int now = 1;

	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	for (rlim_t n = 0; n <= 20; n += 4) {
		int next = now == 3 ? 4 : 3;

		expect_want(scene, RLIMIT_NOFILE, n, now, next,
			    "hotinject has too few descriptors left for a "
			    "reload");
		now = next;
	}
	support_message(scene, "^hint: raise its limit on open files");
	faults_finish(scene);
}
END_TEST

/* More threads than descriptors, and made while there is no memory to know them by. */
START_TEST(threads_that_hotinject_has_no_room_for_run)
{
	struct support *scene = support_new("threads");
	struct rlimit old;
	char all[40];
	long n;

	faults_compile(scene);
	support_compile_host(scene, "tests/faults", &support_plain_variant,
			     "-pthread");
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	limit(scene, RLIMIT_AS, get_size(scene), &old);
	/* where a user may have that many */
	n = support_number(scene, support_ask(scene, "threads 12000"),
			   "threads");
	snprintf(all, sizeof(all), "answers=%ld", n);
	ck_assert_str_eq(support_ask(scene, "ask"), all);
	unlimit(scene, RLIMIT_AS, &old);
	limit(scene, RLIMIT_NOFILE, 1000, &old);
	for (int i = 2; i <= 4; i++) {
		faults_expect_live(scene, WORKER, i);
		ck_assert_str_eq(support_ask(scene, "ask"), all);
	}
	faults_finish(scene);
}
END_TEST

static void add_inotify(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "inotify");

	tcase_add_loop_test(tcase, without_inotify_the_file_is_looked_at, 0,
			    LEN(scarces));
	tcase_add_test(tcase, inotify_may_run_out_while_it_is_used);
	tcase_add_test(tcase, without_inotify_a_worker_may_be_opened_late);
	tcase_add_test(tcase, what_changes_behind_a_mount_goes_live);
}

static void add_limits(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "limits");

	tcase_add_test(tcase, a_lack_of_memory_is_said);
	tcase_add_test(tcase, a_lack_of_descriptors_is_said);
	tcase_add_test(tcase, threads_that_hotinject_has_no_room_for_run);
}

static void add(Suite *suite)
{
	add_limits(suite);
	add_inotify(suite);
}

int main(void)
{
	return support_main("faults", add);
}
