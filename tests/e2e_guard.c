/*
 * Crashes in the worker, of each kind, in each language and at each level: the host
 * gets zero and goes on, and the next build, or the one before, gives it values again.
 *
 * Odd builds of tests/guard crash, even ones do not, unless they are spoiled.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "tests/support_guard.h"

#define LEN(array) (sizeof(array) / sizeof(*(array)))

enum {
	LAST_BUILD = 4,
	GOOD = 2,   /* what is gone back to, and its file */
	N_BACK = 3, /* toolchains with which that is tried each time */
	MANY = 16,
	OFTEN = 1000,
};

/* --- each fault, with each toolchain ------------------------------------------------- */

static const struct guard_fault faults[] = {
	{ "null", "SIGSEGV", NULL, GUARD_ADDRESS },
	{ "wild", "SIGSEGV", NULL, 0 },
	{ "readonly", "SIGSEGV", NULL, GUARD_ADDRESS },
	{ "bus", "SIGBUS", NULL, GUARD_ADDRESS },
	{ "ill", "SIGILL", NULL, 0 },
	{ "div", "SIGFPE", NULL, 0 },
	{ "sse", "SIGFPE", NULL, 0 },
	{ "x87", "SIGFPE", NULL, GUARD_NEXT_LINE },
	{ "abort", "SIGABRT", NULL, 0 },
	{ "assert", "SIGABRT", NULL, 0 },
	{ "twice", "SIGABRT", NULL, 0 },
	{ "kill", "SIGABRT", NULL, 0 },
	{ "tkill", "SIGABRT", NULL, 0 },
	{ "queue", "SIGABRT", NULL, 0 },
	{ "tqueue", "SIGABRT", NULL, 0 },
	{ "trap", "SIGTRAP", NULL, 0 },
	{ "nowhere", "SIGSEGV", NULL, GUARD_ADDRESS },
	{ "leaps", "SIGSEGV", NULL, GUARD_ADDRESS | GUARD_ANY_LINE },
	{ "libc", "SIGSEGV", NULL, GUARD_ADDRESS },
	{ "jumps", "SIGSEGV", NULL, GUARD_ADDRESS | GUARD_ANY_LINE },
	{ "heap", "SIGABRT", NULL, 0 },
	{ "sort", "SIGSEGV", "compare", GUARD_ADDRESS | GUARD_INSIDE },
	{ "callback", "SIGSEGV", NULL, GUARD_ADDRESS },
	{ "tail", "SIGSEGV", "inner", GUARD_ADDRESS },
	{ "vectors", "SIGSEGV", NULL, GUARD_ADDRESS },
	{ "alloca", "SIGSEGV", NULL, GUARD_ADDRESS },
	{ "overflow", "SIGSEGV", "deep", GUARD_ADDRESS | GUARD_ANY_LINE },
	{ "called_back", "SIGSEGV", "called_back", GUARD_ADDRESS },
	{ "exception", "SIGABRT", NULL, 0 },
	{ "area", "SIGSEGV", "area", GUARD_ADDRESS },
	{ "panic", "SIGABRT", "", GUARD_ANY_LINE },
	{ "quits", "SIGABRT", "", GUARD_ANY_LINE },
};

static const char of_c[] =
	"null wild readonly bus ill div sse x87 abort assert twice kill tkill "
	"queue tqueue trap nowhere leaps libc jumps heap sort callback tail vectors "
	"alloca overflow called_back";
static const char of_cxx[] =
	"null wild readonly bus ill div sse x87 abort assert twice trap nowhere "
	"leaps libc jumps heap sort callback tail vectors alloca overflow called_back "
	"exception area";
static const char of_rust[] = "wild quits panic overflow called_back";

/* Those that differ with the compiler. */
static const char few_of_c[] =
	"null x87 abort nowhere leaps jumps sort tail alloca overflow called_back";
static const char few_of_cxx[] = "null abort tail exception area called_back";

