/*
 * What happens to programs in the world: they fork, are started by scripts, lock
 * themselves in, run out of room. Each goes on, and either takes new code or is
 * told in a sentence why it does not.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support_case.h"
#include "tests/support_rights.h"

#define WORKER     "libworker.so"
#define STORY      "tests/cases/launched"
#define LEN(array) (int)(sizeof(array) / sizeof(*(array)))

enum { N_STORM_RELOADS = 12, N_PRELOADS = 340 };

static struct support *make(const char *name)
{
	struct support *scene = support_new(name);

	for (unsigned int i = 1; i <= 3; i++)
		support_compile_worker(scene, STORY, &support_plain_variant, "",
				       i);
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_compile_host(scene, "tests/world", &support_plain_variant, "");
	return scene;
}

static void finish(struct support *scene)
{
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}

static void put(struct support *scene, int number)
{
	char name[40];

	snprintf(name, sizeof(name), "build.%d.so", number);
	support_put(scene, name, WORKER, SUPPORT_RENAME);
}

/* The host takes build NUMBER of the file, and forgets the one before. */
static void expect_reload(struct support *scene, int number)
{
	char now[40], before[40];

	snprintf(now, sizeof(now), "value=%d", number);
	snprintf(before, sizeof(before), "value=%d", number - 1);
	put(scene, number);
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), now);
	support_reject(scene, "value", before, 3);
}

/* --- forks ---------------------------------------------------------------- */

START_TEST(children_that_are_made_all_the_time_come_to_no_harm)
{
	struct support *scene = make("storm");
	long n_storms;

	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "storm"), "storm=0");
	for (int i = 0; i < N_STORM_RELOADS; i++) {
		put(scene, 2 + i % 2);
		support_event(scene, "live");
	}
	n_storms =
		support_number(scene, support_ask(scene, "storms"), "storms");
	do
		support_ask(scene, "storms");
	while (support_number(scene, support_ask(scene, "storms"), "storms") <=
	       n_storms + 2);
	ck_assert_int_eq(
		support_number(scene, support_ask(scene, "storms"), "bad"), 0);
	support_tell(scene, "exit 6");
	ck_assert_int_eq(support_wait(scene), 6);
	support_free(scene);
}
END_TEST

static const struct script {
	const char *text;
	int status;
} scripts[] = {
	{ "#!/bin/sh\n./host \"$@\"; exit 9\n", 9 },
	{ "#!/bin/sh\n(/bin/true && ./host) | cat\nexit 4\n", 4 },
	{ "#!/bin/bash\nls >/dev/null\n./host\n", 7 },
	{ "#!/bin/sh\nexec 3<&0\n./host <&3 &\n", 7 }, /* it is left behind */
};

START_TEST(a_script_may_start_the_host_and_wait_for_it)
{
	struct support *scene = make("script");

	support_write(scene, "start.sh", scripts[_i].text);
	support_shell(scene, "chmod 755 start.sh");
	support_start(scene, "./start.sh", WORKER, NULL);
	support_event(scene, "absent");
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	expect_reload(scene, 2);
	expect_reload(scene, 3);
	support_tell(scene, "exit 7");
	ck_assert_int_eq(support_wait(scene), scripts[_i].status);
	support_free(scene);
}
END_TEST

START_TEST(a_script_may_start_the_host_again)
{
	struct support *scene = make("again");
	pid_t first;

	support_write(scene, "start.sh",
		      "#!/bin/sh\n./host; echo ended=$?; ./host\n");
	support_shell(scene, "chmod 755 start.sh");
	support_start(scene, "./start.sh", WORKER, NULL);
	support_event(scene, "absent");
	support_event(scene, "ready");
	first = support_get_host_pid(scene);
	expect_reload(scene, 2);
	ck_assert_str_eq(support_ask(scene, "exit 5"), "ended=5");
	support_event(scene, "ready");
	ck_assert_int_ne(support_get_host_pid(scene), first);
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	expect_reload(scene, 3);
	finish(scene);
}
END_TEST

