#include "injector/held_locks.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/crashed.h"
#include "tests/unit/fixture.h"

/* --- the host ---------------------------------------------------------------- */

static void *volatile sink, *volatile kept;
static char *volatile nowhere = (char *)8;
static FILE *volatile passwd;

static void free_twice(struct hi_crashed_shared *shared)
{
	(void)shared;
	kept = malloc(HI_CRASHED_BIG);
	sink = malloc(HI_CRASHED_BIG);
	free(kept);
	/* the crash that is wanted */
	/* cppcheck-suppress doubleFree */
	free(kept);
}

/* The check fails before the lock is taken. */
static void free_small_twice(struct hi_crashed_shared *shared)
{
	char *volatile small = malloc(HI_CRASHED_SMALL);

	(void)shared;
	free(small);
	/* cppcheck-suppress doubleFree */
	free(small);
}

/* A list of the heap leads nowhere. */
static void follow_wild_list(struct hi_crashed_shared *shared)
{
	kept = malloc(HI_CRASHED_BIG);
	sink = malloc(HI_CRASHED_BIG);
	free(kept);
	shared->damaged = kept;
	memcpy(shared->saved, shared->damaged, sizeof(shared->saved));
	shared->damaged[0] = shared->damaged[1] = 8;
	sink = malloc(2UL * HI_CRASHED_BIG);
}

static void print_nothing(struct hi_crashed_shared *shared)
{
	(void)shared;
	printf("%s.\n", nowhere);
}

static void write_nothing(struct hi_crashed_shared *shared)
{
	(void)shared;
	sink = (void *)fwrite(nowhere, 1, 10, stdout);
}

/* Its length is taken before the lock. */
static void put_nothing(struct hi_crashed_shared *shared)
{
	(void)shared;
	sink = (void *)(long)fputs(nowhere, stdout);
}

static void read_to_nowhere(struct hi_crashed_shared *shared)
{
	size_t n = 0;

	(void)shared;
	passwd = fopen("/etc/passwd", "re");
	sink = (void *)getline((char **)nowhere, &n, passwd);
}

static void look_up_nothing(struct hi_crashed_shared *shared)
{
	(void)shared;
	sink = dlsym(RTLD_DEFAULT, nowhere);
}

static void measure_nothing(struct hi_crashed_shared *shared)
{
	(void)shared;
	sink = (void *)strlen(nowhere);
}

static void format_nothing(struct hi_crashed_shared *shared)
{
	char text[64];

	(void)shared;
	sink = (void *)(long)snprintf(text, sizeof(text), "%s", nowhere);
}

static void write_to_nowhere(struct hi_crashed_shared *shared)
{
	(void)shared;
	*(volatile char *)nowhere = 1;
}

static void lock_stdout(struct hi_crashed_shared *shared)
{
	(void)shared;
	flockfile(stdout);
}

static void use_malloc(struct hi_crashed_shared *shared)
{
	if (shared->damaged)
		memcpy(shared->damaged, shared->saved, sizeof(shared->saved));
	sink = malloc(4UL * HI_CRASHED_BIG);
	free(sink);
}

static void use_stdout(struct hi_crashed_shared *shared)
{
	(void)shared;
	flockfile(stdout);
	funlockfile(stdout);
}

static void use_passwd(struct hi_crashed_shared *shared)
{
	(void)shared;
	flockfile(passwd);
	funlockfile(passwd);
}

static void use_loader(struct hi_crashed_shared *shared)
{
	(void)shared;
	sink = dlsym(RTLD_DEFAULT, "no_such_symbol");
}

/* --- the C library's locks --------------------------------------------------------- */

static const struct {
	hi_crashed_deed *crash, *use;
	const char *what; /* how it begins */
} left[] = {
	{ free_twice, use_malloc, "a lock of malloc at 0x" },
	{ follow_wild_list, use_malloc, "a lock of malloc at 0x" },
	{ print_nothing, use_stdout, "the lock of stdout" },
	{ write_nothing, use_stdout, "the lock of stdout" },
	{ read_to_nowhere, use_passwd, "the lock of a FILE at 0x" },
	{ look_up_nothing, use_loader, "a lock of the loader" },
};