static const struct guard_toolchain toolchains[] = {
	{ "c-gcc-O2", "gcc", "-O2 -g", of_c },
	{ "cxx-gcc-O2", "g++ -x c++", "-O2 -g", of_cxx },
	{ "rust-unwind-O0", "rustc", "-g", of_rust },
	{ "rust-abort-O2", "rustc", "-g -C opt-level=2 -C panic=abort",
	  of_rust },
	{ "c-clang-O2", "clang", "-O2 -g", few_of_c },
	{ "c-gcc-O0", "gcc", "-O0 -g", few_of_c },
	{ "c-gcc-Os", "gcc", "-Os -g", few_of_c },
	{ "c-clang-O0", "clang", "-O0 -g", few_of_c },
	{ "c-clang-Os", "clang", "-Os -g", few_of_c },
	{ "cxx-gcc-O0", "g++ -x c++", "-O0 -g", few_of_cxx },
	{ "cxx-clang-O2", "clang++ -x c++", "-O2 -g", few_of_cxx },
	{ "cxx-clang-Os", "clang++ -x c++", "-Os -g", few_of_cxx },
	{ "c-gcc-frames", "gcc", "-O2 -g -fno-omit-frame-pointer", few_of_c },
	{ "c-gcc-cet", "gcc", "-O2 -g -fcf-protection=full -Wl,-z,ibtplt",
	  few_of_c },
	{ "c-gcc-lto", "gcc", "-O2 -g -flto", few_of_c },
	{ "c-gcc-no-plt", "gcc", "-O2 -g -fno-plt",
	  "nowhere leaps jumps tail" },
};

static bool has(const char *list, const char *name)
{
	return support_has_word(list, name);
}

static const struct guard_fault *find_fault(const char *name)
{
	for (size_t i = 0; i < LEN(faults); i++)
		if (!strcmp(faults[i].name, name))
			return &faults[i];
	ck_abort_msg("no fault %s", name);
}

/* Each crashes once; then its calls give zero and do not begin. Returns the calls that
   have begun. */
static long crash_all(struct support *scene, const char *names,
		      unsigned int build)
{
	long calls = 0, result;
	const char *entered;
	json_t *event;
	bool inside;

	for (size_t i = 0; i < LEN(faults); i++) {
		const struct guard_fault *fault = &faults[i];

		if (!has(names, fault->name))
			continue;
		/* the C library gets the zero, and what has called it goes on */
		inside = fault->flags & GUARD_INSIDE;
		result = inside ? (long)build * 1000 + 7 : 0;
		guard_expect(scene, fault->name, result);
		event = guard_expect_crash(scene, fault, build, "hold");
		guard_expect(scene, fault->name, result);
		guard_expect(scene, fault->name, result);
		/* jumped to by what the host has called, which is not held */
		entered = support_event_text(scene, event, "entered");
		inside |= strstr(entered, "inner") || strstr(entered, "deep");
		calls += inside ? 3 : 1;
	}
	return calls;
}

static long call_all(struct support *scene, const char *names,
		     unsigned int build)
{
	long calls = 0;

	for (size_t i = 0; i < LEN(faults); i++) {
		if (!has(names, faults[i].name))
			continue;
		guard_expect(scene, faults[i].name, (long)build * 1000 + 7);
		calls++;
	}
	return calls;
}

static void hold_all(struct support *scene, const char *names)
{
	long calls = 0;

	guard_start(scene, "--guard=hold");
	for (unsigned int build = 1; build <= LAST_BUILD; build += 2) {
		calls += crash_all(scene, names, build);
		guard_expect(scene, "count", calls);
		guard_put(scene, build + 1);
		calls += call_all(scene, names, build + 1);
		guard_expect(scene, "count", calls);
		if (build + 2 <= LAST_BUILD)
			guard_put(scene, build + 2);
	}
	guard_leave(scene);
}

/* --- back to the last build that has not crashed ------------------------------------ */

static const char few_to_go_back[] =
	"null abort sort jumps called_back exception area wild panic";

static void expect_way_back(struct support *scene, const char *signal,
			    unsigned int to, unsigned int from)
{
	json_t *event = support_event(scene, "rollback");
	char pattern[100];

	ck_assert_int_eq(support_event_number(scene, event, "build"), to);
	ck_assert_int_eq(support_event_number(scene, event, "from"), from);
	snprintf(pattern, sizeof(pattern),
		 "libworker.so #%u crashed: %s.*; going back to #%u$", from,
		 signal, to);
	support_message(scene, pattern);
	snprintf(pattern, sizeof(pattern), "libworker.so back at #%u: ", to);
	support_message(scene, pattern);
}

/* Returns the calls that have begun. */
static long go_back(struct support *scene, const struct guard_fault *fault,
		    unsigned int number)
{
	/* one that was gone back from is not taken again by itself */
	unsigned int file = number % 2 ? 3 : 1;
	bool inside = fault->flags & GUARD_INSIDE;

	guard_put_as(scene, file, number);
	guard_expect(scene, fault->name, inside ? file * 1000L + 7 : 0);
	guard_expect_crash(scene, fault, number, "rollback");
	expect_way_back(scene, fault->signal, GOOD, number);
	guard_expect(scene, fault->name, GOOD * 1000L + 7);
	guard_expect(scene, fault->name, GOOD * 1000L + 7);
	return 3;
}

