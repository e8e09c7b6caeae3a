/*
 * Whether a fault is the end of a stack: near where it is, and many calls deep.
 */
#include "injector/fault.h"

#include <signal.h>

#include "tests/unit/fixture.h"

#define KIB 1024L
#define SP  0x7ffe00000000L

static bool is_overflow(int signal, long distance, size_t n_frames)
{
	struct hi_fault fault = {
		.signal = signal,
		.has_address = true,
		.address_remote = (uint64_t)(SP + distance),
		.regs.rsp = SP,
	};

	return hi_fault_is_overflow(&fault, n_frames);
}

START_TEST(an_overflow_is_near_the_stack_s_end_and_deep)
{
	ck_assert(is_overflow(SIGSEGV, -8, 1000));
	/* a frame is made room for before it is used, from either end */
	ck_assert(is_overflow(SIGSEGV, -256 * KIB, 1000));
	ck_assert(is_overflow(SIGSEGV, 256 * KIB, 1000));
	ck_assert(!is_overflow(SIGSEGV, -768 * KIB, 1000));
	ck_assert(!is_overflow(SIGSEGV, 768 * KIB, 1000));
	ck_assert(!is_overflow(SIGSEGV, -8, 100));
	ck_assert(!is_overflow(SIGBUS, -8, 1000));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fault");
	TCase *tcase = tcase_create("fault");

	tcase_add_test(tcase, an_overflow_is_near_the_stack_s_end_and_deep);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