/* Another thread waits for it, until it is released and not before. */
START_TEST(what_the_abandoned_call_has_locked_is_released)
{
	struct hi_crashed_story story = { .crash = { left[_i].crash },
					  .use = left[_i].use };
	struct hi_crashed subject;
	struct hi_held_locks locks = { 0 };
	struct hi_crash crash;
	struct hi_err err;

	hi_crashed_begin(&subject, &story);
	hi_crashed_read(&subject, 0, &crash);
	hi_held_locks_find(&crash.call, &locks);
	ck_assert_uint_eq(locks.n, 1);
	ck_assert(locks.list[0].settled);
	ck_assert(!locks.list[0].released);
	ck_assert_msg(!strncmp(locks.list[0].what, left[_i].what,
			       strlen(left[_i].what)),
		      "'%s'", locks.list[0].what);
	hi_crashed_tell(&subject);
	ck_assert(!hi_crashed_await(&subject, 'u', locks.list[0].remote));
	/* the same with one that waits, and has to be woken */
	hi_held_locks_find(&crash.call, &locks);
	ck_assert_uint_eq(locks.n, 1);
	ck_assert(locks.list[0].settled);
	ck_assert(!hi_crashed_await(&subject, 'u', locks.list[0].remote));
	ck_assert_int_eq(hi_held_locks_release(&crash.call, &subject.place,
					       &locks, &err),
			 0);
	ck_assert(locks.list[0].released);
	ck_assert(hi_crashed_await(&subject, 'u', 0));
	hi_crashed_go_back(&subject, &crash, 0);
	hi_held_locks_find(&crash.call, &locks);
	ck_assert_uint_eq(locks.n, 0);
	hi_crashed_tell(&subject);
	ck_assert(hi_crashed_await(&subject, 'u', 0));
	hi_crashed_end(&subject);
}
END_TEST

/* Whoever had it has it no more, and not in part. */
START_TEST(what_is_released_is_as_if_never_taken)
{
	static hi_crashed_deed *const crashes[] = { print_nothing,
						    look_up_nothing };
	struct hi_crashed_story story = { .crash = { crashes[_i] },
					  .use = use_malloc };
	static const uint32_t none[4];
	struct hi_crashed subject;
	struct hi_held_locks locks = { 0 };
	struct hi_crash crash;
	struct hi_err err;
	uint32_t words[4];

	hi_crashed_begin(&subject, &story);
	hi_crashed_read(&subject, 0, &crash);
	hi_held_locks_find(&crash.call, &locks);
	ck_assert_uint_eq(locks.n, 1);
	ck_assert_int_eq(hi_held_locks_release(&crash.call, &subject.place,
					       &locks, &err),
			 0);
	ck_assert_int_eq(hi_remote_read(subject.host, locks.list[0].remote,
					words, sizeof(words), &err),
			 0);
	ck_assert_mem_eq(words, none, sizeof(words));
	hi_crashed_end(&subject);
}
END_TEST

static hi_crashed_deed *const harmless[] = { free_small_twice, measure_nothing,
					     format_nothing, write_to_nowhere };

/* Others take malloc's lock and give it back. */
START_TEST(where_nothing_is_locked_nothing_is_released)
{
	struct hi_crashed_story story = { .crash = { harmless[_i / 2] },
					  .use = use_malloc,
					  .busy = _i % 2 };
	struct hi_crashed subject;
	struct hi_held_locks locks = { 0 };
	struct hi_crash crash;

	hi_crashed_begin(&subject, &story);
	hi_crashed_read(&subject, 0, &crash);
	for (int i = 0; i < 50; i++) {
		hi_held_locks_find(&crash.call, &locks);
		for (size_t j = 0; j < locks.n; j++)
			ck_assert(!locks.list[j].settled);
	}
	hi_crashed_tell(&subject);
	ck_assert(hi_crashed_await(&subject, 'u', 0));
	hi_crashed_go_back(&subject, &crash, 0);
	hi_crashed_end(&subject);
}
END_TEST

/* All others run against it. */
START_TEST(a_lock_that_many_wait_for_is_released)
{
	struct hi_crashed_story story = { .crash = { free_twice },
					  .use = use_malloc,
					  .busy = true };
	struct hi_crashed subject;
	struct hi_held_locks locks = { 0 };
	struct hi_crash crash;
	struct hi_err err;

	hi_crashed_begin(&subject, &story);
	hi_crashed_read(&subject, 0, &crash);
	hi_held_locks_find(&crash.call, &locks);
	ck_assert_uint_eq(locks.n, 1);
	ck_assert(locks.list[0].settled);
	ck_assert_int_eq(hi_held_locks_release(&crash.call, &subject.place,
					       &locks, &err),
			 0);
	hi_crashed_tell(&subject);
	ck_assert(hi_crashed_await(&subject, 'u', 0));
	hi_crashed_end(&subject);
}
END_TEST

/* Both have crashed in malloc; the first has its lock, the second has none. */
START_TEST(a_lock_of_another_crashed_thread_is_left_alone)
{
	static const struct hi_crashed_story story = {
		.crash = { follow_wild_list, free_small_twice },
		.use = use_malloc
	};
	struct hi_crashed subject;
	struct hi_held_locks locks = { 0 };
	struct hi_crash first, second;
	struct hi_err err;
	uint64_t lock;

	hi_crashed_begin(&subject, &story);
	hi_crashed_read(&subject, 0, &first);
	hi_crashed_read(&subject, 1, &second);
	hi_held_locks_find(&second.call, &locks);
	ck_assert_uint_eq(locks.n, 1);
	ck_assert(!locks.list[0].settled);
	lock = locks.list[0].remote;
	ck_assert_int_eq(hi_held_locks_release(&second.call, &subject.place,
					       &locks, &err),
			 0);
	ck_assert(!locks.list[0].released);
	hi_crashed_go_back(&subject, &second, 1);
	hi_crashed_tell(&subject);
	ck_assert(!hi_crashed_await(&subject, 'u', lock));
	hi_held_locks_find(&first.call, &locks);
	ck_assert_uint_eq(locks.n, 1);
	ck_assert_uint_eq(locks.list[0].remote, lock);
	ck_assert(locks.list[0].settled);
	ck_assert_int_eq(hi_held_locks_release(&first.call, &subject.place,
					       &locks, &err),
			 0);
	ck_assert(hi_crashed_await(&subject, 'u', 0));
	hi_crashed_end(&subject);
}
END_TEST