static void go_back_from_each(struct support *scene, const char *names)
{
	unsigned int number = GOOD;
	long calls = 1;

	guard_start(scene, "--guard=rollback");
	/* there is no build to go back to */
	guard_expect(scene, "wild", 0);
	guard_expect_crash(scene, find_fault("wild"), 1, "hold");
	guard_expect(scene, "wild", 0);
	guard_put(scene, GOOD);
	for (size_t i = 0; i < LEN(faults); i++) {
		if (!has(names, faults[i].name) ||
		    (!guard_is_full() && !has(few_to_go_back, faults[i].name)))
			continue;
		calls += go_back(scene, &faults[i], ++number);
		guard_expect(scene, "count", calls);
	}
	/* each new build gets its chance */
	for (int i = 0; i < 2; i++)
		calls += go_back(scene, find_fault("wild"), ++number);
	guard_expect(scene, "count", calls);
	guard_leave(scene);
}

/* What was live before crashes, too: it is not gone back on and on. */
static void spoil_all(struct support *scene, const char *names)
{
	const struct guard_fault *aborts =
		find_fault(has(names, "abort") ? "abort" : "quits");
	const struct guard_fault *wild = find_fault("wild");
	const struct guard_fault *callback = find_fault("called_back");

	guard_start_at(scene, "--guard=rollback", 2);
	guard_put_as(scene, 4, 2);
	guard_put_as(scene, 3, 3);
	guard_expect(scene, "wild", 0);
	guard_expect_crash(scene, wild, 3, "rollback");
	expect_way_back(scene, wild->signal, 2, 3);
	guard_expect(scene, "wild", 4007);
	guard_expect(scene, "spoil", 7);
	guard_expect(scene, "wild", 0);
	guard_expect_crash(scene, wild, 2, "hold");
	guard_expect(scene, "wild", 0);
	guard_expect(scene, "count", 3);
	/* another function */
	guard_expect(scene, "called_back", 0);
	guard_expect_crash(scene, callback, 2, "rollback");
	expect_way_back(scene, callback->signal, 1, 2);
	guard_expect(scene, "called_back", 0);
	guard_expect_crash(scene, callback, 1, "hold");
	guard_expect(scene, "called_back", 0);
	guard_expect(scene, "wild", 0);
	guard_expect_crash(scene, wild, 1, "hold");
	/* in the part of a function that is seldom run */
	guard_expect(scene, aborts->name, 0);
	guard_expect_crash(scene, aborts, 1, "hold");
	guard_expect(scene, aborts->name, 0);
	guard_expect(scene, "count", 7);
	guard_expect(scene, "spoil", 7);
	guard_expect(scene, "wild", 0);
	guard_put_as(scene, 4, 4);
	guard_expect(scene, "wild", 4007);
	guard_expect(scene, "called_back", 4007);
	guard_expect(scene, "count", 9);
	guard_leave(scene);
}

START_TEST(the_host_goes_on_with_zero_or_with_the_build_before)
{
	const struct guard_toolchain *toolchain = &toolchains[_i];
	const char *names =
		guard_is_full() && strcmp(toolchain->cc, "rustc") ?
			(strstr(toolchain->name, "cxx") ? of_cxx : of_c) :
			toolchain->names;
	struct support *scene = support_new(toolchain->name);

	guard_compile(scene, toolchain, LAST_BUILD);
	hold_all(scene, names);
	if (guard_is_full() || _i < N_BACK) {
		go_back_from_each(scene, names);
		spoil_all(scene, names);
	}
	support_free(scene);
}
END_TEST

/* --- threads ------------------------------------------------------------------------- */

/* Build 1 is in a host of C; 2 follows. */
static struct support *begin(const char *name, const char *option)
{
	struct support *scene = support_new(name);

	guard_compile(scene, &toolchains[0], 3);
	guard_start(scene, option);
	return scene;
}

