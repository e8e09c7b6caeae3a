/*
 * Many reloads under threads that call without a pause: no result is wrong, no
 * thread is lost, no count is lost, and memory and descriptors do not pile up.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support_case.h"

#define WORKER "libworker.so"
#define STORY  "tests/cases/callers"

enum { N_BUILDS = 3 };

static int count_descriptors(pid_t pid)
{
	char path[60];
	DIR *folder;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	folder = opendir(path);
	ck_assert_ptr_nonnull(folder);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

static void expect_right(struct support *scene, const char *question)
{
	const char *answer = support_ask(scene, question);

	if (!support_has_word(answer, "wrong=0"))
		support_fail(scene, "after \"%s\": %s", question, answer);
}

static void reload(struct support *scene, unsigned int build)
{
	char file[40], question[40];

	expect_right(scene, "any");
	snprintf(file, sizeof(file), "build.%u.so", build);
	support_put(scene, file, WORKER,
		    build % 2 ? SUPPORT_RENAME : SUPPORT_IN_PLACE);
	support_event(scene, "live");
	snprintf(question, sizeof(question), "only %u", build);
	expect_right(scene, question);
}

static void stress(const char *n_threads, unsigned int n_reloads)
{
	struct support *scene = support_new("stress");
	int n_host, n_tool;

	for (unsigned int i = 1; i <= N_BUILDS; i++)
		support_compile_worker(scene, STORY, &support_plain_variant, "",
				       i);
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_compile_host(scene, STORY, &support_plain_variant, "");
	support_start(scene, "--wait=50", "./host", WORKER, "--", n_threads,
		      NULL);
	support_event(scene, "ready");
	expect_right(scene, "only 1");
	reload(scene, 2);
	n_host = count_descriptors(support_get_host_pid(scene));
	n_tool = count_descriptors(support_get_pid(scene));
	for (unsigned int i = 0; i < n_reloads; i++)
		reload(scene, 1 + i % N_BUILDS);
	ck_assert_int_eq(count_descriptors(support_get_host_pid(scene)),
			 n_host);
	/* One open build more or less is no leak. */
	ck_assert_int_le(count_descriptors(support_get_pid(scene)), n_tool + 4);
	ck_assert(support_has_word(support_ask(scene, "stop"), "lost=0"));
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}

START_TEST(calls_of_8_threads_go_right_through_100_reloads)
{
	stress("8", 100);
}
END_TEST

START_TEST(calls_of_64_threads_go_right_through_15_reloads)
{
	stress("64", 15);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "callers");

	tcase_add_test(tcase, calls_of_8_threads_go_right_through_100_reloads);
	tcase_add_test(tcase, calls_of_64_threads_go_right_through_15_reloads);
}

int main(void)
{
	return support_main("stress", add);
}
