#include "elfscan/image.h"
#include "injector/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support_rights.h"
#include "tests/unit/fixture.h"

/* The runtime folder is one of the test's own. */
static struct hi_snapshots *begin(struct hi_fixture *fx)
{
	struct hi_snapshots *snapshots = NULL;
	struct hi_err err;

	hi_fixture_init(fx);
	hi_fixture_run(fx, "mkdir run");
	setenv("XDG_RUNTIME_DIR", hi_fixture_path(fx, "run"), 1);
	if (hi_snapshots_new(&snapshots, &err) < 0)
		ck_abort_msg("%s", err.sentence);
	return snapshots;
}

static void done(struct hi_fixture *fx, struct hi_snapshots *snapshots)
{
	hi_snapshots_free(snapshots);
	hi_fixture_done(fx);
}

static char *take(struct hi_snapshots *snapshots, const char *path,
		  unsigned int number, struct hi_content *content)
{
	char *copy = NULL;
	struct hi_err err;

	if (hi_snapshot_take(snapshots, path, number, &copy, content, &err) < 0)
		ck_abort_msg("%s", err.sentence);
	return copy;
}

static void refuse(struct hi_snapshots *snapshots, const char *path,
		   const char *sentence)
{
	char *copy = (char *)"untouched";
	struct hi_content content;
	struct hi_err err;

	ck_assert_int_lt(
		hi_snapshot_take(snapshots, path, 2, &copy, &content, &err), 0);
	ck_assert_str_eq(err.sentence, sentence);
	ck_assert_str_eq(copy, "untouched");
}

static void ck_assert_named(struct hi_snapshots *snapshots, const char *path,
			    const char *name)
{
	size_t len = strlen(hi_snapshots_get_folder(snapshots));

	ck_assert_int_eq(strncmp(path, hi_snapshots_get_folder(snapshots), len),
			 0);
	ck_assert_str_eq(path + len, name);
}

START_TEST(a_copy_holds_the_same_bytes)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots = begin(&fx);
	const char *path = hi_fixture_library(&fx, "libworker.so", "gcc -g",
					      "int f(void) { return 1; }\n");
	struct hi_content content;
	char *copy = take(snapshots, path, 2, &content);
	struct stat stat_of;

	ck_assert_named(snapshots, copy, "/libworker.2.so");
	hi_fixture_run(&fx, "cmp %s %s", path, copy);
	ck_assert_int_eq(stat(path, &stat_of), 0);
	ck_assert_uint_eq(content.len, (uint64_t)stat_of.st_size);
	free(copy);
	done(&fx, snapshots);
}
END_TEST

START_TEST(a_copy_keeps_its_bytes_when_the_file_is_rewritten)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots = begin(&fx);
	const char *path = hi_fixture_write(&fx, "w.so", "one");
	struct hi_content first, second;
	char *copy = take(snapshots, path, 1, &first);
	char *again;

	hi_fixture_write(&fx, "w.so", "two");
	hi_fixture_run(&fx, "test \"$(cat %s)\" = one", copy);
	again = take(snapshots, path, 2, &second);
	ck_assert(!hi_content_equal(&first, &second));
	free(again);
	hi_fixture_write(&fx, "w.so", "one");
	again = take(snapshots, path, 3, &second);
	ck_assert(hi_content_equal(&first, &second));
	free(again);
	free(copy);
	done(&fx, snapshots);
}
END_TEST

START_TEST(the_content_is_the_128_bit_xxh3_of_the_file)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots = begin(&fx);
	struct hi_content content;

	/* xxh128sum of nothing: 99aa06d3014798d86001c324468d497f */
	free(take(snapshots, hi_fixture_write(&fx, "w.so", ""), 1, &content));
	ck_assert_uint_eq(content.len, 0);
	ck_assert_uint_eq(content.hash_high, 0x99aa06d3014798d8);
	ck_assert_uint_eq(content.hash_low, 0x6001c324468d497f);
	done(&fx, snapshots);
}
END_TEST

