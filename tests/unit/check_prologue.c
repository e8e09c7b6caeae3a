#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/prologue.h"
#include "tests/unit/fixture.h"

struct judged {
	struct hi_fixture fx;
	struct hi_image *image;
	struct hi_symtab *symtab;
	struct hi_text *text;
	struct hi_prologue *prologues;
};

static void judge_file(struct judged *j, const char *path)
{
	struct hi_err err = { 0 };
	struct hi_reloc *relocs;
	size_t n;

	ck_assert_msg(hi_image_open(path, &j->image, &err) == 0, "%s",
		      err.sentence);
	ck_assert_msg(hi_symtab_new(j->image, &j->symtab, &err) == 0, "%s",
		      err.sentence);
	ck_assert_msg(hi_reloc_read(j->image, &relocs, &n, &err) == 0 &&
			      hi_text_new(j->image, j->symtab, NULL, &j->text,
					  &err) == 0 &&
			      hi_prologue_check_all(j->text, relocs, n,
						    &j->prologues, &err) == 0,
		      "%s", err.sentence);
	free(relocs);
}

static void judge(struct judged *j, const char *compiler, const char *source)
{
	hi_fixture_init(&j->fx);
	judge_file(j, hi_fixture_library(&j->fx, "libworker.so", compiler,
					 source));
}

static void judged_done(struct judged *j)
{
	free(j->prologues);
	hi_text_free(j->text);
	hi_symtab_free(j->symtab);
	hi_image_free(j->image);
	hi_fixture_done(&j->fx);
}

static const struct hi_prologue *find(const struct judged *j, const char *name)
{
	size_t n;
	const struct hi_symbol *functions =
		hi_symtab_get_functions(j->symtab, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(functions[i].name, name))
			return &j->prologues[i];
	ck_abort_msg("no function %s", name);
	return NULL;
}

static void assert_patchable(const struct judged *j, const char *name,
			     int jump_at)
{
	const struct hi_prologue *p = find(j, name);

	ck_assert_msg(p->patchable, "%s: %s", name, p->reason);
	ck_assert_ptr_null(p->reason);
	ck_assert_int_eq(p->jump_at, jump_at);
	ck_assert_int_eq(p->window, jump_at + HI_JUMP_LEN);
}

static void assert_refused(const struct judged *j, const char *name,
			   const char *reason)
{
	const struct hi_prologue *p = find(j, name);

	ck_assert_msg(!p->patchable, "%s is patchable", name);
	ck_assert_str_eq(p->reason, reason);
}

#define ASM(text) "__asm__(\".text\\n" text "\");"
#define FUNC(name, body)                                                    \
	".globl " #name "\\n.type " #name ",@function\\n" #name ":\\n" body \
	".size " #name ",.-" #name "\\n"

START_TEST(an_ordinary_function_can_be_patched)
{
	static const char *const compilers[] = { "gcc -O0",   "gcc -O2",
						 "gcc -Os",   "clang -O0",
						 "clang -O2", "clang -Os" };

	for (size_t i = 0; i < sizeof(compilers) / sizeof(*compilers); i++) {
		struct judged j = { 0 };

		judge(&j, compilers[i],
		      "int g; static __attribute__((noinline)) int s(int a)"
		      "{ g += a; return g * 3; }\n"
		      "int update(int a) { return s(a) + s(a + 2); }\n");
		assert_patchable(&j, "update", 0);
		assert_patchable(&j, "s", 0);
		judged_done(&j);
	}
}
END_TEST

START_TEST(an_endbr64_is_kept)
{
	struct judged j = { 0 };

	judge(&j, "gcc -O2 -fcf-protection",
	      "int update(int a) { return a * 77 + 5; }\n");
	assert_patchable(&j, "update", 4);
	judged_done(&j);
}
END_TEST

START_TEST(an_endbr64_gives_way_where_9_bytes_do_not_fit)
{
	struct judged j = { 0 };

	judge(&j, "gcc",
	      ASM(FUNC(tight, "endbr64\\nnop\\nret\\n")
			  FUNC(after, "xor %eax,%eax\\nnop\\nnop\\nret\\n")));
	assert_patchable(&j, "tight", 0);
	judged_done(&j);
}
END_TEST

START_TEST(padding_counts_and_the_next_function_does_not)
{
	struct judged j = { 0 };

	judge(&j, "gcc",
	      ASM(FUNC(padded, "ret\\n") ".p2align 4\\n" FUNC(traps, "ret\\n") ".fill 15,1,0xcc\\n" FUNC(
		      zeros,
		      "ret\\n") ".fill 15,1,0\\n" FUNC(tight,
						       "xor %eax,%eax\\nret\\n")
			  FUNC(after, "mov $1,%eax\\nret\\n")));
	assert_patchable(&j, "padded", 0);
	assert_patchable(&j, "traps", 0);
	assert_patchable(&j, "after", 0);
	assert_refused(&j, "zeros", "shorter than 5 bytes");
	assert_refused(&j, "tight", "shorter than 5 bytes");
	judged_done(&j);
}
END_TEST

START_TEST(a_branch_into_the_first_bytes_is_found)
{
	struct judged j = { 0 };

	judge(&j, "gcc",
	      ASM(FUNC(
		      loop,
		      "push %rbx\\n1: dec %edi\\njne 1b\\npop %rbx\\n"
		      "ret\\n") FUNC(whole,
				     "0: dec %edi\\njne 0b\\nmov $1,%eax\\nret\\n")
			  FUNC(other, "mov $1,%eax\\njmp target+2\\n") FUNC(
				  target, "nop\\nnop\\nmov $1,%eax\\nret\\n")));
	assert_refused(&j, "loop", "a branch leads into its first bytes");
	assert_refused(&j, "target", "a branch leads into its first bytes");
	assert_patchable(&j, "whole", 0); /* back to the entry itself */
	assert_patchable(&j, "other", 0);
	judged_done(&j);
}
END_TEST

