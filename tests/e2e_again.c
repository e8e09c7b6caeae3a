/*
 * A host that hotinject leaves is as it was before, or goes on with its newer code;
 * and another hotinject takes it up again, also after the first was killed.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support_again.h"
#include "tests/support_scene.h"

enum {
	N_BUILDS = 3,
	N_KILLS = 40,     /* HOTINJECT_TEST_KILLS */
	KILL_NS = 300000, /* from one moment to the next; of 37 */
	N_WRITES = 2,
};

static const char *const languages[] = { "c", "cc" };

static void begin(struct support *scene, long *count)
{
	support_put(scene, "worker.1.so", AGAIN_WORKER, SUPPORT_RENAME);
	support_start_plain(scene, "./host", "4", NULL);
	*count = 0;
	again_expect(scene, 1, count);
}

static void leave(struct support *scene)
{
	ck_assert_int_eq(support_detach(scene), 0);
	support_event(scene, "detached");
}

/* One that was killed may have told of more. */
static void skip_to(struct support *scene, const char *kind)
{
	while (strcmp(support_event_text(scene, support_event_any(scene),
					 "event"),
		      kind) != 0)
		;
}

/* Put the file of build FILE in place, which goes live as NUMBER. */
static void reload(struct support *scene, int file, long number)
{
	again_put(scene, file);
	ck_assert_int_eq(support_event_number(
				 scene, support_event(scene, "live"), "build"),
			 number);
}

/* --- as it was ---------------------------------------------------------------- */

/* The mappings, of anonymous memory with a file only: threads come and go. */
static void write_maps(struct support *scene, const char *name)
{
	support_shell(scene,
		      "awk '$6 ~ \"^/\" && $6 !~ \"libhotinject\" "
		      "{ print $1, $2, $3, $6, $7 }' /proc/%d/maps > %s",
		      support_get_pid(scene), name);
}

/* Every mapping of the worker that cannot be written to is as in its file. */
static void expect_text(struct support *scene)
{
	support_shell(scene,
		      "python3 - <<'EOF'\n"
		      "file = open('" AGAIN_WORKER "', 'rb').read()\n"
		      "mem = open('/proc/%d/mem', 'rb', 0)\n"
		      "n = 0\n"
		      "for line in open('/proc/%d/maps'):\n"
		      "    words = line.split()\n"
		      "    if 'r-xp' in line and line.endswith('/" AGAIN_WORKER
		      "\\n'):\n"
		      "        start, end = (int(x, 16) for x in "
		      "words[0].split('-'))\n"
		      "        mem.seek(start)\n"
		      "        at = int(words[2], 16)\n"
		      "        now = mem.read(end - start)\n"
		      "        part = file[at:at + end - start]\n"
		      "        n += 1\n"
		      "        assert now[:len(part)] == part, 'text differs'\n"
		      "assert n == 1, 'the text is not mapped from the file'\n"
		      "EOF",
		      support_get_pid(scene), support_get_pid(scene));
}

START_TEST(a_host_without_newer_code_is_left_as_it_was)
{
	struct support *scene =
		again_compile("as-it-was", N_BUILDS, languages[_i]);
	long count;

	begin(scene, &count);
	write_maps(scene, "before");
	for (int i = 0; i < 3; i++) {
		again_attach(scene, 1);
		again_expect(scene, 1, &count);
		leave(scene);
		again_expect(scene, 1, &count);
		write_maps(scene, "after");
		support_shell(scene, "diff before after");
		expect_text(scene);
		support_shell(scene, "test -z \"$(ls run/hotinject)\"");
	}
	/* and it can still be reloaded */
	again_attach(scene, 1);
	reload(scene, 2, 2);
	again_expect(scene, 2, &count);
	leave(scene);
	again_end(scene);
}
END_TEST

/* --- and again ---------------------------------------------------------------- */

START_TEST(a_host_with_newer_code_goes_on_with_it_and_is_taken_up)
{
	struct support *scene = again_compile("newer", N_BUILDS, languages[_i]);
	long count;

	begin(scene, &count);
	again_attach(scene, 1);
	for (long number = 2; number < 8; number++) {
		int file = 1 + (int)number % N_BUILDS;

		reload(scene, file, number);
		again_expect(scene, file, &count);
		leave(scene);
		again_expect(scene, file, &count);
		again_expect(scene, file, &count);
		again_attach(scene, number);
		again_expect(scene, file, &count);
	}
	leave(scene);
	again_end(scene);
}
END_TEST