START_TEST(names_tell_the_build_to_debuggers)
{
	static const char *const cases[][2] = {
		{ "libz.so.1.2", "/libz.7.so.1.2" },
		{ "plugin", "/plugin.7" },
		{ "a.software.so", "/a.software.7.so" },
		{ ".so", "/.so.7" },
	};
	struct hi_fixture fx;
	struct hi_snapshots *snapshots = begin(&fx);
	struct hi_content content;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *copy = take(snapshots,
				  hi_fixture_write(&fx, cases[i][0], "x"), 7,
				  &content);

		ck_assert_named(snapshots, copy, cases[i][1]);
		free(copy);
	}
	done(&fx, snapshots);
}
END_TEST

START_TEST(two_workers_of_one_name_do_not_meet)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots = begin(&fx);
	struct hi_content content;
	char *first, *second;

	hi_fixture_run(&fx, "mkdir a b && echo 1 > a/w.so && echo 2 > b/w.so");
	first = take(snapshots, hi_fixture_path(&fx, "a/w.so"), 1, &content);
	second = take(snapshots, hi_fixture_path(&fx, "b/w.so"), 1, &content);
	ck_assert_str_ne(first, second);
	hi_fixture_run(&fx, "cmp a/w.so %s && cmp b/w.so %s", first, second);
	free(first);
	free(second);
	done(&fx, snapshots);
}
END_TEST

START_TEST(a_dropped_copy_is_gone_and_its_name_is_free)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots = begin(&fx);
	const char *path = hi_fixture_write(&fx, "w.so", "one");
	struct hi_content content;
	char *first = take(snapshots, path, 2, &content);
	char *second;

	hi_snapshot_drop(snapshots, first);
	ck_assert_int_ne(access(first, F_OK), 0);
	second = take(snapshots, path, 2, &content);
	ck_assert_str_eq(first, second);
	free(first);
	free(second);
	done(&fx, snapshots);
}
END_TEST

START_TEST(what_is_no_readable_file_is_named)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots = begin(&fx);

	hi_fixture_run(&fx, "mkdir d.so && mkfifo f.so");
	refuse(snapshots, hi_fixture_path(&fx, "d.so"), "d.so is a directory");
	refuse(snapshots, hi_fixture_path(&fx, "f.so"),
	       "f.so is not a regular file");
	refuse(snapshots, "/dev/null", "null is not a regular file");
	refuse(snapshots, hi_fixture_path(&fx, "no.so"),
	       "no.so cannot be read: No such file or directory");
	hi_fixture_run(&fx, "test -z \"$(ls %s)\"",
		       hi_snapshots_get_folder(snapshots));
	done(&fx, snapshots);
}
END_TEST

START_TEST(a_file_without_the_right_to_read_is_named_with_a_hint)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots;
	const char *path;
	struct hi_err err;
	char *copy;
	struct hi_content content;
	int code;

	snapshots = begin(&fx);
	path = hi_fixture_write(&fx, "w.so", "x");
	ck_assert_int_eq(chmod(path, 0), 0);
	/* root reads everything: be nobody, who may pass the folder */
	if (geteuid() == 0) {
		ck_assert_int_eq(chmod(fx.folder, 0711), 0);
		ck_assert_int_eq(seteuid(65534), 0);
	}
	code = hi_snapshot_take(snapshots, path, 2, &copy, &content, &err);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(code, HI_E_SYS);
	ck_assert_str_eq(err.sentence, "w.so cannot be read: Permission "
				       "denied");
	ck_assert_ptr_nonnull(strstr(err.hint, "give yourself the right"));
	done(&fx, snapshots);
}
END_TEST

START_TEST(no_room_says_where_and_how_much)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots = begin(&fx);
	const struct rlimit limit = { 1000, RLIM_INFINITY };
	const char *path;
	char sentence[500];

	/* A limit on file size takes the way that a full disk takes. */
	hi_fixture_run(&fx, "head -c 70000 /dev/zero > w.so");
	path = hi_fixture_path(&fx, "w.so");
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	snprintf(sentence, sizeof(sentence),
		 "w.so cannot be copied to %s, where 70000 bytes are needed: "
		 "File too large",
		 hi_snapshots_get_folder(snapshots));
	refuse(snapshots, path, sentence);
	done(&fx, snapshots);
}
END_TEST

