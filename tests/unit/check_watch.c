#include "injector/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/fixture.h"

/*
 * inotify queues an event before the system call that caused it returns, so the
 * news of what a test did is there when it asks: nothing is waited for.
 */
static int news(struct hi_watch *watch)
{
	uint64_t time_ns;
	struct hi_err err;
	int events = hi_watch_read(watch, &time_ns, &err);

	if (events < 0)
		ck_abort_msg("%s", err.sentence);
	return events;
}

static struct hi_watch *watch_file(const char *path)
{
	struct hi_watch *watch = NULL;
	struct hi_err err;

	if (hi_watch_new(path, &watch, &err) < 0)
		ck_abort_msg("%s", err.sentence);
	return watch;
}

/* A folder with lib/w.so in it. */
static const char *begin(struct hi_fixture *fx)
{
	hi_fixture_init(fx);
	hi_fixture_run(fx, "mkdir lib && echo 1 > lib/w.so");
	return hi_fixture_path(fx, "lib/w.so");
}

#define ck_assert_news(watch, expected) \
	ck_assert_int_eq(news(watch) & ~HI_WATCH_OPENED, (expected))

START_TEST(a_quiet_folder_has_no_news)
{
	struct hi_fixture fx;
	struct hi_watch *watch = watch_file(begin(&fx));
	struct pollfd poll_fd = { hi_watch_get_fd(watch), POLLIN, 0 };

	ck_assert_int_eq(poll(&poll_fd, 1, 0), 0);
	ck_assert_int_eq(news(watch), HI_WATCH_NOTHING);
	hi_fixture_run(&fx, "echo 2 > lib/other.so");
	ck_assert_int_eq(news(watch), HI_WATCH_NOTHING);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_file_written_in_place_is_a_candidate_at_its_close)
{
	struct hi_fixture fx;
	const char *path = begin(&fx);
	struct hi_watch *watch = watch_file(path);
	struct pollfd poll_fd = { hi_watch_get_fd(watch), POLLIN, 0 };
	int fd = open(path, O_WRONLY | O_TRUNC);

	ck_assert_int_eq(write(fd, "new", 3), 3);
	ck_assert_news(watch, HI_WATCH_NOTHING);
	close(fd);
	ck_assert_int_eq(poll(&poll_fd, 1, 0), 1);
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	ck_assert_int_eq(poll(&poll_fd, 1, 0), 0);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_file_made_anew_is_a_candidate_only_at_its_close)
{
	struct hi_fixture fx;
	const char *path = begin(&fx);
	struct hi_watch *watch = watch_file(path);
	int fd;

	unlink(path);
	ck_assert_news(watch, HI_WATCH_DELETED);
	fd = open(path, O_WRONLY | O_CREAT, 0666);
	ck_assert_int_eq(write(fd, "new", 3), 3);
	ck_assert_news(watch, HI_WATCH_NOTHING);
	close(fd);
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(each_linker_makes_a_candidate)
{
	static const char *const compilers[] = { "gcc", "gcc -fuse-ld=gold",
						 "gcc -O2 -g" };
	struct hi_fixture fx;
	struct hi_watch *watch;

	hi_fixture_init(&fx);
	watch = watch_file(hi_fixture_path(&fx, "w.so"));
	for (size_t i = 0; i < sizeof(compilers) / sizeof(*compilers); i++) {
		hi_fixture_library(&fx, "w.so", compilers[i],
				   "int f(void) { return 1; }\n");
		ck_assert_news(watch, HI_WATCH_CANDIDATE);
	}
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(what_is_made_again_at_once_was_not_deleted)
{
	struct hi_fixture fx;
	struct hi_watch *watch = watch_file(begin(&fx));

	hi_fixture_run(&fx, "rm lib/w.so && echo 2 > lib/w.so");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_fixture_run(&fx, "echo 3 > lib/w.so && rm lib/w.so");
	ck_assert_news(watch, HI_WATCH_DELETED);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_rename_onto_the_name_is_a_candidate)
{
	struct hi_fixture fx;
	struct hi_watch *watch = watch_file(begin(&fx));

	hi_fixture_run(&fx, "echo 2 > lib/w.so.tmp");
	ck_assert_news(watch, HI_WATCH_NOTHING);
	hi_fixture_run(&fx, "mv lib/w.so.tmp lib/w.so");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_fixture_run(&fx, "mv lib/w.so lib/w.so.old");
	ck_assert_news(watch, HI_WATCH_DELETED);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_hard_link_to_a_finished_file_is_a_candidate)
{
	struct hi_fixture fx;
	struct hi_watch *watch = watch_file(begin(&fx));

	hi_fixture_run(&fx, "rm lib/w.so && echo 2 > tmp && ln tmp lib/w.so "
			    "&& rm tmp");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_hard_link_to_a_file_in_writing_waits_for_the_close)
{
	struct hi_fixture fx;
	const char *path = begin(&fx);
	const char *other = hi_fixture_path(&fx, "tmp");
	struct hi_watch *watch = watch_file(path);
	int fd = open(other, O_WRONLY | O_CREAT, 0666);

	ck_assert_int_eq(write(fd, "new", 3), 3);
	unlink(path);
	ck_assert_int_eq(link(other, path), 0);
	ck_assert_news(watch, HI_WATCH_NOTHING);
	close(fd);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(opening_is_told_and_is_no_candidate)
{
	struct hi_fixture fx;
	const char *path = begin(&fx);
	struct hi_watch *watch = watch_file(path);

	close(open(path, O_RDONLY));
	ck_assert_int_eq(news(watch), HI_WATCH_OPENED);
	ck_assert_int_eq(news(watch), HI_WATCH_NOTHING);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_link_to_another_file_is_a_candidate)
{
	struct hi_fixture fx;
	struct hi_watch *watch;

	begin(&fx);
	hi_fixture_run(&fx, "mkdir v && echo 1 > v/w.so.1 && echo 2 > v/w.so.2 "
			    "&& ln -sf ../v/w.so.1 lib/w.so");
	watch = watch_file(hi_fixture_path(&fx, "lib/w.so"));
	hi_fixture_run(&fx, "ln -s ../v/w.so.2 lib/tmp && mv -T lib/tmp "
			    "lib/w.so");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_fixture_run(&fx, "echo 1b > v/w.so.1");
	ck_assert_news(watch, HI_WATCH_NOTHING);
	hi_fixture_run(&fx, "echo 2b > v/w.so.2");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_fixture_run(&fx, "rm lib/w.so && ln -s ../v/w.so.1 lib/w.so");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_fixture_run(&fx, "rm lib/w.so && ln -s ../v/w.so.1 lib/w.so");
	ck_assert_news(watch, HI_WATCH_NOTHING);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(an_absolute_link_into_a_folder_below_is_followed)
{
	struct hi_fixture fx;
	struct hi_watch *watch;

	begin(&fx);
	hi_fixture_run(&fx, "mkdir lib/v && echo 1 > lib/v/1 && "
			    "echo 2 > lib/v/2 && ln -sf $PWD/lib/v/1 lib/w.so");
	watch = watch_file(hi_fixture_path(&fx, "lib/w.so"));
	hi_fixture_run(&fx, "ln -sf $PWD/lib/v/2 lib/w.so");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_linked_folder_is_followed_to_its_new_target)
{
	struct hi_fixture fx;
	struct hi_watch *watch;

	hi_fixture_init(&fx);
	hi_fixture_run(&fx, "mkdir -p debug/lib release/lib && "
			    "echo 1 > debug/lib/w.so && "
			    "echo 2 > release/lib/w.so && ln -s debug build");
	watch = watch_file(hi_fixture_path(&fx, "build/lib/w.so"));
	hi_fixture_run(&fx, "ln -sfn release build");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_fixture_run(&fx, "echo 3 > debug/lib/w.so");
	ck_assert_news(watch, HI_WATCH_NOTHING);
	hi_fixture_run(&fx, "echo 3 > release/lib/w.so");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_folder_that_is_removed_and_made_anew_is_followed)
{
	struct hi_fixture fx;
	struct hi_watch *watch;

	hi_fixture_init(&fx);
	hi_fixture_run(&fx, "mkdir -p a/b/lib && echo 1 > a/b/lib/w.so");
	watch = watch_file(hi_fixture_path(&fx, "a/b/lib/w.so"));
	hi_fixture_run(&fx, "rm -r a");
	ck_assert_news(watch, HI_WATCH_DELETED);
	hi_fixture_run(&fx, "mkdir a");
	ck_assert_news(watch, HI_WATCH_NOTHING);
	hi_fixture_run(&fx, "mkdir -p a/b/lib && echo 2 > a/b/lib/w.so");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_fixture_run(&fx, "echo 3 > a/b/lib/w.so");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_folder_above_that_is_renamed_is_noticed)
{
	struct hi_fixture fx;
	struct hi_watch *watch;

	hi_fixture_init(&fx);
	hi_fixture_run(&fx, "mkdir -p a/b/lib c/b/lib && echo 1 > a/b/lib/w.so "
			    "&& echo 2 > c/b/lib/w.so");
	watch = watch_file(hi_fixture_path(&fx, "a/b/lib/w.so"));
	hi_fixture_run(&fx, "mv a old");
	ck_assert_news(watch, HI_WATCH_DELETED);
	hi_fixture_run(&fx, "echo 9 > old/b/lib/w.so");
	ck_assert_news(watch, HI_WATCH_NOTHING);
	hi_fixture_run(&fx, "mv c a");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_file_that_is_not_there_yet_can_be_watched)
{
	struct hi_fixture fx;
	struct hi_watch *watch;

	hi_fixture_init(&fx);
	watch = watch_file(hi_fixture_path(&fx, "out/w.so"));
	ck_assert_news(watch, HI_WATCH_NOTHING);
	hi_fixture_run(&fx, "mkdir out && echo 1 > out/w.so");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_relative_path_stays_with_the_folder_of_the_start)
{
	struct hi_fixture fx;
	struct hi_watch *watch;

	begin(&fx);
	ck_assert_int_eq(chdir(fx.folder), 0);
	watch = watch_file("./lib/../lib//w.so");
	ck_assert_int_eq(chdir("/"), 0);
	hi_fixture_run(&fx, "echo 2 > lib/w.so");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_fixture_run(&fx, "rm -r lib && mkdir lib && echo 3 > lib/w.so");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_circle_of_links_ends)
{
	struct hi_fixture fx;
	struct hi_watch *watch;

	hi_fixture_init(&fx);
	hi_fixture_run(&fx, "ln -s b a && ln -s a b");
	watch = watch_file(hi_fixture_path(&fx, "a"));
	hi_fixture_run(&fx, "rm b && echo 1 > b");
	ck_assert_news(watch, HI_WATCH_CANDIDATE);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(lost_events_count_as_a_candidate)
{
	struct hi_fixture fx;
	const char *path = begin(&fx);
	struct hi_watch *watch = watch_file(path);
	FILE *limit = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
	long n_max = 0;

	ck_assert_ptr_nonnull(limit);
	ck_assert_int_eq(fscanf(limit, "%ld", &n_max), 1);
	fclose(limit);
	ck_assert_int_eq(chdir(fx.folder), 0);
	/* Equal neighbours are merged, so each opens one of two names. */
	hi_fixture_run(&fx, "echo 1 > lib/x.so");
	for (long i = 0; i <= n_max; i++)
		close(open(i % 2 ? "lib/x.so" : "lib/w.so", O_RDONLY));
	ck_assert_int_ne(news(watch) & HI_WATCH_CANDIDATE, 0);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(the_time_is_that_of_the_last_candidate)
{
	struct hi_fixture fx;
	struct hi_watch *watch = watch_file(begin(&fx));
	struct timespec before;
	uint64_t first_ns = 0;
	uint64_t later_ns = 0;
	struct hi_err err;

	clock_gettime(CLOCK_MONOTONIC, &before);
	hi_fixture_run(&fx, "echo 2 > lib/w.so");
	ck_assert_int_gt(hi_watch_read(watch, &first_ns, &err), 0);
	ck_assert_uint_gt(first_ns, (uint64_t)before.tv_sec * 1000000000U +
					    (uint64_t)before.tv_nsec);
	hi_fixture_run(&fx, "cat lib/w.so");
	ck_assert_int_eq(hi_watch_read(watch, &later_ns, &err),
			 HI_WATCH_OPENED);
	ck_assert_uint_eq(later_ns, first_ns);
	hi_watch_free(watch);
	hi_fixture_done(&fx);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watch");
	TCase *tc = tcase_create("watch");

	tcase_add_test(tc, a_quiet_folder_has_no_news);
	tcase_add_test(tc, a_file_written_in_place_is_a_candidate_at_its_close);
	tcase_add_test(tc, a_file_made_anew_is_a_candidate_only_at_its_close);
	tcase_add_test(tc, each_linker_makes_a_candidate);
	tcase_add_test(tc, what_is_made_again_at_once_was_not_deleted);
	tcase_add_test(tc, a_rename_onto_the_name_is_a_candidate);
	tcase_add_test(tc, a_hard_link_to_a_finished_file_is_a_candidate);
	tcase_add_test(tc,
		       a_hard_link_to_a_file_in_writing_waits_for_the_close);
	tcase_add_test(tc, opening_is_told_and_is_no_candidate);
	tcase_add_test(tc, a_link_to_another_file_is_a_candidate);
	tcase_add_test(tc, an_absolute_link_into_a_folder_below_is_followed);
	tcase_add_test(tc, a_linked_folder_is_followed_to_its_new_target);
	tcase_add_test(tc, a_folder_that_is_removed_and_made_anew_is_followed);
	tcase_add_test(tc, a_folder_above_that_is_renamed_is_noticed);
	tcase_add_test(tc, a_file_that_is_not_there_yet_can_be_watched);
	tcase_add_test(tc, a_relative_path_stays_with_the_folder_of_the_start);
	tcase_add_test(tc, a_circle_of_links_ends);
	tcase_add_test(tc, lost_events_count_as_a_candidate);
	tcase_add_test(tc, the_time_is_that_of_the_last_candidate);
	suite_add_tcase(suite, tc);
	return hi_fixture_main(suite);
}