START_TEST(a_build_that_came_meanwhile_goes_live_at_once)
{
	struct support *scene =
		again_compile("meanwhile", N_BUILDS, languages[_i]);
	long count;

	begin(scene, &count);
	again_attach(scene, 1);
	reload(scene, 2, 2);
	leave(scene);
	support_put(scene, "worker.3.so", AGAIN_WORKER, SUPPORT_RENAME);
	again_expect(scene, 2, &count);
	again_attach(scene, 2);
	ck_assert_int_eq(support_event_number(
				 scene, support_event(scene, "live"), "build"),
			 3);
	again_expect(scene, 3, &count);
	leave(scene);
	again_end(scene);
}
END_TEST

/*
 * Attach, but hold hotinject up when it says "ready": between the look at the host and
 * the one at the file. A pipe that is full takes no event; its descriptor.
 */
static int attach_held_up(struct support *scene)
{
	char full[4096] = "";
	int fd;

	support_shell(scene, "rm -f events && mkfifo events");
	fd = open(support_path(scene, "events"),
		  O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	while (write(fd, full, sizeof(full)) > 0)
		;
	support_attach(scene, AGAIN_WORKER, NULL);
	/* by then the file is watched */
	support_shell(scene,
		      "until grep -q 'TracerPid:.%d$' /proc/%d/status; "
		      "do :; done; rm events",
		      support_get_attached(scene), support_get_pid(scene));
	return fd;
}

static void let_on(int fd)
{
	char bytes[4096];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
}

/* It is found by the look at the file, and told of by the watch. */
START_TEST(a_build_that_came_at_the_take_up_is_refused_once)
{
	struct support *scene = again_compile("once", N_BUILDS, languages[_i]);
	long count;
	int fd;

	begin(scene, &count);
	again_attach(scene, 1);
	reload(scene, 2, 2);
	leave(scene);
	support_shell(scene, "echo 'int build(void) { return 9; }' >less.c && "
			     "gcc -g -shared -fPIC -o less.so less.c");
	fd = attach_held_up(scene);
	support_put(scene, "less.so", AGAIN_WORKER, SUPPORT_RENAME);
	let_on(fd);
	support_message(scene, "#3 refused: ");
	support_put(scene, "worker.3.so", AGAIN_WORKER, SUPPORT_RENAME);
	support_message(scene, "#4 live: ");
	again_expect(scene, 3, &count);
	let_on(fd);
	ck_assert_int_eq(support_detach(scene), 0);
	close(fd);
	again_end(scene);
}
END_TEST

START_TEST(a_host_is_taken_up_after_hotinject_was_killed)
{
	struct support *scene =
		again_compile("killed", N_BUILDS, languages[_i]);
	long count;

	begin(scene, &count);
	again_attach(scene, 1);
	again_kill_tool(scene);
	again_attach(scene, 1);
	reload(scene, 2, 2);
	again_kill_tool(scene);
	again_expect(scene, 2, &count);
	again_attach(scene, 2);
	again_expect(scene, 2, &count);
	reload(scene, 3, 3);
	again_expect(scene, 3, &count);
	again_kill_tool(scene);
	again_attach(scene, 3);
	leave(scene);
	again_expect(scene, 3, &count);
	again_end(scene);
}
END_TEST

/* --- at any moment ------------------------------------------------------------ */

static void let_pass(long ns)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec -
		       start.tv_nsec <
	       ns);
}

/* What was not told of may be live, or not. */
static void expect_either(struct support *scene, long one, long other)
{
	const char *line = support_ask(scene, "value");
	long build = support_number(scene, line, "build");

	if ((build != one && build != other) ||
	    support_number(scene, line, "wrong") != 0 ||
	    support_number(scene, line, "same") != 1)
		support_fail(scene, "%ld or %ld: %s", one, other, line);
}

/* Kill hotinject while it brings in FILE; the next one does it. */
static void kill_in_reload(struct support *scene, int file, int old, long ns)
{
	char name[32];

	snprintf(name, sizeof(name), "worker.%d.so", file);
	support_put(scene, name, AGAIN_WORKER, SUPPORT_RENAME);
	let_pass(ns);
	again_kill_tool(scene);
	expect_either(scene, old, file);
	expect_either(scene, old, file);
	support_attach(scene, AGAIN_WORKER, NULL);
	skip_to(scene, "ready");
	for (int i = 0; i < 1000; i++) {
		const char *line = support_ask(scene, "value");

		if (support_number(scene, line, "wrong") != 0)
			support_fail(scene, "%s", line);
		if (support_number(scene, line, "build") == file)
			break;
		let_pass(5000000);
	}
	expect_either(scene, file, file);
}