START_TEST(a_file_that_changes_meanwhile_is_cut)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots = begin(&fx);
	const char *path = hi_fixture_path(&fx, "w.so");
	struct hi_content content;
	struct hi_err err;
	int n_cut = 0;
	pid_t writer;

	/* A writer that never rests; most copies meet a write. */
	hi_fixture_run(&fx, "head -c 8000000 /dev/zero > w.so");
	writer = fork();
	if (writer == 0) {
		int fd = open(path, O_WRONLY | O_APPEND);

		while (write(fd, "x", 1) == 1)
			;
		_exit(0);
	}
	for (int i = 0; i < 1000 && n_cut == 0; i++) {
		char *copy = NULL;
		int code = hi_snapshot_take(snapshots, path, 2, &copy, &content,
					    &err);

		if (code == 0) {
			hi_snapshot_drop(snapshots, copy);
			free(copy);
		} else {
			ck_assert_int_eq(code, HI_E_CUT);
			n_cut++;
		}
	}
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	ck_assert_int_eq(n_cut, 1);
	ck_assert_str_eq(err.sentence, "w.so changed while it was copied");
	hi_fixture_run(&fx, "test -z \"$(ls %s)\"",
		       hi_snapshots_get_folder(snapshots));
	done(&fx, snapshots);
}
END_TEST

START_TEST(the_folder_is_private_and_goes_with_the_session)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots = begin(&fx);
	char expected[400];
	struct hi_content content;
	struct stat stat_of;

	snprintf(expected, sizeof(expected), "%s/run/hotinject/%d", fx.folder,
		 (int)getpid());
	ck_assert_str_eq(hi_snapshots_get_folder(snapshots), expected);
	ck_assert_int_eq(stat(expected, &stat_of), 0);
	ck_assert_int_eq(stat_of.st_mode & 07777, 0700);
	free(take(snapshots, hi_fixture_write(&fx, "w.so", "x"), 1, &content));
	hi_snapshots_free(snapshots);
	ck_assert_int_ne(access(expected, F_OK), 0);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(folders_of_dead_sessions_are_removed_and_living_ones_kept)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots;
	struct hi_err err;
	pid_t dead = fork();

	if (dead == 0)
		_exit(0);
	waitpid(dead, NULL, 0);
	hi_fixture_init(&fx);
	hi_fixture_run(&fx,
		       "mkdir -p run/hotinject/%d run/hotinject/%d "
		       "run/hotinject/notes && touch run/hotinject/%d/w.2.so",
		       (int)dead, (int)getppid(), (int)dead);
	setenv("XDG_RUNTIME_DIR", hi_fixture_path(&fx, "run"), 1);
	ck_assert_int_eq(hi_snapshots_new(&snapshots, &err), 0);
	hi_fixture_run(&fx,
		       "test ! -e run/hotinject/%d && "
		       "test -d run/hotinject/%d && "
		       "test -d run/hotinject/notes",
		       (int)dead, (int)getppid());
	done(&fx, snapshots);
}
END_TEST

START_TEST(what_a_dead_session_of_our_number_left_is_removed)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots;
	struct hi_err err;

	hi_fixture_init(&fx);
	hi_fixture_run(&fx,
		       "mkdir -p run/hotinject/%d && "
		       "touch run/hotinject/%d/w.2.so",
		       (int)getpid(), (int)getpid());
	setenv("XDG_RUNTIME_DIR", hi_fixture_path(&fx, "run"), 1);
	ck_assert_int_eq(hi_snapshots_new(&snapshots, &err), 0);
	hi_fixture_run(&fx, "test -z \"$(ls run/hotinject/%d)\"",
		       (int)getpid());
	done(&fx, snapshots);
}
END_TEST

START_TEST(without_a_runtime_folder_the_temporary_one_is_used)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots;
	struct hi_err err;
	const char *temporary;

	hi_fixture_init(&fx);
	hi_fixture_run(&fx, "mkdir tmp");
	temporary = hi_fixture_path(&fx, "tmp");
	setenv("XDG_RUNTIME_DIR", hi_fixture_path(&fx, "none"), 1);
	setenv("TMPDIR", temporary, 1);
	ck_assert_int_eq(hi_snapshots_new(&snapshots, &err), 0);
	ck_assert_int_eq(strncmp(hi_snapshots_get_folder(snapshots), temporary,
				 strlen(temporary)),
			 0);
	unsetenv("TMPDIR");
	hi_snapshots_free(snapshots);
	ck_assert_int_eq(hi_snapshots_new(&snapshots, &err), 0);
	ck_assert_int_eq(strncmp(hi_snapshots_get_folder(snapshots),
				 "/tmp/hotinject.", 15),
			 0);
	done(&fx, snapshots);
}
END_TEST

