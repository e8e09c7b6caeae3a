#include "injector/apply.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "injector/remote.h"
#include "tests/unit/fixture.h"

#define PAGE    4096UL
#define N_PAGES 4UL

enum { OLD = 0x11, NEW = 0x22 };

/*
 * A process with four pages: data, read-only data (code, for all that is written to
 * it), data again, and none.
 */
struct subject {
	struct hi_host *host;
	struct hi_plan plan;
	unsigned char *pages;
};

static void begin(struct subject *subject)
{
	struct hi_err err;
	pid_t pid;

	memset(subject, 0, sizeof(*subject));
	subject->pages = mmap(NULL, N_PAGES * PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(subject->pages != MAP_FAILED);
	memset(subject->pages, OLD, N_PAGES * PAGE);
	ck_assert_int_eq(mprotect(subject->pages + PAGE, PAGE, PROT_READ), 0);
	ck_assert_int_eq(munmap(subject->pages + 3 * PAGE, PAGE), 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	subject->host = hi_host_new(pid);
	ck_assert_int_eq(hi_host_reopen(subject->host, &err), 0);
}

static void end(struct subject *subject)
{
	kill(subject->host->pid, SIGKILL);
	waitpid(subject->host->pid, NULL, 0);
	hi_host_free(subject->host);
	hi_plan_done(&subject->plan);
	munmap(subject->pages, 3 * PAGE);
}

/* Write 8 bytes at AT, which is counted from the first page. */
static void add(struct subject *subject, size_t at, bool code)
{
	unsigned char old[8], new[8];

	memset(old, OLD, sizeof(old));
	memset(new, NEW, sizeof(new));
	hi_plan_add(&subject->plan, (uint64_t)subject->pages + at, new, old, 8,
		    code);
}

/* How many of the process's bytes are NEW; all others are OLD. */
static size_t count_new(const struct subject *subject)
{
	unsigned char bytes[3 * PAGE];
	struct hi_err err;
	size_t n = 0;

	ck_assert_int_eq(hi_remote_read(subject->host, (uint64_t)subject->pages,
					bytes, sizeof(bytes), &err),
			 0);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		ck_assert(bytes[i] == OLD || bytes[i] == NEW);
		n += bytes[i] == NEW;
	}
	return n;
}

START_TEST(data_and_code_are_written_and_taken_back)
{
	struct subject subject;
	struct hi_err err;

	begin(&subject);
	for (size_t i = 0; i < 4; i++) {
		add(&subject, 64 * i, false);
		add(&subject, PAGE + 8 * i, true);
	}
	add(&subject, 512, false);
	add(&subject, 520, false); /* in one piece with the one before */
	ck_assert_int_eq(hi_apply(subject.host, &subject.plan, &err), 0);
	ck_assert_uint_eq(count_new(&subject), 80);
	ck_assert_int_eq(hi_apply_undo(subject.host, &subject.plan, &err), 0);
	ck_assert_uint_eq(count_new(&subject), 0);
	end(&subject);
}
END_TEST

/* A write that cannot be made, among others. */
static const struct failure {
	size_t at;
	bool code;
} failures[] = {
	{ 3 * PAGE + 8, false }, /* where nothing is */
	{ 3 * PAGE + 8, true },
	{ 3 * PAGE - 4, false }, /* half of it can be made */
	{ 3 * PAGE - 4, true },
	{ PAGE + 128, false }, /* code, as if it were data */
};

START_TEST(what_fails_in_the_middle_is_taken_back)
{
	const struct failure *failure = &failures[_i / 2];
	bool code = _i % 2;
	struct subject subject;
	struct hi_err err;

	begin(&subject);
	for (size_t i = 0; i < 3; i++) {
		add(&subject, 64 * i, false);
		add(&subject, PAGE + 64 * i, true);
	}
	/* neighbours of the kind that is written together */
	for (size_t i = 0; i < 5; i++)
		add(&subject, (code ? PAGE : 0) + 1024 + 16 * i, code);
	add(&subject, failure->at, failure->code);
	add(&subject, 2 * PAGE, false);
	ck_assert_int_lt(hi_apply(subject.host, &subject.plan, &err), 0);
	ck_assert_uint_eq(count_new(&subject), 0);
	ck_assert_ptr_nonnull(strstr(err.sentence, "writing 8 bytes"));
	ck_assert_ptr_null(strstr(err.sentence, "not taken back"));
	end(&subject);
}
END_TEST

START_TEST(what_was_written_twice_is_taken_back_to_the_first)
{
	static const unsigned char between[8] = "12345678";
	struct subject subject;
	unsigned char old[8], new[8];
	struct hi_err err;

	begin(&subject);
	memset(old, OLD, sizeof(old));
	memset(new, NEW, sizeof(new));
	hi_plan_add(&subject.plan, (uint64_t)subject.pages, between, old, 8,
		    false);
	hi_plan_add(&subject.plan, (uint64_t)subject.pages, new, between, 8,
		    false);
	ck_assert_int_eq(hi_apply(subject.host, &subject.plan, &err), 0);
	ck_assert_uint_eq(count_new(&subject), 8);
	ck_assert_int_eq(hi_apply_undo(subject.host, &subject.plan, &err), 0);
	ck_assert_uint_eq(count_new(&subject), 0);
	end(&subject);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apply");
	TCase *tcase = tcase_create("apply");

	tcase_add_test(tcase, data_and_code_are_written_and_taken_back);
	tcase_add_loop_test(tcase, what_fails_in_the_middle_is_taken_back, 0,
			    2 * sizeof(failures) / sizeof(*failures));
	tcase_add_test(tcase,
		       what_was_written_twice_is_taken_back_to_the_first);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