static void kill_in_reloads(struct support *scene, long ns)
{
	long count;

	begin(scene, &count);
	again_attach(scene, 1);
	kill_in_reload(scene, 2, 1, ns);
	kill_in_reload(scene, 3, 2, ns);
	ck_assert_int_eq(support_detach(scene), 0);
	skip_to(scene, "detached");
	expect_either(scene, 3, 3);
	ck_assert_int_eq(support_end(scene), 0);
}

START_TEST(a_host_is_taken_up_whenever_hotinject_was_killed)
{
	struct support *scene = again_compile("moments", N_BUILDS, "c");
	const char *times = getenv("HOTINJECT_TEST_KILLS");
	long n = times ? atol(times) : N_KILLS;

	for (long i = 0; i < n; i += 2)
		kill_in_reloads(scene, i / 2 * 7 % 37 * KILL_NS + i * 1000);
	support_free(scene);
}
END_TEST

/* --- before each write ---------------------------------------------------------- */

/*
 * The tool is killed before a write, or before it tells what has come of it: then, how
 * many there were, else -1. Whatever is called is of build ONE or OTHER.
 */
static long end_at_write(struct support *scene, long one, long other)
{
	char *text;
	long n = -1;

	ck_assert_int_eq(support_await_attached(scene), -SIGKILL);
	expect_either(scene, one, other);
	expect_either(scene, one, other);
	if (access(support_path(scene, "told"), F_OK) == 0) {
		text = support_read(scene, "told", NULL);
		n = atol(text);
		free(text);
	}
	return n;
}

/* From now on, N are done. */
static void allow_writes(struct support *scene, long n)
{
	support_shell(scene, "rm -f told; echo %ld >kill.new; mv kill.new kill",
		      n);
}

/* Build 2 comes as far as N writes; all of them, or -1. */
static long cut_reload(struct support *scene, long n)
{
	support_put(scene, "worker.1.so", AGAIN_WORKER, SUPPORT_RENAME);
	support_start_plain(scene, "./host", "1", NULL);
	support_attach(scene, AGAIN_WORKER, NULL);
	skip_to(scene, "ready");
	allow_writes(scene, n);
	support_put(scene, "worker.2.so", AGAIN_WORKER, SUPPORT_RENAME);
	return end_at_write(scene, 1, 2);
}

/* The next one does N writes to mend what that has left. */
static long cut_takeup(struct support *scene, long n)
{
	allow_writes(scene, n);
	support_attach(scene, AGAIN_WORKER, NULL);
	return end_at_write(scene, 1, 2);
}

static void go_on(struct support *scene)
{
	support_shell(scene, "rm kill");
	support_put(scene, "worker.3.so", AGAIN_WORKER, SUPPORT_RENAME);
	support_attach(scene, AGAIN_WORKER, NULL);
	skip_to(scene, "live");
	expect_either(scene, 3, 3);
	ck_assert_int_eq(support_detach(scene), 0);
	skip_to(scene, "detached");
	expect_either(scene, 3, 3);
	ck_assert_int_eq(support_end(scene), 0);
}

/* At the last writes a build goes live; HOTINJECT_TEST_WRITES: before them, too. */
START_TEST(a_host_is_right_after_each_single_write)
{
	struct support *scene = again_compile("writes", N_BUILDS, "c");
	const char *writes = getenv("HOTINJECT_TEST_WRITES");
	long n_last = writes ? atol(writes) : N_WRITES, all, n_takeups = 0;

	support_shell(scene, "gcc -g -o killer %s",
		      support_source(scene, "tests/again/killer.c"));
	support_use_tool(scene, "killer");
	all = cut_reload(scene, LONG_MAX);
	go_on(scene);
	for (long n = all > n_last ? all - n_last : 0; n <= all; n++) {
		long done = -1;

		for (long m = 0; done < 0; m++) {
			cut_reload(scene, n);
			done = cut_takeup(scene, m);
			go_on(scene);
			n_takeups++;
		}
	}
	printf("again: %ld writes, %ld take-ups cut short\n", all, n_takeups);
	support_free(scene);
}
END_TEST

/* --- what cannot be ----------------------------------------------------------- */

/* hotinject does not take it up, says WHY, and the host goes on. */
static void expect_refused(struct support *scene, const char *why, long *count)
{
	support_shell(scene,
		      "$HOTINJECT --pid=%d " AGAIN_WORKER
		      " 2>said; test $? = 125 && "
		      "grep 'hotinject: host (%d) has been under hotinject "
		      "before, and cannot be taken up again: %s' said",
		      support_get_pid(scene), support_get_pid(scene), why);
	again_expect(scene, 2, count);
}