START_TEST(a_runtime_folder_of_somebody_else_is_left_alone)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots;
	struct hi_err err;

	if (!support_gain(SUPPORT_NOBODY, "a_runtime_folder_of_somebody_else_"
					  "is_left_alone"))
		return;
	hi_fixture_init(&fx);
	hi_fixture_run(&fx, "mkdir run && chown 65534 run");
	setenv("XDG_RUNTIME_DIR", hi_fixture_path(&fx, "run"), 1);
	ck_assert_int_eq(hi_snapshots_new(&snapshots, &err), 0);
	hi_fixture_run(&fx, "test -z \"$(ls run)\"");
	done(&fx, snapshots);
}
END_TEST

START_TEST(a_noexec_runtime_folder_is_passed_over)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots;
	struct hi_err err;
	const char *run;

	if (!support_gain(SUPPORT_MOUNT,
			  "a_noexec_runtime_folder_is_passed_over"))
		return;
	hi_fixture_init(&fx);
	hi_fixture_run(&fx, "mkdir run tmp");
	run = hi_fixture_path(&fx, "run");
	setenv("XDG_RUNTIME_DIR", run, 1);
	setenv("TMPDIR", hi_fixture_path(&fx, "tmp"), 1);
	ck_assert_int_eq(mount("none", run, "tmpfs", MS_NOEXEC, NULL), 0);
	ck_assert_int_eq(hi_snapshots_new(&snapshots, &err), 0);
	umount(run);
	ck_assert_ptr_nonnull(
		strstr(hi_snapshots_get_folder(snapshots), "/tmp/hotinject."));
	done(&fx, snapshots);
}
END_TEST

/* A library with debug information, copied step by step. */
static struct hi_snapshot *begin_steps(struct hi_fixture *fx,
				       struct hi_snapshots *snapshots)
{
	const char *path = hi_fixture_library(
		fx, "w.so", "gcc -g3 -O0", /* -g3: more than a page */
		"#include <stdlib.h>\n"
		"struct point { int x, y; }; struct point last;\n"
		"int update(int a) { return last.x += a; }\n");
	struct hi_snapshot *snapshot = NULL;
	struct hi_err err;

	if (hi_snapshot_begin(snapshots, path, 2, &snapshot, &err) < 0)
		ck_abort_msg("%s", err.sentence);
	return snapshot;
}

START_TEST(in_steps_the_same_comes_out)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots = begin(&fx);
	struct hi_snapshot *snapshot = begin_steps(&fx, snapshots);
	struct hi_content content, whole;
	struct hi_image *image;
	struct hi_err err;
	GElf_Shdr shdr;
	size_t len;
	const uint8_t *bytes;
	char *copy, *path = strdup(hi_snapshot_get_path(snapshot));
	unsigned char *expected =
		hi_fixture_read(hi_fixture_path(&fx, "w.so"), &len);
	uint8_t *taken = hi_snapshot_take_bytes(snapshot, &len);

	/* whole for the loader, and proven so, before the rest is read */
	ck_assert_int_eq(hi_image_open_bytes(taken, len, "w.so", &image, &err),
			 0);
	hi_fixture_run(&fx,
		       "python3 -c 'import ctypes; "
		       "assert ctypes.CDLL(\"%s\").update(4) == 4'",
		       path);
	ck_assert(hi_image_find_section(image, ".debug_info", &shdr));
	ck_assert_int_eq(hi_snapshot_read_rest(snapshot, &err), 0);
	bytes = hi_image_get_file(image, &len);
	ck_assert_mem_eq(bytes, expected, len);
	ck_assert_int_eq(hi_snapshot_end(snapshot, &content, &err), 0);
	ck_assert_mem_eq(bytes, expected, len);
	hi_fixture_run(&fx, "cmp w.so %s", path);
	copy = take(snapshots, hi_fixture_path(&fx, "w.so"), 3, &whole);
	ck_assert(hi_content_equal(&content, &whole));
	ck_assert_uint_eq(content.mapped_hash, whole.mapped_hash);
	hi_image_free(image);
	free(copy);
	free(path);
	free(expected);
	done(&fx, snapshots);
}
END_TEST

