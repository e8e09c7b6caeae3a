#include "common/err.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/fixture.h"

START_TEST(a_failure_returns_its_code_and_sentence)
{
	struct hi_err err = { .hint = "old" };

	ck_assert_int_eq(hi_fail(&err, HI_E_CUT, "%s is empty", "a.so"),
			 HI_E_CUT);
	ck_assert_int_eq(err.code, HI_E_CUT);
	ck_assert_int_eq(err.sys_errno, 0);
	ck_assert_str_eq(err.sentence, "a.so is empty");
	ck_assert_str_eq(err.hint, "");
	ck_assert_int_lt(HI_E_CUT, 0);
}
END_TEST

START_TEST(a_system_failure_names_errno_and_keeps_it)
{
	struct hi_err err;

	errno = ENOENT;
	ck_assert_int_eq(hi_fail_sys(&err, "open %s", "a.so"), HI_E_SYS);
	ck_assert_int_eq(err.sys_errno, ENOENT);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_str_eq(err.sentence, "open a.so: No such file or directory");
}
END_TEST

START_TEST(nobody_needs_to_want_the_sentence)
{
	ck_assert_int_eq(hi_fail(NULL, HI_E_BUSY, "x"), HI_E_BUSY);
	ck_assert_int_eq(hi_fail_sys(NULL, "x"), HI_E_SYS);
	hi_err_hint(NULL, "x");
	hi_err_prefix(NULL, "x");
}
END_TEST

START_TEST(prefix_and_hint_are_added)
{
	struct hi_err err;

	hi_fail(&err, HI_E_CUT, "it is empty");
	hi_err_hint(&err, "wait %d s", 2);
	hi_err_prefix(&err, "loading %s: ", "a.so");
	ck_assert_str_eq(err.sentence, "loading a.so: it is empty");
	ck_assert_str_eq(err.hint, "wait 2 s");
}
END_TEST

START_TEST(long_sentences_are_cut_not_overrun)
{
	struct hi_err err;
	char text[1000];

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	hi_fail(&err, HI_E_CUT, "%s", text);
	ck_assert_uint_eq(strlen(err.sentence), sizeof(err.sentence) - 1);
	hi_err_prefix(&err, "bc");
	ck_assert_uint_eq(strlen(err.sentence), sizeof(err.sentence) - 1);
	ck_assert_int_eq(strncmp(err.sentence, "bca", 3), 0);
	hi_err_prefix(&err, "%s", text);
	ck_assert_uint_eq(strlen(err.sentence), sizeof(err.sentence) - 1);
}
END_TEST

START_TEST(each_code_has_a_text)
{
	ck_assert_str_eq(hi_code_text(HI_E_SYS), "a system call failed");
	ck_assert_str_eq(hi_code_text(HI_E_INTERNAL), "hotinject is at fault");
	ck_assert_str_eq(hi_code_text(HI_OK), "no error");
	ck_assert_str_eq(hi_code_text(HI_E_INTERNAL + 1), "an unknown error");
	ck_assert_str_eq(hi_code_text(-5000), "an unknown error");
	ck_assert_str_eq(hi_code_text(HI_CODE_FIRST_), "an unknown error");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("err");
	TCase *tc = tcase_create("err");

	tcase_add_test(tc, a_failure_returns_its_code_and_sentence);
	tcase_add_test(tc, a_system_failure_names_errno_and_keeps_it);
	tcase_add_test(tc, nobody_needs_to_want_the_sentence);
	tcase_add_test(tc, prefix_and_hint_are_added);
	tcase_add_test(tc, long_sentences_are_cut_not_overrun);
	tcase_add_test(tc, each_code_has_a_text);
	suite_add_tcase(suite, tc);
	return hi_fixture_main(suite);
}