/* Under ptrace the kernel gives a program no rights of its own. */
START_TEST(a_program_with_rights_of_its_own_keeps_them)
{
	struct support *scene;

	if (!support_gain(SUPPORT_NOBODY | SUPPORT_SETUID,
			  "a_program_with_rights_of_its_own_keeps_them"))
		return;
	scene = make("rights");
	support_write(scene, "start.sh", "#!/bin/sh\n./rights -u\n./host\n");
	support_use_tool_as_nobody(scene);
	support_shell(scene, "chmod 755 start.sh; cp /usr/bin/id rights;"
			     " chown 0:0 rights; chmod 4755 rights");
	support_start(scene, "./start.sh", WORKER, NULL);
	ck_assert_str_eq(support_line(scene), "0");
	support_event(scene, "absent");
	support_event(scene, "ready");
	expect_reload(scene, 2);
	finish(scene);
}
END_TEST

START_TEST(a_host_may_execute_itself_again)
{
	struct support *scene = make("itself");

	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	expect_reload(scene, 2);
	support_tell(scene, "again");
	support_event(scene, "ready");
	expect_reload(scene, 3);
	finish(scene);
}
END_TEST

/* --- what a host does to itself --------------------------------------------- */

static const struct harmless {
	const char *question;
	unsigned int rights;
} harmlesses[] = {
	{ "not-dumpable", SUPPORT_PTRACE },
	{ "files 8", 0 },
	{ "close-all", 0 },
	{ "chroot /", SUPPORT_CHROOT },
};

START_TEST(what_does_not_stand_in_the_way_changes_nothing)
{
	const struct harmless *harmless = &harmlesses[_i];
	struct support *scene;

	if (harmless->rights &&
	    !support_gain(harmless->rights, harmless->question))
		return;
	scene = make("harmless");
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	ck_assert_ptr_nonnull(
		strstr(support_ask(scene, harmless->question), "=0"));
	expect_reload(scene, 2);
	expect_reload(scene, 3);
	finish(scene);
}
END_TEST

static const struct obstacle {
	const char *question, *reason;
	unsigned int rights;
} obstacles[] = {
	{ "filter-kill", "has locked itself in with seccomp", 0 },
	{ "filter-errno", "has locked itself in with seccomp", 0 },
	{ "strict", "has locked itself in with seccomp", 0 },
	{ "chroot lib", "it has another root folder", SUPPORT_CHROOT },
	{ "own-mounts", "it has another root folder", SUPPORT_MOUNT },
	{ "become 65534", "has become user 65534", SUPPORT_NOBODY },
	{ "files 3", "Too many open files", 0 },
};

/* Twice, because what is borrowed for the first may be kept for the second. */
START_TEST(what_stands_in_the_way_is_said_and_does_no_harm)
{
	const struct obstacle *obstacle = &obstacles[_i];
	struct support *scene;

	if (obstacle->rights &&
	    !support_gain(obstacle->rights, obstacle->question))
		return;
	scene = make("obstacle");
	support_shell(scene, "mkdir lib");
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	ck_assert_ptr_nonnull(
		strstr(support_ask(scene, obstacle->question), "=0"));
	for (int i = 2; i <= 3; i++) {
		json_t *event;

		put(scene, i);
		event = support_event(scene, "refused");
		ck_assert(
			support_event_reason(event, "load", obstacle->reason));
		ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	}
	/* what strict mode allows does not end a process group */
	support_signal(scene, SIGKILL);
	support_forget_events(scene);
	support_free(scene);
}
END_TEST