START_TEST(a_thread_with_a_small_stack_goes_on)
{
	static const char *const names[] = { "overflow", "twice", "abort",
					     "alloca", "called_back" };
	struct support *scene = begin("small", "--guard=hold");
	char question[60];

	for (size_t i = 0; i < LEN(names); i++) {
		snprintf(question, sizeof(question), "thread %s", names[i]);
		guard_expect(scene, question, 0);
		guard_expect_crash(scene, find_fault(names[i]), 1, "hold");
		guard_expect(scene, question, 0);
	}
	guard_put(scene, 2);
	for (size_t i = 0; i < LEN(names); i++) {
		snprintf(question, sizeof(question), "thread %s", names[i]);
		guard_expect(scene, question, 2007);
	}
	guard_end(scene);
}
END_TEST

static const char *const at_once[] = { "null", "abort", "called_back", "twice",
				       "heap" };

/* Some come before the others have crashed, others are held already. */
START_TEST(threads_that_crash_at_once_go_on)
{
	struct support *scene = begin("many", "--guard=hold");
	char question[60];

	snprintf(question, sizeof(question), "many %s", at_once[_i]);
	guard_expect(scene, question, 0);
	guard_expect_crash(scene, find_fault(at_once[_i]), 1, "hold");
	guard_put(scene, 2);
	guard_expect(scene, question, 2007L * MANY);
	guard_end(scene);
}
END_TEST

/* Its result is NULL, as if it had returned. */
START_TEST(a_thread_of_the_worker_s_own_ends)
{
	static const struct guard_fault thread = { "thread", "SIGSEGV", "run",
						   GUARD_ADDRESS };
	static const struct guard_fault constructed = { "constructed",
							"SIGSEGV", "run_early",
							GUARD_ADDRESS };
	struct support *scene = begin("own-thread", "--guard=hold");

	guard_expect(scene, "constructed", 1007);
	guard_expect_crash(scene, &constructed, 1, "hold");
	guard_expect(scene, "thread", 1007);
	guard_expect_crash(scene, &thread, 1, "hold");
	guard_expect(scene, "thread", 1007);
	guard_put(scene, 2);
	guard_expect(scene, "thread", 2007);
	guard_end(scene);
}
END_TEST

START_TEST(a_handler_in_the_worker_returns)
{
	static const struct guard_fault handle = { "handle", "SIGSEGV",
						   "worker_handle",
						   GUARD_ADDRESS };
	struct support *scene = begin("handler", "--guard=hold");

	for (unsigned int build = 1; build <= 3; build += 2) {
		guard_expect(scene, "raise", 7);
		guard_expect_crash(scene, &handle, build, "hold");
		guard_expect(scene, "raise", 7);
		guard_expect(scene, "count", build);
		if (build == 1) {
			guard_put(scene, 2);
			guard_expect(scene, "raise", 7);
			guard_expect(scene, "count", 2);
			guard_put(scene, 3);
		}
	}
	guard_end(scene);
}
END_TEST

/* --- what is not held ----------------------------------------------------------------- */

START_TEST(a_thread_leaves_an_old_build)
{
	static const struct guard_fault waits = { "waits", "SIGSEGV",
						  "fault_waits",
						  GUARD_ADDRESS };
	struct support *scene = begin("old", "--guard=hold");

	guard_expect(scene, "leave waits", 0);
	guard_put(scene, 2);
	guard_expect(scene, "null", 2007);
	guard_expect(scene, "go", 7);
	guard_expect(scene, "join", 0);
	guard_expect_crash(scene, &waits, 1, "return");
	guard_expect(scene, "null", 2007);
	guard_end(scene);
}
END_TEST

/* There is a build that could be gone back to. */
START_TEST(newer_code_stays_when_an_old_build_crashes)
{
	static const struct guard_fault waits = { "waits", "SIGSEGV",
						  "fault_waits",
						  GUARD_ADDRESS };
	struct support *scene = begin("newer", "--guard=rollback");

	guard_put(scene, 2);
	guard_expect(scene, "leave waits", 0);
	while (strcmp(support_ask(scene, "count"), "1") != 0)
		;
	guard_put(scene, 3);
	guard_expect(scene, "go", 7);
	guard_expect(scene, "join", 0);
	guard_expect_crash(scene, &waits, 2, "return");
	guard_end(scene);
}
END_TEST

