#include "injector/watch_poll.h"

#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "injector/watch.h"
#include "tests/unit/fixture.h"

/* The next look, when its time has come. */
static int look(struct hi_poll *poll_of)
{
	struct pollfd poll_fd = { hi_poll_get_fd(poll_of), POLLIN, 0 };

	ck_assert_int_eq(poll(&poll_fd, 1, 20 * HI_POLL_MS), 1);
	return hi_poll_read(poll_of);
}

static struct hi_poll *begin(struct hi_fixture *fx, const char **ret_path)
{
	struct hi_poll *poll_of;
	struct hi_identity known;
	struct hi_err err;

	hi_fixture_init(fx);
	*ret_path = hi_fixture_write(fx, "w.so", "one");
	known = hi_identify(*ret_path);
	ck_assert_int_eq(hi_poll_new(*ret_path, &known, &poll_of, &err), 0);
	return poll_of;
}

static void end(struct hi_fixture *fx, struct hi_poll *poll_of)
{
	hi_poll_free(poll_of);
	hi_fixture_done(fx);
}

START_TEST(between_two_looks_there_is_no_news)
{
	struct hi_fixture fx;
	const char *path;
	struct hi_poll *poll_of = begin(&fx, &path);

	ck_assert_int_eq(look(poll_of), HI_WATCH_UNTOLD);
	ck_assert_int_eq(hi_poll_read(poll_of), HI_WATCH_NOTHING);
	end(&fx, poll_of);
}
END_TEST

START_TEST(a_change_is_a_candidate_once_it_looks_the_same_twice)
{
	struct hi_fixture fx;
	const char *path;
	struct hi_poll *poll_of = begin(&fx, &path);

	hi_fixture_write(&fx, "w.so", "two, in part");
	ck_assert_int_eq(look(poll_of), HI_WATCH_UNTOLD);
	hi_fixture_write(&fx, "w.so", "two, and all of it");
	ck_assert_int_eq(look(poll_of), HI_WATCH_UNTOLD);
	ck_assert_int_eq(look(poll_of), HI_WATCH_UNTOLD | HI_WATCH_CANDIDATE);
	ck_assert_int_eq(look(poll_of), HI_WATCH_UNTOLD);
	end(&fx, poll_of);
}
END_TEST

/* Another file of the same size, and with a time of long ago. */
START_TEST(an_older_file_is_as_good_as_a_newer_one)
{
	struct hi_fixture fx;
	const char *path;
	struct hi_poll *poll_of = begin(&fx, &path);

	hi_fixture_run(&fx, "echo -n two > new; touch -d 2001-01-01 new;"
			    " mv new w.so");
	ck_assert_int_eq(look(poll_of), HI_WATCH_UNTOLD);
	ck_assert_int_eq(look(poll_of), HI_WATCH_UNTOLD | HI_WATCH_CANDIDATE);
	end(&fx, poll_of);
}
END_TEST

START_TEST(what_goes_and_comes_back_is_told_once_each)
{
	struct hi_fixture fx;
	const char *path;
	struct hi_poll *poll_of = begin(&fx, &path);

	hi_fixture_run(&fx, "mkdir away && mv w.so away");
	ck_assert_int_eq(look(poll_of), HI_WATCH_UNTOLD | HI_WATCH_DELETED);
	ck_assert_int_eq(look(poll_of), HI_WATCH_UNTOLD);
	hi_fixture_run(&fx, "mv away/w.so .");
	ck_assert_int_eq(look(poll_of), HI_WATCH_UNTOLD);
	ck_assert_int_eq(look(poll_of), HI_WATCH_UNTOLD | HI_WATCH_CANDIDATE);
	end(&fx, poll_of);
}
END_TEST

static const struct system_of {
	unsigned long type;
	const char *name;
} systems[] = {
	{ 0x6969, "NFS" },      { 0xff534d42, "CIFS" }, { 0xfe534d42, "SMB" },
	{ 0x65735546, "FUSE" }, { 0x01021997, "9P" },   { 0x00c36400, "Ceph" },
	{ 0x6b414653, "AFS" },  { 0x5346414f, "AFS" },  { 0x794c7630, NULL },
	{ 0xef53, NULL },       { 0x01021994, NULL },   { 0x58465342, NULL },
	{ 0x9123683e, NULL },
};

/* The last are overlayfs, ext4, tmpfs, xfs and btrfs. */
START_TEST(file_systems_that_are_silent_are_known)
{
	const char *name = hi_poll_name_silent(systems[_i].type);

	if (systems[_i].name)
		ck_assert_str_eq(name, systems[_i].name);
	else
		ck_assert_ptr_null(name);
}
END_TEST

START_TEST(a_folder_of_this_machine_is_not_silent)
{
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	ck_assert_ptr_null(hi_poll_find_silent("/proc/version"));
	ck_assert_ptr_null(hi_poll_find_silent(
		hi_fixture_path(&fx, "not/there/yet/w.so")));
	hi_fixture_done(&fx);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watch_poll");
	TCase *tcase = tcase_create("watch_poll");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, between_two_looks_there_is_no_news);
	tcase_add_test(tcase,
		       a_change_is_a_candidate_once_it_looks_the_same_twice);
	tcase_add_test(tcase, an_older_file_is_as_good_as_a_newer_one);
	tcase_add_test(tcase, what_goes_and_comes_back_is_told_once_each);
	tcase_add_loop_test(tcase, file_systems_that_are_silent_are_known, 0,
			    (int)(sizeof(systems) / sizeof(systems[0])));
	tcase_add_test(tcase, a_folder_of_this_machine_is_not_silent);
	return hi_fixture_main(suite);
}
