#include "injector/fold.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "tests/unit/fixture.h"

#define S 1000000000ULL

static struct hi_buf out;

static void keep(void *context, const char *text, bool bare)
{
	(void)context;
	hi_buf_text(&out, text);
	if (bare)
		hi_buf_text(&out, "\n");
}

static struct hi_fold *begin(void)
{
	hi_buf_done(&out);
	return hi_fold_new(keep, NULL);
}

static void live(struct hi_fold *fold, pid_t pid, int build, uint64_t now_ns)
{
	char brief[40], text[100];
	struct hi_said said = { pid, "game", "", brief, text };

	snprintf(brief, sizeof(brief), "w.so #%d live", build);
	snprintf(text, sizeof(text),
		 "hotinject: w.so #%d live: f changed (%d us)\n", build, pid);
	said.key = brief;
	hi_fold_take(fold, &said, now_ns);
}

static void say(struct hi_fold *fold, pid_t pid, const char *brief,
		const char *text, uint64_t now_ns)
{
	struct hi_said said = { pid, "game", "", brief, text };

	hi_fold_take(fold, &said, now_ns);
}

static void expect(struct hi_fold *fold, const char *text)
{
	hi_fold_flush(fold);
	ck_assert_str_eq(hi_buf_str(&out), text);
	hi_fold_free(fold);
	hi_buf_done(&out);
}

START_TEST(equal_outcomes_are_told_once_and_counted)
{
	struct hi_fold *fold = begin();

	live(fold, 1, 2, S);
	ck_assert_uint_eq(hi_fold_get_due_ns(fold), 0);
	ck_assert_str_eq(hi_buf_str(&out),
			 "hotinject: w.so #2 live: f changed (1 us)\n");
	for (pid_t pid = 2; pid <= 7; pid++)
		live(fold, pid, 2, S);
	ck_assert_uint_gt(hi_fold_get_due_ns(fold), S);
	expect(fold, "hotinject: w.so #2 live: f changed (1 us)\n"
		     "hotinject: w.so #2 live in 6 more processes "
		     "(2, 3, 4, 5, ...)\n");
}
END_TEST

START_TEST(the_next_build_is_no_difference)
{
	struct hi_fold *fold = begin();

	live(fold, 1, 2, S);
	live(fold, 2, 2, S);
	live(fold, 2, 3, S + 1);
	live(fold, 1, 3, S + 2);
	expect(fold, "hotinject: w.so #2 live: f changed (1 us)\n"
		     "hotinject: w.so #2 live in 1 more process (2)\n"
		     "hotinject: w.so #3 live: f changed (2 us)\n"
		     "hotinject: w.so #3 live in 1 more process (1)\n");
}
END_TEST

START_TEST(who_differs_is_named)
{
	struct hi_fold *fold = begin();

	live(fold, 1, 2, S);
	say(fold, 2, "w.so #2 refused",
	    "hotinject: w.so #2 refused: f()\nhint: h\n", S);
	live(fold, 3, 2, S);
	live(fold, 4, 5, S + S);
	expect(fold, "hotinject: w.so #2 live: f changed (1 us)\n"
		     "hotinject: game (2): w.so #2 refused: f()\nhint: h\n"
		     "hotinject: game (4): w.so #5 live: f changed (4 us)\n"
		     "hotinject: w.so #2 live in 1 more process (3)\n");
}
END_TEST

START_TEST(a_name_in_the_text_makes_no_difference)
{
	struct hi_fold *fold = begin();

	say(fold, 1, "", "hotinject: game (1): w.so has 2 functions\n", S);
	say(fold, 2, "", "hotinject: game (2): w.so has 2 functions\n", S);
	say(fold, 3, "", "hotinject: game (3): w.so has 3 functions\n", S);
	expect(fold, "hotinject: game (1): w.so has 2 functions\n"
		     "hotinject: game (3): w.so has 3 functions\n"
		     "hotinject: w.so has 2 functions: 1 more process (2)\n");
}
END_TEST

START_TEST(many_kinds_of_messages_lose_no_count)
{
	struct hi_fold *fold = begin();
	char text[40];
	int n = 0;

	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "hotinject: %d\n", i);
		say(fold, 1, "", text, S);
		say(fold, 2, "", text, S);
	}
	hi_fold_flush(fold);
	for (const char *at = hi_buf_str(&out); (at = strstr(at, "1 more"));
	     n++)
		at++;
	ck_assert_int_eq(n, 40);
	hi_fold_free(fold);
	hi_buf_done(&out);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fold");
	TCase *tcase = tcase_create("fold");

	tcase_add_test(tcase, equal_outcomes_are_told_once_and_counted);
	tcase_add_test(tcase, the_next_build_is_no_difference);
	tcase_add_test(tcase, who_differs_is_named);
	tcase_add_test(tcase, a_name_in_the_text_makes_no_difference);
	tcase_add_test(tcase, many_kinds_of_messages_lose_no_count);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
