/*
 * Hosts that are attached to and do not see what hotinject sees, or run what has
 * another name by now; and those that cannot be attached to, which are left as they
 * were.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tests/support_case.h"
#include "tests/support_rights.h"

#define WORKER     "libworker.so"
#define STORY      "tests/cases/launched"
#define LEN(array) (int)(sizeof(array) / sizeof(*(array)))

/* A host that runs, of a worker that has SONAME when it is not "". */
static struct support *begin(const char *name, const char *soname)
{
	struct support *scene = support_new(name);

	for (unsigned int i = 1; i <= 3; i++)
		support_compile_worker(scene, STORY, &support_plain_variant,
				       soname, i);
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_compile_host(scene, "tests/world", &support_plain_variant, "");
	support_start_plain(scene, "./host", NULL);
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	return scene;
}

static void end(struct support *scene)
{
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}

static void expect_reload_and_leave(struct support *scene)
{
	support_put(scene, "build.2.so", WORKER, SUPPORT_RENAME);
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	support_put(scene, "build.3.so", WORKER, SUPPORT_RENAME);
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), "value=3");
	ck_assert_int_eq(support_detach(scene), 0);
	support_reject(scene, "value", "value=2", 3);
	end(scene);
}

/* --- elsewhere ------------------------------------------------------------------- */

static const struct place {
	const char *question;
	unsigned int rights;
} places[] = {
	{ "become 65534", SUPPORT_NOBODY },
	{ "chroot room", SUPPORT_CHROOT },
	{ "own-mounts", SUPPORT_MOUNT },
};

START_TEST(a_host_that_does_not_see_our_files_is_given_them)
{
	const struct place *place = &places[_i];
	struct support *scene;

	if (!support_gain(place->rights, place->question))
		return;
	scene = begin("place", "");
	support_shell(scene, "mkdir -p room/tmp");
	ck_assert_ptr_nonnull(
		strstr(support_ask(scene, place->question), "=0"));
	support_attach(scene, WORKER, NULL);
	support_event(scene, "ready");
	expect_reload_and_leave(scene);
}
END_TEST

START_TEST(a_host_that_reaches_no_folder_of_ours_is_left_alone)
{
	struct support *scene;

	if (!support_gain(SUPPORT_CHROOT, "no room"))
		return;
	scene = begin("room", "");
	support_shell(scene, "mkdir -p room");
	ck_assert_str_eq(support_ask(scene, "chroot room"), "chroot=0");
	support_attach(scene, WORKER, NULL);
	support_message(scene, "has a root folder or mounts of its own, and "
			       "there is no folder");
	ck_assert_int_eq(support_await_attached(scene), 125);
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	end(scene);
}
END_TEST

/* --- under another name ------------------------------------------------------------ */

START_TEST(a_worker_that_was_renamed_is_known_by_its_build_id)
{
	struct support *scene = begin("renamed", "-Wl,--build-id");

	support_shell(scene, "mv libworker.so other; cp build.1.so " WORKER);
	support_attach(scene, WORKER, NULL);
	support_message(scene, "has libworker.so as .*/other$");
	support_event(scene, "ready");
	expect_reload_and_leave(scene);
}
END_TEST

/* The host has a copy of its own; that on disk is newer already. */
START_TEST(a_private_copy_is_known_by_its_soname)
{
	struct support *scene = begin("copy", "-Wl,--build-id");

	support_shell(scene, "mv libworker.so x1; cp build.2.so " WORKER);
	support_attach(scene, WORKER, NULL);
	support_message(scene, "has libworker.so as .*/x1$");
	support_event(scene, "ready");
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	ck_assert_int_eq(support_detach(scene), 0);
	support_reject(scene, "value", "value=1", 3);
	end(scene);
}
END_TEST

/* --- not at all -------------------------------------------------------------------- */

/* It ends with this sentence, and nothing of it is in the host. */
static void expect_refusal(struct support *scene, const char *sentence)
{
	support_attach(scene, WORKER, NULL);
	support_message(scene, sentence);
	ck_assert_int_eq(support_await_attached(scene), 125);
	support_event(scene, "error");
	support_shell(scene,
		      "grep -q ^TracerPid:.0$ /proc/%d/status &&"
		      " ! grep libhotinject /proc/%d/task/*/maps",
		      support_get_pid(scene), support_get_pid(scene));
}

static const char *const filters[] = { "filter-kill", "filter-errno",
				       "strict" };

START_TEST(a_host_that_a_filter_might_end_is_left_alone)
{
	struct support *scene = begin("filter", "");

	ck_assert_ptr_nonnull(strstr(support_ask(scene, filters[_i]), "=0"));
	expect_refusal(scene, "has locked itself in with seccomp");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	support_signal(scene, SIGKILL);
	support_free(scene);
}
END_TEST

START_TEST(a_host_that_is_stopped_stays_so)
{
	struct support *scene = begin("stopped", "");
	int status;

	support_signal(scene, SIGSTOP);
	ck_assert_int_gt(waitpid(support_get_pid(scene), &status, WUNTRACED),
			 0);
	expect_refusal(scene, "host .[0-9]+. is stopped$");
	support_message(scene, "hint: have it go on first: kill -CONT");
	support_shell(scene, "grep '^State:.T (stopped)' /proc/%d/status",
		      support_get_pid(scene));
	support_signal(scene, SIGCONT);
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	support_attach(scene, WORKER, NULL);
	support_event(scene, "ready");
	expect_reload_and_leave(scene);
}
END_TEST

START_TEST(a_host_whose_first_thread_has_ended_is_left_alone)
{
	struct support *scene = begin("leader", "");

	ck_assert_str_eq(support_ask(scene, "end-first"), "end-first=0");
	expect_refusal(scene, "the first thread of host .[0-9]+. has ended");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	end(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *elsewhere = support_tcase(suite, "elsewhere");
	TCase *names = support_tcase(suite, "names");
	TCase *cannot = support_tcase(suite, "cannot");

	tcase_add_loop_test(elsewhere,
			    a_host_that_does_not_see_our_files_is_given_them, 0,
			    LEN(places));
	tcase_add_test(elsewhere,
		       a_host_that_reaches_no_folder_of_ours_is_left_alone);
	tcase_add_test(names,
		       a_worker_that_was_renamed_is_known_by_its_build_id);
	tcase_add_test(names, a_private_copy_is_known_by_its_soname);
	tcase_add_loop_test(cannot,
			    a_host_that_a_filter_might_end_is_left_alone, 0,
			    LEN(filters));
	tcase_add_test(cannot, a_host_that_is_stopped_stays_so);
	tcase_add_test(cannot,
		       a_host_whose_first_thread_has_ended_is_left_alone);
}

int main(void)
{
	return support_main("e2e_apart", add);
}