START_TEST(what_a_host_keeps_from_its_user_is_said_and_does_no_harm)
{
	struct support *scene = make("dumpable");

	if (geteuid() == 0)
		support_use_tool_as_nobody(scene);
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	expect_reload(scene, 2);
	ck_assert_str_eq(support_ask(scene, "not-dumpable"), "not-dumpable=0");
	put(scene, 3);
	ck_assert(support_event_reason(support_event(scene, "refused"), "load",
				       "keeps its memory from other programs"));
	support_message(scene, "^hint: start hotinject with CAP_SYS_PTRACE");
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	finish(scene);
}
END_TEST

START_TEST(a_host_that_may_not_be_read_runs_alone)
{
	struct support *scene = make("unreadable");
	json_t *event;

	if (geteuid() == 0)
		support_use_tool_as_nobody(scene);
	support_shell(scene, "chmod 0111 host");
	support_start(scene, "./host", WORKER, NULL);
	event = support_event(scene, "error");
	ck_assert_str_eq(support_event_text(scene, event, "text"),
			 "host may be executed but not read, and so may its "
			 "memory");
	ck_assert_str_eq(support_event_text(scene, event, "hint"),
			 "give yourself the right to read host");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	finish(scene);
}
END_TEST

START_TEST(a_daemon_takes_builds_until_it_ends)
{
	struct support *scene = make("daemon");

	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	expect_reload(scene, 2);
	support_tell(scene, "daemon");
	ck_assert_str_eq(support_line(scene), "daemon=0");
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	support_message(scene,
			"^hotinject: host .* has ended; 1 process that it "
			"forked goes on$");
	put(scene, 3);
	support_message(scene, "#3 live: ");
	ck_assert_str_eq(support_ask(scene, "value"), "value=3");
	ck_assert_int_eq(support_end(scene), 3);
	support_free(scene);
}
END_TEST

/* --- where it runs ------------------------------------------------------------ */

static const struct variable {
	const char *name, *text;
} variables[] = {
	{ "LD_BIND_NOW", "1" },
	{ "GLIBC_TUNABLES", "glibc.malloc.tcache_count=0" },
	{ "LD_LIBRARY_PATH", "/nowhere:." },
	{ "LD_AUDIT", "./libaudit.so" },
};

START_TEST(the_loader_s_variables_are_respected)
{
	struct support *scene = make("loader");
	char question[60];

	support_write(scene, "audit.c",
		      "unsigned la_version(unsigned v) { return v; }");
	support_shell(scene, "gcc -shared -fPIC -o libaudit.so audit.c");
	setenv(variables[_i].name, variables[_i].text, 1);
	support_start(scene, "./host", WORKER, NULL);
	unsetenv(variables[_i].name);
	support_event(scene, "ready");
	snprintf(question, sizeof(question), "variable %s", variables[_i].name);
	ck_assert_str_eq(support_ask(scene, question), variables[_i].text);
	expect_reload(scene, 2);
	finish(scene);
}
END_TEST

START_TEST(what_is_preloaded_stays_however_long)
{
	struct support *scene = make("preload");
	char list[N_PRELOADS * 20];
	size_t len = 0;

	support_write(scene, "user.c",
		      "#include <stdlib.h>\n"
		      "__attribute__((constructor)) static void here(void)\n"
		      "{ setenv(\"USER_PRELOADED\", \"yes\", 1); }\n");
	support_shell(scene, "gcc -shared -fPIC -o libuser.so user.c");
	for (int i = 0; i < N_PRELOADS; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len,
					"%s./libuser.so",
					i == 0       ? "" :
					(i & 1) != 0 ? " " :
						       ":");
	ck_assert_uint_gt(len, 4096);
	setenv("LD_PRELOAD", list, 1);
	support_start(scene, "./host", WORKER, NULL);
	unsetenv("LD_PRELOAD");
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "variable LD_PRELOAD"), list);
	ck_assert_str_eq(support_ask(scene, "variable USER_PRELOADED"), "yes");
	expect_reload(scene, 2);
	ck_assert_int_eq(support_end(scene), 0);
	support_shell(scene, "! grep preload stderr");
	support_free(scene);
}
END_TEST

