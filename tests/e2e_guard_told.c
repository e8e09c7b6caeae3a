/*
 * What is told of a crash in the worker, and the locks that it has left behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "tests/support_guard.h"

static const struct guard_toolchain usual = { "usual", "gcc", "-O2 -g", "" };

static struct support *begin(const char *name)
{
	struct support *scene = support_new(name);

	guard_compile(scene, &usual, 1);
	guard_start(scene, "--guard=hold");
	return scene;
}

static int count_lines(struct support *scene, const char *part)
{
	char *HI_FREE text = support_messages(scene);
	int n = 0;

	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		n++;
	return n;
}

/* --- locks -------------------------------------------------------------------------- */

/* The crash of QUESTION has left WHAT behind, and the host can do NEXT. */
static void expect_lock(struct support *scene, const char *question,
			const char *what, const char *next)
{
	char pattern[100];
	json_t *event, *list;

	guard_expect(scene, question, 0);
	event = support_event(scene, "crash");
	list = json_object_get(event, "locks");
	ck_assert_int_eq(json_array_size(list), 1);
	snprintf(pattern, sizeof(pattern), "^    %s$", what);
	support_message(scene, pattern);
	if (next)
		guard_expect(scene, next, 7);
}

START_TEST(what_the_host_would_wait_for_is_released)
{
	struct support *scene = begin("locks");

	expect_lock(scene, "heap",
		    "a lock of malloc at 0x[0-9a-f]+ was released", "malloc");
	/* the answer is printed by another thread */
	expect_lock(scene, "thread stdio", "the lock of stdout was released",
		    NULL);
	expect_lock(scene, "mutex",
		    "mutex queue_lock is still held by the thread", NULL);
	guard_end(scene);
}
END_TEST

/* They are gone with the call. */
START_TEST(what_was_to_be_called_at_the_end_of_the_thread_is_not)
{
	struct support *scene = begin("handlers");

	guard_expect(scene, "end cleanup", 0);
	support_event(scene, "crash");
	guard_expect(scene, "end cleanup", 0);
	guard_end(scene);
}
END_TEST

/* --- words -------------------------------------------------------------------------- */

START_TEST(a_crash_is_told_with_its_lines)
{
	struct support *scene = begin("lines");
	json_t *event;

	guard_expect(scene, "null", 0);
	event = support_event(scene, "crash");
	ck_assert_str_eq(support_event_text(scene, event, "address"), "0");
	support_message(
		scene,
		"libworker.so #1 crashed: SIGSEGV at 0 in "
		"fault_null\\(\\) \\(worker.c:[0-9]+\\); fault_null\\(\\) "
		"returns zero until a new build arrives$");
	support_message(scene, "^    fault_null\\(\\) at worker.c:[0-9]+: "
			       "\\*no_place = x; /\\* null \\*/$");
	support_message(scene, "^    -> call_null\\(\\) at host.c:[0-9]+: "
			       "GUARD_FAULTS\\(CALL\\)$");
	ck_assert_int_eq(count_lines(scene, "    -> "), 1);
	guard_end(scene);
}
END_TEST

/* Of lines before it, some are longer than what is read at once. */
START_TEST(a_line_is_found_behind_long_ones)
{
	struct support *scene = support_new("long");

	support_shell(scene,
		      "{ printf '/* %%0700d */\\n' 0; echo 'static char *"
		      "volatile place;'; echo 'long w(void)'; echo '{'; "
		      "echo '  *place = 1;'; echo '  return 1;'; echo '}'; } "
		      ">w.c; { echo '#include <stdio.h>'; echo 'long w(void); "
		      "int main(void) { while (getchar() > 0) { puts(w() ? "
		      "\"1\" : \"0\"); fflush(stdout); } return 5; }'; } "
		      ">h.c; "
		      "gcc -g -O1 -fPIC -shared -Wl,-soname,libworker.so -o "
		      "libworker.so w.c; gcc -g -o host h.c -L. -lworker "
		      "-Wl,-rpath,'$ORIGIN'");
	support_start(scene, "./host", "libworker.so", NULL);
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, ""), "0");
	support_event(scene, "crash");
	support_message(scene, "^    w\\(\\) at w.c:5: \\*place = 1;$");
	ck_assert_int_eq(support_end(scene), 5);
	support_free(scene);
}
END_TEST

START_TEST(recursion_is_told_once)
{
	struct support *scene = begin("recursion");
	json_t *event, *frames;
	long printed, more;
	char pattern[60];

	guard_expect(scene, "overflow", 0);
	event = support_event(scene, "crash");
	support_message(scene, "libworker.so #1 crashed: SIGSEGV, its stack is "
			       "full, in deep\\(\\) \\(worker.c:[0-9]+\\); ");
	support_message(scene, "^    -> call_overflow\\(\\) at host.c:");
	frames = json_object_get(event, "backtrace");
	more = support_event_number(scene, event, "frames_left_out");
	ck_assert_int_gt(more, 1000);
	ck_assert_int_lt(more, 1000000);
	/* the last is where the host goes on */
	more += (long)json_array_size(frames) - 1;
	printed = count_lines(scene, "\n    deep() at");
	ck_assert_int_ge(printed, 1);
	ck_assert_int_le(printed, 2);
	snprintf(pattern, sizeof(pattern), "^    \\.\\.\\. %ld more frames$",
		 more - printed);
	support_message(scene, pattern);
	guard_end(scene);
}
END_TEST

START_TEST(what_happens_again_is_told_by_its_number)
{
	struct support *scene = begin("times");

	guard_expect(scene, "again tiny 100", 0);
	for (int times = 1; times <= 100; times *= 10)
		ck_assert_int_eq(support_event_number(
					 scene, support_event(scene, "crash"),
					 "times"),
				 times);
	support_message(scene, "has returned zero \\(10 times\\)$");
	support_message(scene, "has returned zero \\(100 times\\)$");
	ck_assert_int_eq(count_lines(scene, " crashed: "), 3);
	/* the first alone with frames */
	ck_assert_int_eq(count_lines(scene, "    -> "), 1);
	guard_end(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *locks = support_tcase(suite, "locks");
	TCase *words = support_tcase(suite, "words");

	tcase_add_test(locks, what_the_host_would_wait_for_is_released);
	tcase_add_test(locks,
		       what_was_to_be_called_at_the_end_of_the_thread_is_not);
	tcase_add_test(words, a_crash_is_told_with_its_lines);
	tcase_add_test(words, a_line_is_found_behind_long_ones);
	tcase_add_test(words, recursion_is_told_once);
	tcase_add_test(words, what_happens_again_is_told_by_its_number);
}

int main(void)
{
	return support_main("guard_told", add);
}