/* It is told at once, though the build may wait for ever: run_early() does not end. */
START_TEST(a_crash_while_a_build_waits_is_told)
{
	struct support *scene = support_new("deferred");

	guard_compile(scene, &toolchains[0], 2);
	support_start(scene, "--busy=defer", "--wait=20", "./host",
		      "libworker.so", NULL);
	support_event(scene, "ready");
	support_put(scene, "build.2.so", "libworker.so", SUPPORT_RENAME);
	while (strcmp(support_event_text(scene, support_event_any(scene),
					 "event"),
		      "waiting") != 0)
		;
	guard_expect(scene, "null", 0);
	guard_expect_crash(scene, find_fault("null"), 1, "hold");
	guard_expect(scene, "null", 0);
	guard_expect(scene, "count", 1);
	guard_end(scene);
}
END_TEST

/* Told at the first time, the tenth, and so on. */
START_TEST(what_cannot_be_held_may_crash_a_thousand_times)
{
	static const struct guard_fault tiny = { "tiny", "SIGILL", "",
						 GUARD_ANY_LINE };
	struct support *scene = begin("tiny", "--guard=hold");
	char question[60];

	snprintf(question, sizeof(question), "again tiny %d", OFTEN);
	guard_expect(scene, question, 0);
	for (long times = 1; times <= OFTEN; times *= 10) {
		json_t *event = guard_expect_crash(scene, &tiny, 1, "return");

		ck_assert_int_eq(support_event_number(scene, event, "times"),
				 times);
	}
	guard_expect(scene, "null", 0);
	guard_expect_crash(scene, find_fault("null"), 1, "hold");
	guard_put(scene, 2);
	guard_expect(scene, "null", 2007);
	guard_end(scene);
}
END_TEST

/* --- without the guard ------------------------------------------------------ */

static int get_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = { { "SIGSEGV", SIGSEGV }, { "SIGBUS", SIGBUS },
			{ "SIGILL", SIGILL },   { "SIGFPE", SIGFPE },
			{ "SIGABRT", SIGABRT }, { "SIGTRAP", SIGTRAP } };

	for (size_t i = 0; i < LEN(signals); i++)
		if (!strcmp(signals[i].name, name))
			return signals[i].number;
	ck_abort_msg("no signal %s", name);
}

static void die_of(struct support *scene, const struct guard_fault *fault)
{
	guard_start(scene, "--guard=off");
	support_tell(scene, fault->name);
	guard_expect_crash(scene, fault, 1, "off");
	ck_assert_int_eq(support_wait(scene), 128 + get_number(fault->signal));
}

START_TEST(without_the_guard_the_host_dies_of_its_signal)
{
	const struct guard_toolchain *toolchain = &toolchains[_i];
	struct support *scene = support_new(toolchain->name);

	guard_compile(scene, toolchain, 1);
	for (size_t i = 0; i < LEN(faults); i++)
		if (has(toolchain->names, faults[i].name))
			die_of(scene, &faults[i]);
	support_free(scene);
}
END_TEST

/* The host is not made to go on where it has called nothing. */
START_TEST(a_way_out_that_is_none_is_not_taken)
{
	struct support *scene = begin("wrong", "--guard=hold");
	json_t *event;

	support_tell(scene, "wrong");
	event = support_event(scene, "crash");
	ck_assert_str_eq(support_event_text(scene, event, "action"), "off");
	ck_assert_int_eq(support_wait(scene), 128 + SIGILL);
	support_message(scene, "the host dies of it: the frames of thread "
			       "[0-9]+ between libworker.so and the host "
			       "cannot be followed");
	support_free(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *each = support_tcase(suite, "each");
	TCase *other = support_tcase(suite, "other");
	TCase *off = support_tcase(suite, "off");

	tcase_add_loop_test(each,
			    the_host_goes_on_with_zero_or_with_the_build_before,
			    0, (int)LEN(toolchains));
	tcase_add_test(other, a_thread_with_a_small_stack_goes_on);
	tcase_add_loop_test(other, threads_that_crash_at_once_go_on, 0,
			    (int)LEN(at_once));
	tcase_add_test(other, a_thread_of_the_worker_s_own_ends);
	tcase_add_test(other, a_handler_in_the_worker_returns);
	tcase_add_test(other, a_thread_leaves_an_old_build);
	tcase_add_test(other, newer_code_stays_when_an_old_build_crashes);
	tcase_add_test(other, a_way_out_that_is_none_is_not_taken);
	tcase_add_test(other, a_crash_while_a_build_waits_is_told);
	tcase_add_test(other, what_cannot_be_held_may_crash_a_thousand_times);
	/* C, C++, Rust */
	tcase_add_loop_test(off, without_the_guard_the_host_dies_of_its_signal,
			    0, guard_is_full() ? (int)LEN(toolchains) : 3);
}

int main(void)
{
	return support_main("guard", add);
}