START_TEST(a_branch_from_text_without_a_symbol_is_found)
{
	struct judged j = { 0 };

	judge(&j, "gcc",
	      ASM(FUNC(
		      target,
		      "nop\\nnop\\nmov $1,%eax\\nret\\n") "mov $3,%eax\\njmp target+1\\n"));
	assert_refused(&j, "target", "a branch leads into its first bytes");
	judged_done(&j);
}
END_TEST

START_TEST(a_jump_table_into_the_first_bytes_is_found)
{
	struct judged j = { 0 };

	judge(&j, "gcc",
	      ASM(FUNC(dispatch,
		       "push %rbx\\n1: mov %edi,%ebx\\nlea 9f(%rip),%rax\\n"
		       "movslq (%rax,%rbx,4),%rbx\\nadd %rax,%rbx\\n"
		       "jmp *%rbx\\n2: pop %rbx\\nret\\n") ".section .rodata\\n.p2align 2\\n9: .long 1b-9b,2b-9b\\n"
							   ".text\\n"));
	assert_refused(&j, "dispatch", "a branch leads into its first bytes");
	judged_done(&j);
}
END_TEST

START_TEST(a_label_in_data_is_found)
{
	struct judged j = { 0 };

	judge(&j, "gcc",
	      ASM(FUNC(
		      interpreter,
		      "nop\\n1: mov $1,%eax\\nret\\n") ".data\\n.p2align 3\\n.quad 1b\\n.text\\n"));
	assert_refused(&j, "interpreter",
		       "a branch leads into its first bytes");
	judged_done(&j);
}
END_TEST

START_TEST(data_in_a_function_refuses_it)
{
	struct judged j = { 0 };

	judge(&j, "gcc",
	      ASM(FUNC(mixed, "mov $1,%eax\\nret\\n.byte 6,6,6,6\\n")
			  FUNC(plain, "mov $1,%eax\\nret\\n")));
	assert_refused(&j, "mixed", "not all of it decodes as instructions");
	assert_patchable(&j, "plain", 0);
	judged_done(&j);
}
END_TEST

START_TEST(an_entry_inside_the_first_bytes_refuses)
{
	struct judged j = { 0 };

	judge(&j, "gcc",
	      ASM(FUNC(outer, "nop\\nnop\\n.globl inner\\n"
			      ".type inner,@function\\n"
			      "inner: mov $1,%eax\\nret\\n")));
	assert_refused(&j, "outer", "a branch leads into its first bytes");
	assert_refused(&j, "inner", "begins inside another function");
	judged_done(&j);
}
END_TEST

START_TEST(aliases_share_one_answer)
{
	struct judged j = { 0 };

	judge(&j, "gcc -O2",
	      "int first(int a) { return a * 12345; }\n"
	      "int second(int) __attribute__((alias(\"first\")));\n");
	assert_patchable(&j, "first", 0);
	assert_patchable(&j, "second", 0);
	judged_done(&j);
}
END_TEST

START_TEST(what_the_compiler_made_is_left_alone)
{
	struct judged j = { 0 };

	judge(&j, "gcc -O2",
	      "static int one(void) { return 1; }\n"
	      "static int (*pick(void))(void) { return one; }\n"
	      "int chosen(void) __attribute__((ifunc(\"pick\")));\n"
	      "int bad(void) __attribute__((cold));\n"
	      "int hot(int a) { if (__builtin_expect(a == 7, 0)) {"
	      " bad(); bad(); } return a; }\n");
	assert_refused(&j, "chosen", "its address is an IFUNC resolver");
	assert_refused(&j, "frame_dummy", "made by the compiler");
	assert_refused(&j, "hot.cold", "a part or clone of another function");
	judged_done(&j);
}
END_TEST

START_TEST(a_stripped_library_is_judged_by_its_unwind_table)
{
	struct judged j = { 0 };
	const char *path;

	hi_fixture_init(&j.fx);
	path = hi_fixture_library(
		&j.fx, "libworker.so", "gcc -O2 -s",
		"int g; static __attribute__((noinline)) int s(int a)"
		"{ for (int i = 0; i < a; i++) g += a; return g; }\n"
		"int update(int a) { return s(a) * s(a + 1); }\n");
	judge_file(&j, path);
	assert_patchable(&j, "update", 0);
	judged_done(&j);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("prologue");
	TCase *tcase = tcase_create("prologue");

	tcase_add_test(tcase, an_ordinary_function_can_be_patched);
	tcase_add_test(tcase, an_endbr64_is_kept);
	tcase_add_test(tcase, an_endbr64_gives_way_where_9_bytes_do_not_fit);
	tcase_add_test(tcase, padding_counts_and_the_next_function_does_not);
	tcase_add_test(tcase, a_branch_into_the_first_bytes_is_found);
	tcase_add_test(tcase, a_branch_from_text_without_a_symbol_is_found);
	tcase_add_test(tcase, a_jump_table_into_the_first_bytes_is_found);
	tcase_add_test(tcase, a_label_in_data_is_found);
	tcase_add_test(tcase, data_in_a_function_refuses_it);
	tcase_add_test(tcase, an_entry_inside_the_first_bytes_refuses);
	tcase_add_test(tcase, aliases_share_one_answer);
	tcase_add_test(tcase, what_the_compiler_made_is_left_alone);
	tcase_add_test(tcase, a_stripped_library_is_judged_by_its_unwind_table);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