START_TEST(the_address_sanitizer_comes_first)
{
	struct support *scene = make("sanitized");

	support_compile_host(scene, "tests/world", &support_plain_variant,
			     "-fsanitize=address");
	setenv("LD_PRELOAD", "libm.so.6", 1);
	if (_i == 0)
		setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	support_start(scene, "./host", WORKER, NULL);
	unsetenv("LD_PRELOAD");
	unsetenv("ASAN_OPTIONS");
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "variable LD_PRELOAD"),
			 "libm.so.6");
	expect_reload(scene, 2);
	/* what searches for leaks is a tracer itself */
	ck_assert_int_eq(support_end(scene), _i);
	support_shell(scene, _i ? "grep 'search for leaks' stderr" :
				  "! grep -E 'leaks|Sanitizer' stderr");
	support_free(scene);
}
END_TEST

START_TEST(a_big_environment_is_no_trouble)
{
	struct support *scene = make("environment");
	char name[20];

	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "VARIABLE_%d", i);
		setenv(name, "text", 1);
	}
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "variable VARIABLE_19999"), "text");
	expect_reload(scene, 2);
	finish(scene);
}
END_TEST

START_TEST(a_host_at_a_fixed_address_is_no_trouble)
{
	struct support *scene = make("fixed");

	support_compile_host(scene, "tests/world", &support_plain_variant,
			     "-no-pie -fno-pie");
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	expect_reload(scene, 2);
	expect_reload(scene, 3);
	finish(scene);
}
END_TEST

static const char *const folders[] = { "a b", "a:b", "a;b", "$ORIGIN" };

START_TEST(hotinject_may_be_installed_anywhere)
{
	struct support *scene = make("anywhere");
	char tool[60];

	support_shell(scene,
		      "mkdir '%s' && cp \"$HOTINJECT\""
		      " \"$HOTINJECT_BUILD/libhotinject.so\" '%s'",
		      folders[_i], folders[_i]);
	snprintf(tool, sizeof(tool), "%s/hotinject", folders[_i]);
	support_use_tool(scene, tool);
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "variable LD_PRELOAD"), "(none)");
	expect_reload(scene, 2);
	ck_assert_int_eq(support_end(scene), 0);
	support_shell(scene, "! grep ld.so stderr");
	support_free(scene);
}
END_TEST

/* --- no room ------------------------------------------------------------------ */

START_TEST(a_copy_beyond_the_limit_on_files_is_said)
{
	struct support *scene = make("limit");

	support_write(scene, "limited",
		      "#!/bin/sh\nulimit -f 64\nexec \"$HOTINJECT\" \"$@\"\n");
	support_shell(scene, "chmod 755 limited;"
			     " cp build.2.so big.so;"
			     " head -c 200000 /dev/zero >> big.so");
	support_use_tool(scene, "limited");
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	support_put(scene, "big.so", WORKER, SUPPORT_RENAME);
	ck_assert(support_event_reason(support_event(scene, "refused"),
				       "load-file", "File too large"));
	support_message(scene, "^hint: raise the limit on the size of files");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	expect_reload(scene, 3);
	finish(scene);
}
END_TEST

START_TEST(a_full_disk_is_said_and_the_next_build_goes_live)
{
	struct support *scene;

	if (!support_gain(SUPPORT_MOUNT,
			  "a_full_disk_is_said_and_the_next_build_goes_live"))
		return;
	scene = make("full");
	support_shell(scene, "mount -t tmpfs -o size=96k,mode=700 none run");
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	support_shell(scene, "cat /dev/zero > run/full 2>/dev/null || true");
	put(scene, 2);
	ck_assert(support_event_reason(support_event(scene, "refused"),
				       "load-file", "No space left on device"));
	support_message(scene, "^hint: make room there, then build again$");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	support_shell(scene, "rm run/full");
	expect_reload(scene, 3);
	ck_assert_int_eq(support_end(scene), 0);
	support_shell(scene, "umount run");
	support_free(scene);
}
END_TEST

