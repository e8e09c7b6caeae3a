/*
 * What a crash in the worker leaves to the host: its registers and locals, its own
 * crashes, its own handlers, and its life when hotinject is gone.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/own.h"
#include "tests/support_guard.h"

#define LEN(array) (sizeof(array) / sizeof(*(array)))

static const struct guard_toolchain usual = { "usual", "gcc", "-O2 -g", "" };
static const struct guard_fault null_fault = { "null", "SIGSEGV", NULL,
					       GUARD_ADDRESS };

/* --- what was around the call --------------------------------------------------------- */

static const struct {
	const char *host_flags, *worker_flags;
} levels[] = {
	{ "-O0", "-O0" },
	{ "-O2", "-O2" },
	{ "-Os", "-O2 -fno-omit-frame-pointer" },
	{ "-O3 -fomit-frame-pointer", "-Os -fomit-frame-pointer" },
	{ "-O1 -fno-omit-frame-pointer", "-O3" },
};

static void compile_keeper(struct support *scene, const char *host_flags,
			   const char *worker_flags)
{
	support_shell(scene,
		      "src=%s; gcc -w -D_GNU_SOURCE -fPIC -shared -DBUILD=1 "
		      "-Wl,-soname,libworker.so -g %s -o libworker.so "
		      "$src/worker.c -lm -pthread; "
		      "gcc -Wall -D_GNU_SOURCE -g %s -o keeper $src/keeper.c "
		      "$src/keep.S -L. -lworker -Wl,-rpath,'$ORIGIN' -ldl",
		      support_source(scene, "tests/guard"), worker_flags,
		      host_flags);
}

static void expect(struct support *scene, const char *question,
		   const char *wanted)
{
	const char *line = support_ask(scene, question);

	if (strcmp(line, wanted) != 0)
		support_fail(scene, "%s: %s", question, line);
}

/* The first call crashes, the second is held. */
START_TEST(what_a_call_preserves_is_as_it_was)
{
	static const char *const questions[] = {
		"null",   "vectors",  "abort",       "overflow",
		"alloca", "twice",    "nowhere",     "libc",
		"tail",   "callback", "interrupted",
	};
	struct support *scene = support_new("keeps");

	compile_keeper(scene, levels[_i].host_flags, levels[_i].worker_flags);
	support_start(scene, "--guard=hold", "./keeper", "libworker.so", NULL);
	support_event(scene, "ready");
	for (size_t i = 0; i < LEN(questions); i++) {
		expect(scene, questions[i], "ok");
		support_event(scene, "crash");
		expect(scene, questions[i], "ok");
	}
	ck_assert_int_eq(support_end(scene), 5);
	support_free(scene);
}
END_TEST

START_TEST(locals_are_as_they_were)
{
	static const char *const questions[] = {
		"locals null",
		"locals alloca",
		"locals abort",
		"locals vectors",
	};
	struct support *scene = support_new("locals");

	compile_keeper(scene, levels[_i].host_flags, levels[_i].worker_flags);
	support_start(scene, "--guard=hold", "./keeper", "libworker.so", NULL);
	support_event(scene, "ready");
	for (size_t i = 0; i < LEN(questions); i++) {
		expect(scene, questions[i], "ok");
		support_event(scene, "crash");
	}
	/* on a signal stack */
	expect(scene, "handler twice", "ok");
	support_event(scene, "crash");
	expect(scene, "handler wild", "ok");
	support_event(scene, "crash");
	ck_assert_int_eq(support_end(scene), 5);
	support_free(scene);
}
END_TEST

