#include "injector/stacks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/fixture.h"

#define PAGE    4096UL
#define N_PAGES 8UL

/*
 * This process is its own host. Its stack is the second page of eight; before it and
 * behind it there is nothing:
 *
 *     | none | stack | none | ... | none |
 */
struct subject {
	struct hi_host *host;
	struct hi_stacks stacks;
	unsigned char *pages;
	uint64_t *words, *end; /* of the stack */
};

static void begin(struct subject *subject)
{
	memset(subject, 0, sizeof(*subject));
	subject->host = hi_host_new(getpid());
	ck_assert_ptr_nonnull(subject->host);
	subject->pages = mmap(NULL, N_PAGES * PAGE, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(subject->pages != MAP_FAILED);
	ck_assert_int_eq(mprotect(subject->pages + PAGE, PAGE,
				  PROT_READ | PROT_WRITE),
			 0);
	subject->words = (uint64_t *)(subject->pages + PAGE);
	subject->end = subject->words + PAGE / 8;
	for (uint64_t *word = subject->words; word < subject->end; word++)
		*word = (uint64_t)word;
}

static void end(struct subject *subject)
{
	hi_stacks_done(&subject->stacks);
	hi_host_free(subject->host);
	munmap(subject->pages, N_PAGES * PAGE);
}

/* What a sink was given. */
struct heard {
	uint64_t first, last;
	size_t n;
};

static void hear(void *context, const uint64_t *words, size_t n)
{
	struct heard *heard = context;

	if (heard->n == 0)
		heard->first = words[0];
	heard->last = words[n - 1];
	heard->n += n;
}

/* From FIRST up to END, once. */
static void assert_heard(const struct heard *heard, const uint64_t *first,
			 const uint64_t *end_of)
{
	ck_assert_uint_eq(heard->first, (uint64_t)first);
	ck_assert_uint_eq(heard->last, (uint64_t)(end_of - 1));
	ck_assert_uint_eq(heard->n, (uint64_t)(end_of - first));
}

static struct hi_stack make_stack(const uint64_t *sp, const uint64_t *fs_base,
				  struct heard *heard)
{
	return (struct hi_stack){ .sp = (uint64_t)sp,
				  .fs_base = (uint64_t)fs_base,
				  .context = heard };
}

START_TEST(stacks_are_read_together_up_to_their_descriptors)
{
	struct subject subject;
	struct heard heard[2] = { { 0 } };
	struct hi_stack all[2];

	begin(&subject);
	all[0] = make_stack(subject.words + 10, subject.words + 99, &heard[0]);
	all[1] = make_stack(subject.words + 7, subject.end - 1, &heard[1]);
	hi_stacks_read_many(subject.host, all, 2, hear);
	ck_assert(all[0].read && all[1].read);
	assert_heard(&heard[0], subject.words + 10, subject.words + 100);
	assert_heard(&heard[1], subject.words + 7, subject.end);
	end(&subject);
}
END_TEST

START_TEST(many_stacks_are_all_read)
{
	enum { MANY = 300 };
	static struct heard heard[MANY];
	struct hi_stack all[MANY];
	struct subject subject;

	begin(&subject);
	for (size_t i = 0; i < MANY; i++)
		all[i] = make_stack(subject.words + i, subject.end - 1,
				    &heard[i]);
	hi_stacks_read_many(subject.host, all, MANY, hear);
	for (size_t i = 0; i < MANY; i++) {
		ck_assert(all[i].read);
		assert_heard(&heard[i], subject.words + i, subject.end);
	}
	end(&subject);
}
END_TEST

/* The descriptor of each is none, by what it is for. */
static const struct {
	size_t sp, fs_base, value;
} strange[] = {
	{ 10, 99, 0 },  /* does not hold its own address */
	{ 99, 10, 10 }, /* lies before the stack pointer */
	{ 10, 10000, 10000 } /* is far away */,
	{ 10, 600, 600 }, /* cannot be read */
};

START_TEST(a_stack_without_a_descriptor_is_left_alone)
{
	struct subject subject;
	struct heard heard = { 0 };
	struct hi_stack stack;

	begin(&subject);
	if (strange[_i].fs_base < PAGE / 8)
		subject.words[strange[_i].fs_base] =
			(uint64_t)(subject.words + strange[_i].value);
	stack = make_stack(subject.words + strange[_i].sp,
			   subject.words + strange[_i].fs_base, &heard);
	hi_stacks_read_many(subject.host, &stack, 1, hear);
	ck_assert(!stack.read);
	ck_assert_uint_eq(heard.n, 0);
	end(&subject);
}
END_TEST

static bool read_one(struct subject *subject, bool trust, struct heard *heard)
{
	memset(heard, 0, sizeof(*heard));
	return hi_stacks_read(&subject->stacks, subject->host,
			      (uint64_t)(subject->words + 10), trust, hear,
			      heard);
}

START_TEST(kept_maps_are_believed_when_there_is_nothing_behind_the_end)
{
	struct subject subject;
	struct heard heard;
	struct hi_err err;

	begin(&subject);
	ck_assert_int_eq(hi_stacks_refresh(&subject.stacks, subject.host, &err),
			 0);
	close(subject.stacks.maps_fd);
	subject.stacks.maps_fd = -1;
	ck_assert(read_one(&subject, false, &heard));
	assert_heard(&heard, subject.words + 10, subject.end);
	end(&subject);
}
END_TEST

/* Of other rights, so that it is a mapping of its own. */
static void map_behind(struct subject *subject, int prot)
{
	for (uint64_t i = 0; i < 2; i++)
		ck_assert_int_eq(mprotect(subject->pages + (2 + i) * PAGE, PAGE,
					  prot),
				 0);
}

static bool kernel_tells(const struct subject *subject)
{
	struct hi_map now;

	return hi_maps_ask(subject->stacks.maps_fd, (uint64_t)subject->words,
			   &now);
}

START_TEST(the_kernel_tells_an_end_with_another_mapping_behind_it)
{
	struct subject subject;
	struct heard heard;
	struct hi_err err;

	begin(&subject);
	map_behind(&subject, PROT_READ);
	ck_assert_int_eq(hi_stacks_refresh(&subject.stacks, subject.host, &err),
			 0);
	if (kernel_tells(&subject)) {
		ck_assert(read_one(&subject, false, &heard));
		assert_heard(&heard, subject.words + 10, subject.end);
	}
	end(&subject);
}
END_TEST

/* What was kept is no longer so: the end is a page or two further. */
START_TEST(a_stack_that_has_grown_is_read_as_it_is_now)
{
	struct subject subject;
	struct heard heard;
	struct hi_err err;

	begin(&subject);
	ck_assert_int_eq(hi_stacks_refresh(&subject.stacks, subject.host, &err),
			 0);
	map_behind(&subject, PROT_READ | PROT_WRITE);
	if (kernel_tells(&subject)) {
		ck_assert(read_one(&subject, false, &heard));
		ck_assert_uint_eq(heard.n, 3 * PAGE / 8 - 10);
	}
	/* Linux before 6.11 cannot tell, so the maps have to be read */
	close(subject.stacks.maps_fd);
	subject.stacks.maps_fd = -1;
	ck_assert(!read_one(&subject, false, &heard));
	hi_stacks_stale(&subject.stacks);
	ck_assert_int_eq(hi_stacks_refresh(&subject.stacks, subject.host, &err),
			 0);
	ck_assert(read_one(&subject, true, &heard));
	ck_assert_uint_eq(heard.first, (uint64_t)(subject.words + 10));
	ck_assert_uint_eq(heard.n, 3 * PAGE / 8 - 10);
	end(&subject);
}
END_TEST

START_TEST(a_mapping_that_is_another_now_does_not_hold)
{
	struct subject subject;
	struct hi_err err;
	uint64_t at;

	begin(&subject);
	at = (uint64_t)subject.words;
	ck_assert(!hi_stacks_still_holds(&subject.stacks, at));
	ck_assert_int_eq(hi_stacks_refresh(&subject.stacks, subject.host, &err),
			 0);
	ck_assert(hi_stacks_still_holds(&subject.stacks, at) ==
		  kernel_tells(&subject));
	map_behind(&subject, PROT_READ | PROT_WRITE);
	ck_assert(!hi_stacks_still_holds(&subject.stacks, at));
	ck_assert_int_eq(munmap(subject.pages, 4 * PAGE), 0);
	ck_assert(!hi_stacks_still_holds(&subject.stacks, at));
	end(&subject);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stacks");
	TCase *tcase = tcase_create("stacks");

	tcase_add_test(tcase, stacks_are_read_together_up_to_their_descriptors);
	tcase_add_test(tcase, many_stacks_are_all_read);
	tcase_add_loop_test(tcase, a_stack_without_a_descriptor_is_left_alone,
			    0, sizeof(strange) / sizeof(*strange));
	tcase_add_test(
		tcase,
		kept_maps_are_believed_when_there_is_nothing_behind_the_end);
	tcase_add_test(tcase,
		       the_kernel_tells_an_end_with_another_mapping_behind_it);
	tcase_add_test(tcase, a_stack_that_has_grown_is_read_as_it_is_now);
	tcase_add_test(tcase, a_mapping_that_is_another_now_does_not_hold);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