START_TEST(a_file_that_the_host_has_locked_stays_locked)
{
	static const struct hi_crashed_story story = {
		.before = lock_stdout,
		.crash = { print_nothing },
		.use = use_stdout
	};
	struct hi_crashed subject;
	struct hi_held_locks locks = { 0 };
	struct hi_crash crash;
	struct hi_err err;
	int32_t words[2];

	hi_crashed_begin(&subject, &story);
	hi_crashed_read(&subject, 0, &crash);
	hi_held_locks_find(&crash.call, &locks);
	ck_assert_uint_eq(locks.n, 1);
	ck_assert_int_eq(hi_held_locks_release(&crash.call, &subject.place,
					       &locks, &err),
			 0);
	ck_assert(!locks.list[0].released);
	ck_assert_int_eq(hi_remote_read(subject.host, locks.list[0].remote,
					words, sizeof(words), &err),
			 0);
	ck_assert_int_eq(words[0], 1);
	ck_assert_int_le(words[1], 1);
	hi_crashed_tell(&subject);
	ck_assert(!hi_crashed_await(&subject, 'u', locks.list[0].remote));
	hi_crashed_end(&subject);
}
END_TEST

START_TEST(a_file_that_another_thread_has_locked_stays_locked)
{
	static const struct hi_crashed_story story = { .crash = { put_nothing },
						       .use = lock_stdout };
	struct hi_crashed subject;
	struct hi_held_locks locks = { 0 };
	struct hi_crash crash;

	hi_crashed_begin(&subject, &story);
	hi_crashed_read(&subject, 0, &crash);
	hi_crashed_tell(&subject);
	ck_assert(hi_crashed_await(&subject, 'u', 0));
	hi_held_locks_find(&crash.call, &locks);
	ck_assert_uint_eq(locks.n, 0);
	hi_crashed_end(&subject);
}
END_TEST

/* --- what it has registered -------------------------------------------------------- */

static void clean_up(void *context)
{
	struct hi_crashed_shared *shared = context;

	shared->n_cleaned++;
}

static void crash_in_handlers(struct hi_crashed_shared *shared)
{
	pthread_cleanup_push(clean_up, shared);
	pthread_cleanup_push(clean_up, shared);
	print_nothing(shared);
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
}

static void cancel(struct hi_crashed_shared *shared)
{
	if (pthread_cancel(shared->thread[0]) != 0 ||
	    pthread_join(shared->thread[0], NULL) != 0)
		_exit(1);
}

START_TEST(a_thread_that_goes_on_can_be_cancelled)
{
	static const struct hi_crashed_story story = {
		.crash = { crash_in_handlers }, .use = cancel
	};
	struct hi_crashed subject;
	struct hi_held_locks locks = { 0 };
	struct hi_crash crash;
	struct hi_err err;

	hi_crashed_begin(&subject, &story);
	hi_crashed_read(&subject, 0, &crash);
	hi_held_locks_find(&crash.call, &locks);
	ck_assert_int_eq(hi_held_locks_release(&crash.call, &subject.place,
					       &locks, &err),
			 0);
	ck_assert_int_eq(hi_held_locks_forget_handlers(&crash.call, &err), 0);
	hi_crashed_go_back(&subject, &crash, 0);
	hi_crashed_tell(&subject);
	ck_assert(hi_crashed_await(&subject, 'u', 0));
	ck_assert_uint_eq(subject.n_stopped, 1);
	ck_assert_int_eq(subject.shared->n_cleaned, 0);
	hi_crashed_end(&subject);
}
END_TEST

int main(void)
{
	Suite *suite;
	TCase *tcase;

	if (HI_CRASHED_IS_SANITIZED)
		return 0;
	suite = suite_create("held_locks");
	tcase = tcase_create("held_locks");
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase,
			    what_the_abandoned_call_has_locked_is_released, 0,
			    sizeof(left) / sizeof(*left));
	tcase_add_loop_test(tcase, what_is_released_is_as_if_never_taken, 0, 2);
	tcase_add_loop_test(tcase, where_nothing_is_locked_nothing_is_released,
			    0, 2 * sizeof(harmless) / sizeof(*harmless));
	tcase_add_test(tcase, a_lock_that_many_wait_for_is_released);
	tcase_add_test(tcase, a_lock_of_another_crashed_thread_is_left_alone);
	tcase_add_test(tcase, a_file_that_the_host_has_locked_stays_locked);
	tcase_add_test(tcase,
		       a_file_that_another_thread_has_locked_stays_locked);
	tcase_add_test(tcase, a_thread_that_goes_on_can_be_cancelled);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