/* Where frames cannot be followed, the host is not made to go on somewhere. */
START_TEST(a_worker_without_frames_is_not_left)
{
	static const char *const faults[] = { "null", "tail", "sort", "abort" };
	static const int statuses[] = { 139, 139, 139, 134 };
	struct support *scene = support_new("no-frames");

	compile_keeper(scene, "-O0 -fno-omit-frame-pointer",
		       _i ? "-O0 -g0 -fno-asynchronous-unwind-tables" :
			    "-O2 -g0 -fno-asynchronous-unwind-tables");
	for (size_t i = 0; i < LEN(faults); i++) {
		json_t *event;

		support_start(scene, "--guard=hold", "./keeper", "libworker.so",
			      NULL);
		support_event(scene, "ready");
		support_tell(scene, faults[i]);
		event = support_event(scene, "crash");
		ck_assert_str_eq(support_event_text(scene, event, "action"),
				 "off");
		ck_assert_int_eq(support_wait(scene), statuses[i]);
	}
	support_message(scene, "the host dies of it: the frames of thread "
			       "[0-9]+ between libworker.so and the host "
			       "cannot be followed");
	support_free(scene);
}
END_TEST

/* --- what is the host's own ------------------------------------------------------------ */

static struct support *begin_owner(const char *name, const char *option)
{
	struct support *scene = support_new(name);

	support_shell(scene,
		      "src=%s; gcc -w -D_GNU_SOURCE -fPIC -shared -DBUILD=1 "
		      "-Wl,-soname,libworker.so -O2 -g -o libworker.so "
		      "$src/worker.c -lm -pthread; "
		      "gcc -Wall -D_GNU_SOURCE -g -O2 -o owner $src/owner.c "
		      "-L. -lworker -Wl,-rpath,'$ORIGIN' -pthread",
		      support_source(scene, "tests/guard"));
	support_start(scene, option, "./owner", "libworker.so", NULL);
	support_event(scene, "ready");
	return scene;
}

/* It dies as it does without hotinject, and no event tells of a crash. */
static void expect_death(struct support *scene, const char *question,
			 int signal)
{
	support_tell(scene, question);
	ck_assert_int_eq(support_wait(scene), 128 + signal);
	support_free(scene);
}

static const struct {
	const char *question;
	int signal;
} deaths[] = {
	/* outside the worker */
	{ "crash", SIGSEGV },
	{ "abort", SIGABRT },
	{ "after", SIGSEGV },
	/* a reporter: says something, and dies of its signal */
	{ "reporter", SIGSEGV },
	/* sent by another thread while one is inside the worker */
	{ "send abort", SIGABRT },
	{ "send segv", SIGSEGV },
	/* by another process */
	{ "kill", SIGSEGV },
	/* its handler crashes on top of the worker */
	{ "worse", SIGBUS },
};

START_TEST(the_host_dies_of_what_is_its_own)
{
	expect_death(begin_owner("own", "--guard=hold"), deaths[_i].question,
		     deaths[_i].signal);
}
END_TEST

START_TEST(the_host_s_own_handler_runs)
{
	struct support *scene = begin_owner("handler", "--guard=hold");

	for (int i = 1; i <= 3; i++) {
		char wanted[20];

		snprintf(wanted, sizeof(wanted), "caught %d", i);
		expect(scene, "recover", wanted);
	}
	support_no_event(scene);
	ck_assert_int_eq(support_end(scene), 5);
	support_free(scene);
}
END_TEST

/* As the kernel would without us: where a core file may be written, it is. */
START_TEST(without_the_guard_a_core_is_dumped)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	char *HI_FREE pattern = NULL;
	struct support *scene;
	bool usable;

	usable = setrlimit(RLIMIT_CORE, &limit) == 0;
	scene = begin_owner("core", "--guard=off");
	pattern = support_read(scene, "/proc/sys/kernel/core_pattern", NULL);
	usable = usable && pattern[0] != '|' && pattern[0] != '/' &&
		 !strchr(pattern, '%');
	support_tell(scene, "worker");
	support_event(scene, "crash");
	ck_assert_int_eq(support_wait(scene), 128 + SIGSEGV);
	if (usable)
		support_shell(scene, "readelf -h core* | grep 'CORE (Core'");
	support_free(scene);
}
END_TEST

/* --- attached -------------------------------------------------------------------------- */

static struct support *attach(const char *name)
{
	struct support *scene = support_new(name);