/* --- what is left --------------------------------------------------------------- */

START_TEST(what_a_killed_session_left_goes_when_its_host_is_gone)
{
	struct support *scene = make("left");
	pid_t host;

	support_shell(scene, "mkdir -m 700 tmp mine tmp/hotinject.backup;"
			     " touch mine/.hotinject mine/kept"
			     " tmp/hotinject.backup/kept;"
			     " ln -s ../mine tmp/hotinject.abcdef");
	unsetenv("XDG_RUNTIME_DIR");
	setenv("TMPDIR", support_path(scene, "tmp"), 1);
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	host = support_get_host_pid(scene);
	support_signal(scene, SIGKILL);
	support_forget_events(scene);
	support_shell(
		scene,
		"while kill -0 %d 2>/dev/null && ! grep -q 'TracerPid:.0$'"
		" /proc/%d/status; do :; done;"
		" ls -d tmp/hotinject.*/libworker.1.so",
		host, host);
	support_shell(scene, "\"$HOTINJECT\" true " WORKER " 2>/dev/null;"
			     " ls tmp/hotinject.*/libworker.1.so");
	kill(host, SIGKILL);
	support_shell(scene,
		      "while test -e /proc/%d/exe; do :; done;"
		      " \"$HOTINJECT\" true " WORKER " 2>/dev/null;"
		      " ! ls tmp/hotinject.*/libworker.1.so 2>/dev/null"
		      " && ls tmp/hotinject.backup/kept mine/kept"
		      " mine/.hotinject tmp/hotinject.abcdef",
		      host);
	support_free(scene);
}
END_TEST

static void add_forks(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "forks");

	tcase_add_test(tcase,
		       children_that_are_made_all_the_time_come_to_no_harm);
	tcase_add_loop_test(tcase, a_script_may_start_the_host_and_wait_for_it,
			    0, LEN(scripts));
	tcase_add_test(tcase, a_script_may_start_the_host_again);
	tcase_add_test(tcase, a_program_with_rights_of_its_own_keeps_them);
	tcase_add_test(tcase, a_host_may_execute_itself_again);
	tcase_add_test(tcase, a_daemon_takes_builds_until_it_ends);
}

static void add_obstacles(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "obstacles");

	tcase_add_loop_test(tcase,
			    what_does_not_stand_in_the_way_changes_nothing, 0,
			    LEN(harmlesses));
	tcase_add_loop_test(tcase,
			    what_stands_in_the_way_is_said_and_does_no_harm, 0,
			    LEN(obstacles));
	tcase_add_test(
		tcase,
		what_a_host_keeps_from_its_user_is_said_and_does_no_harm);
	tcase_add_test(tcase, a_host_that_may_not_be_read_runs_alone);
	tcase_add_test(tcase, a_copy_beyond_the_limit_on_files_is_said);
	tcase_add_test(tcase, a_full_disk_is_said_and_the_next_build_goes_live);
	tcase_add_test(tcase,
		       what_a_killed_session_left_goes_when_its_host_is_gone);
}

static void add_surroundings(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "surroundings");

	tcase_add_loop_test(tcase, the_loader_s_variables_are_respected, 0,
			    LEN(variables));
	tcase_add_test(tcase, what_is_preloaded_stays_however_long);
	tcase_add_loop_test(tcase, the_address_sanitizer_comes_first, 0, 2);
	tcase_add_test(tcase, a_big_environment_is_no_trouble);
	tcase_add_test(tcase, a_host_at_a_fixed_address_is_no_trouble);
	tcase_add_loop_test(tcase, hotinject_may_be_installed_anywhere, 0,
			    LEN(folders));
}

static void add(Suite *suite)
{
	add_forks(suite);
	add_obstacles(suite);
	add_surroundings(suite);
}

int main(void)
{
	return support_main("world", add);
}