START_TEST(a_change_between_the_steps_is_cut)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots = begin(&fx);
	struct hi_snapshot *snapshot = begin_steps(&fx, snapshots);
	struct hi_err err;

	/* longer, or no longer as long as what is to be read */
	hi_fixture_run(&fx, _i ? "truncate -s 4096 w.so" : "printf x >> w.so");
	ck_assert_int_eq(hi_snapshot_read_rest(snapshot, &err), HI_E_CUT);
	ck_assert_str_eq(err.sentence, "w.so changed while it was copied");
	hi_snapshot_cancel(snapshot);
	hi_fixture_run(&fx, "test -z \"$(ls %s)\"",
		       hi_snapshots_get_folder(snapshots));
	done(&fx, snapshots);
}
END_TEST

/* The last byte of debug information is no part of what the loader maps. */
START_TEST(a_known_file_is_known_by_all_its_bytes)
{
	struct hi_fixture fx;
	struct hi_snapshots *snapshots = begin(&fx);
	struct hi_snapshot *snapshot = begin_steps(&fx, snapshots);
	struct hi_content content;
	struct hi_err err;
	GElf_Shdr shdr;
	struct hi_image *image;
	const char *path = hi_fixture_path(&fx, "w.so");
	bool known;

	ck_assert_int_eq(hi_snapshot_read_rest(snapshot, &err), 0);
	ck_assert_int_eq(hi_snapshot_end(snapshot, &content, &err), 0);
	for (int changed = 0; changed < 2; changed++) {
		ck_assert_int_eq(hi_snapshot_begin(snapshots, path, 3,
						   &snapshot, &err),
				 0);
		ck_assert_int_eq(hi_snapshot_is_known(snapshot, &content,
						      &known, &err),
				 0);
		ck_assert_int_eq(known, !changed);
		hi_snapshot_cancel(snapshot);
		ck_assert_int_eq(hi_image_open(path, &image, &err), 0);
		ck_assert(hi_image_find_section(image, ".debug_str", &shdr));
		hi_image_free(image);
		hi_fixture_run(
			&fx,
			"printf '\\377' | dd of=w.so bs=1 seek=%lu "
			"conv=notrunc 2>/dev/null",
			(unsigned long)(shdr.sh_offset + shdr.sh_size - 1));
	}
	done(&fx, snapshots);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tc = tcase_create("snapshot");

	tcase_add_test(tc, a_copy_holds_the_same_bytes);
	tcase_add_test(tc, a_copy_keeps_its_bytes_when_the_file_is_rewritten);
	tcase_add_test(tc, the_content_is_the_128_bit_xxh3_of_the_file);
	tcase_add_test(tc, names_tell_the_build_to_debuggers);
	tcase_add_test(tc, two_workers_of_one_name_do_not_meet);
	tcase_add_test(tc, a_dropped_copy_is_gone_and_its_name_is_free);
	tcase_add_test(tc, what_is_no_readable_file_is_named);
	tcase_add_test(tc,
		       a_file_without_the_right_to_read_is_named_with_a_hint);
	tcase_add_test(tc, no_room_says_where_and_how_much);
	tcase_add_test(tc, a_file_that_changes_meanwhile_is_cut);
	tcase_add_test(tc, in_steps_the_same_comes_out);
	tcase_add_loop_test(tc, a_change_between_the_steps_is_cut, 0, 2);
	tcase_add_test(tc, a_known_file_is_known_by_all_its_bytes);
	tcase_add_test(tc, the_folder_is_private_and_goes_with_the_session);
	tcase_add_test(
		tc, folders_of_dead_sessions_are_removed_and_living_ones_kept);
	tcase_add_test(tc, what_a_dead_session_of_our_number_left_is_removed);
	tcase_add_test(tc, without_a_runtime_folder_the_temporary_one_is_used);
	tcase_add_test(tc, a_runtime_folder_of_somebody_else_is_left_alone);
	tcase_add_test(tc, a_noexec_runtime_folder_is_passed_over);
	suite_add_tcase(suite, tc);
	return hi_fixture_main(suite);
}