START_TEST(a_record_that_does_not_fit_is_said_and_the_host_left_alone)
{
	struct support *scene = again_compile("record", N_BUILDS, "c");
	long count;

	begin(scene, &count);
	again_attach(scene, 1);
	reload(scene, 2, 2);
	leave(scene);
	support_shell(scene, "cd run/hotinject/*; cp record.* ../../kept; "
			     "sed -i '1s/\"serial\"/\"Serial\"/' record.*");
	expect_refused(scene, "its record is damaged", &count);
	support_shell(scene, "cd run/hotinject/*; rm record.*");
	expect_refused(scene, "its record is gone", &count);
	/* as of a process that had the number before */
	support_shell(scene,
		      "cd run/hotinject/*; python3 - ../../kept record.%d"
		      " <<'EOF'\n"
		      "import ctypes, ctypes.util, sys\n"
		      "lines = open(sys.argv[1]).read().split('\\n')\n"
		      "x = ctypes.CDLL(ctypes.util.find_library('xxhash')"
		      " or 'libxxhash.so.0')\n"
		      "x.XXH3_64bits.restype = ctypes.c_uint64\n"
		      "text = lines[0][17:].replace('\"start\":', "
		      "'\"start\":1').encode()\n"
		      "sum = x.XXH3_64bits(text, "
		      "ctypes.c_size_t(len(text)))\n"
		      "lines[0] = '%%016x ' %% sum + text.decode()\n"
		      "open(sys.argv[2], 'w').write('\\n'.join(lines))\n"
		      "EOF\nchmod 600 record.*",
		      support_get_pid(scene));
	expect_refused(scene, "its record is about another process", &count);
	/* it is "libworker.2-1.so" where the first copy got the old file's inode */
	support_shell(scene,
		      "cd run/hotinject/*; cp ../../kept record.%d; "
		      "chmod 600 record.*; ls libworker.2*.so >../../name; "
		      "mv libworker.2*.so x",
		      support_get_pid(scene));
	expect_refused(scene, ".*libworker.2.*so cannot be read", &count);
	support_shell(scene, "cd run/hotinject/*; mv x $(cat ../../name)");
	again_attach(scene, 2);
	leave(scene);
	again_end(scene);
}
END_TEST

START_TEST(a_debugger_works_on_the_host_afterwards)
{
	struct support *scene;
	long count;

	if (system("gdb --version >/dev/null 2>&1") != 0) {
		printf("again: without gdb, it is not tried\n");
		return;
	}
	scene = again_compile("gdb", N_BUILDS, "c");
	begin(scene, &count);
	again_attach(scene, 1);
	reload(scene, 2, 2);
	leave(scene);
	support_shell(scene,
		      "gdb -batch -p %d -ex 'break times' -ex continue -ex bt "
		      ">said 2>&1 && grep -q 'worker.c:' said && "
		      "grep -q 'in check' said",
		      support_get_pid(scene));
	again_expect(scene, 2, &count);
	again_attach(scene, 2);
	leave(scene);
	again_end(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *again = support_tcase(suite, "again");
	TCase *moments = support_tcase(suite, "moments");
	TCase *writes = support_tcase(suite, "writes");
	TCase *cannot = support_tcase(suite, "cannot");

	tcase_add_loop_test(again, a_host_without_newer_code_is_left_as_it_was,
			    0, 2);
	tcase_add_loop_test(
		again, a_host_with_newer_code_goes_on_with_it_and_is_taken_up,
		0, 2);
	tcase_add_loop_test(
		again, a_build_that_came_meanwhile_goes_live_at_once, 0, 2);
	tcase_add_loop_test(
		again, a_build_that_came_at_the_take_up_is_refused_once, 0, 2);
	tcase_add_loop_test(
		again, a_host_is_taken_up_after_hotinject_was_killed, 0, 2);
	tcase_add_test(again, a_debugger_works_on_the_host_afterwards);
	tcase_set_timeout(writes, 3600);
	tcase_add_test(writes, a_host_is_right_after_each_single_write);
	tcase_set_timeout(moments, 3600);
	tcase_add_test(moments,
		       a_host_is_taken_up_whenever_hotinject_was_killed);
	tcase_add_test(
		cannot,
		a_record_that_does_not_fit_is_said_and_the_host_left_alone);
}

int main(void)
{
	return support_main("e2e_again", add);
}