	guard_compile(scene, &usual, 3);
	support_start_plain(scene, "./host", NULL);
	guard_expect(scene, "count", 0);
	support_attach(scene, "--guard=hold", "libworker.so", NULL);
	support_event(scene, "ready");
	return scene;
}

START_TEST(a_host_that_is_attached_to_goes_on)
{
	static const struct guard_fault abort_fault = { "abort", "SIGABRT",
							NULL, 0 };
	static const struct guard_fault called_back = {
		"called_back", "SIGSEGV", "called_back", GUARD_ADDRESS
	};
	struct support *scene = attach("attached");

	guard_expect(scene, "null", 0);
	guard_expect_crash(scene, &null_fault, 1, "hold");
	guard_expect(scene, "thread abort", 0);
	guard_expect_crash(scene, &abort_fault, 1, "hold");
	guard_expect(scene, "called_back", 0);
	guard_expect_crash(scene, &called_back, 1, "hold");
	guard_expect(scene, "null", 0);
	guard_expect(scene, "called_back", 0);
	guard_expect(scene, "count", 3);
	guard_put(scene, 2);
	guard_expect(scene, "null", 2007);
	guard_expect(scene, "called_back", 2007);
	ck_assert_int_eq(support_detach(scene), 0);
	support_event(scene, "detached");
	guard_expect(scene, "abort", 2007);
	guard_expect(scene, "count", 6);
	ck_assert_int_eq(support_end(scene), 5);
	support_free(scene);
}
END_TEST

/* What hotinject has let go of calls its own code again, and crashes as always. */
START_TEST(a_host_that_is_let_go_after_a_crash_is_as_it_was)
{
	struct support *scene = attach("let-go");

	guard_expect(scene, "null", 0);
	guard_expect_crash(scene, &null_fault, 1, "hold");
	guard_expect(scene, "called_back", 0);
	support_event(scene, "crash");
	ck_assert_int_eq(support_detach(scene), 0);
	support_event(scene, "detached");
	guard_expect(scene, "count", 2);
	support_tell(scene, _i ? "called_back" : "null");
	ck_assert_int_eq(support_wait(scene), -SIGSEGV);
	support_free(scene);
}
END_TEST

START_TEST(a_host_whose_hotinject_is_killed_after_a_crash_goes_on)
{
	struct support *scene = attach("killed");

	guard_expect(scene, "null", 0);
	guard_expect_crash(scene, &null_fault, 1, "hold");
	ck_assert_int_eq(kill(support_get_attached(scene), SIGKILL), 0);
	ck_assert_int_eq(support_await_attached(scene), -SIGKILL);
	guard_expect(scene, "count", 1);
	/* still held */
	guard_expect(scene, "null", 0);
	ck_assert_int_eq(support_end(scene), 5);
	support_free(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *keeps = support_tcase(suite, "keeps");
	TCase *own = support_tcase(suite, "own");
	TCase *attached = support_tcase(suite, "attached");

	tcase_add_loop_test(keeps, what_a_call_preserves_is_as_it_was, 0,
			    (int)LEN(levels));
	tcase_add_loop_test(keeps, locals_are_as_they_were, 0,
			    (int)LEN(levels));
	tcase_add_loop_test(keeps, a_worker_without_frames_is_not_left, 0, 2);
	tcase_add_loop_test(own, the_host_dies_of_what_is_its_own, 0,
			    (int)LEN(deaths));
	tcase_add_test(own, the_host_s_own_handler_runs);
	tcase_add_test(own, without_the_guard_a_core_is_dumped);
	tcase_add_test(attached, a_host_that_is_attached_to_goes_on);
	tcase_add_loop_test(attached,
			    a_host_that_is_let_go_after_a_crash_is_as_it_was, 0,
			    2);
	tcase_add_test(attached,
		       a_host_whose_hotinject_is_killed_after_a_crash_goes_on);
}

int main(void)
{
	return support_main("guard_host", add);
}
