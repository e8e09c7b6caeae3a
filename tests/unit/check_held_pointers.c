/*
 * What frames of the C library point to: in their part of the stack, and in the registers
 * when these are theirs.
 */
#include "injector/held_locks_parts.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/fixture.h"

#define STACK_LEN 4096

/* What is pointed to lies elsewhere than the stack. */
static _Alignas(8) long in_register, in_youngest, in_caller, in_host;

static uint64_t *stack; /* a mapping of its own */

static struct subject {
	struct hi_maps maps;
	struct user_regs_struct regs;
	struct hi_frames frames;
	struct hi_abandoned call;
} subject;

static uint64_t at(size_t word)
{
	return (uint64_t)&stack[word];
}

/*
 *   word 0    the youngest frame, of the C library
 *        8    its caller, too
 *       16    the host
 */
static void begin(void)
{
	/* a sanitizer has a function of that name, too */
	void *handle = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	uint64_t libc = handle ? (uint64_t)dlsym(handle, "fputs") : 0;
	struct hi_err err;

	ck_assert_uint_ne(libc, 0);
	dlclose(handle);
	memset(&subject, 0, sizeof(subject));
	stack = mmap(NULL, STACK_LEN, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(stack, MAP_FAILED);
	ck_assert_int_eq(hi_maps_read(getpid(), &subject.maps, &err), 0);
	stack[4] = (uint64_t)&in_youngest;
	stack[10] = (uint64_t)&in_caller;
	stack[20] = (uint64_t)&in_host;
	subject.regs.rsp = at(0);
	subject.regs.rbx = (uint64_t)&in_register;
	subject.frames.frames[0] = (struct hi_frame){ libc, at(0), false };
	subject.frames.frames[1] = (struct hi_frame){ libc, at(8), false };
	subject.frames.n = 3;
	subject.call = (struct hi_abandoned){
		.host = hi_host_new(getpid()),
		.maps = &subject.maps,
		.regs = &subject.regs,
		.frames = &subject.frames,
		.n = 2,
		.host_sp = at(16),
	};
}

static void end(void)
{
	hi_host_free(subject.call.host);
	hi_maps_done(&subject.maps);
	munmap(stack, STACK_LEN);
}

static bool has(const long *address)
{
	struct hi_pointers pointers;
	bool found = false;

	hi_pointers_read(&subject.call, &pointers);
	for (size_t i = 0; i < pointers.n; i++)
		found |= pointers.list[i] == (uint64_t)address;
	hi_pointers_done(&pointers);
	return found;
}

START_TEST(frames_and_registers_of_the_library_are_read_and_no_more)
{
	begin();
	ck_assert(has(&in_youngest));
	ck_assert(has(&in_caller));
	ck_assert(has(&in_register));
	ck_assert(!has(&in_host));
	end();
}
END_TEST

START_TEST(registers_of_a_leaf_are_its_caller_s)
{
	begin();
	subject.call.n = 1;
	for (size_t words = 1; words <= 4; words++) {
		subject.call.host_sp = at(words);
		ck_assert_int_eq(has(&in_register), words > 2);
	}
	end();
}
END_TEST

START_TEST(a_frame_whose_end_is_not_known_is_empty)
{
	begin();
	subject.frames.frames[1].sp = at(40);
	ck_assert(!has(&in_youngest));
	ck_assert(!has(&in_host));
	subject.frames.frames[1].sp = 0;
	ck_assert(!has(&in_youngest));
	ck_assert(!has(&in_caller));
	subject.frames.frames[1].sp = at(8);
	ck_assert(has(&in_youngest));
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("held_pointers");
	TCase *tcase = tcase_create("held_pointers");

	tcase_add_test(
		tcase,
		frames_and_registers_of_the_library_are_read_and_no_more);
	tcase_add_test(tcase, registers_of_a_leaf_are_its_caller_s);
	tcase_add_test(tcase, a_frame_whose_end_is_not_known_is_empty);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
