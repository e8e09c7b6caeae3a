#include "common/buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fixture.h"

START_TEST(an_empty_buffer_is_an_empty_text)
{
	struct hi_buf buf = HI_BUF_INIT;

	ck_assert_str_eq(hi_buf_str(&buf), "");
	ck_assert_ptr_null(hi_buf_take(&buf));
	hi_buf_done(&buf);
}
END_TEST

START_TEST(text_bytes_and_formats_follow_each_other)
{
	struct hi_buf buf = HI_BUF_INIT;

	hi_buf_text(&buf, "a");
	hi_buf_printf(&buf, "-%d-", 42);
	hi_buf_add(&buf, "b\0c", 3);
	ck_assert_uint_eq(buf.len, 8);
	ck_assert_mem_eq(buf.data, "a-42-b\0c\0", 9);
	hi_buf_clear(&buf);
	ck_assert_uint_eq(buf.len, 0);
	ck_assert_str_eq(hi_buf_str(&buf), "");
	hi_buf_done(&buf);
}
END_TEST

START_TEST(it_grows_past_any_first_size)
{
	struct hi_buf buf = HI_BUF_INIT;
	char *text;

	for (int i = 0; i < 10000; i++)
		hi_buf_printf(&buf, "%04d", i);
	ck_assert_uint_eq(buf.len, 40000);
	ck_assert(!buf.failed);
	text = hi_buf_take(&buf);
	ck_assert_str_eq(text + 39996, "9999");
	ck_assert_ptr_null(buf.data);
	free(text);
}
END_TEST

START_TEST(a_failure_stays_and_keeps_what_was_there)
{
	struct hi_buf buf = HI_BUF_INIT;

	hi_buf_text(&buf, "kept");
	hi_buf_add(&buf, "x", SIZE_MAX - 2);
	ck_assert(buf.failed);
	hi_buf_text(&buf, "more");
	ck_assert_str_eq(hi_buf_str(&buf), "kept");
	hi_buf_clear(&buf);
	ck_assert(!buf.failed);
	hi_buf_done(&buf);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("buf");
	TCase *tc = tcase_create("buf");

	tcase_add_test(tc, an_empty_buffer_is_an_empty_text);
	tcase_add_test(tc, text_bytes_and_formats_follow_each_other);
	tcase_add_test(tc, it_grows_past_any_first_size);
	tcase_add_test(tc, a_failure_stays_and_keeps_what_was_there);
	suite_add_tcase(suite, tc);
	return hi_fixture_main(suite);
}
