#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "elfscan/uses.h"
#include "tests/unit/fixture.h"

/* A function in assembler, beside "one" (32 bytes) and "two" right behind it. */
#define FRAME                                                                \
	"__asm__(\".data\\n.balign 32\\none: .zero 32\\n.size one,32\\n\"\n" \
	"\".type one,@object\\ntwo: .zero 32\\n.size two,32\\n\"\n"          \
	"\".type two,@object\\n.text\\n.globl f\\n.type f,@function\\n"      \
	"f:\\n%s\\n.size f,.-f\\n\");\n"

struct followed {
	struct hi_image *image;
	struct hi_symtab *symtab;
	struct hi_reloc *relocs;
	struct hi_text *text;
	struct hi_sites sites;
	struct hi_uses *uses;
};

static void open_code(struct followed *f, struct hi_fixture *fx,
		      const char *name, const char *code)
{
	struct hi_err err = { 0 };
	char source[2000];
	const char *path;
	const struct hi_symbol *functions;
	size_t n_relocs, n, i = 0;

	memset(f, 0, sizeof(*f));
	snprintf(source, sizeof(source), FRAME, code);
	path = hi_fixture_library(fx, name, "gcc -O2", source);
	ck_assert_msg(hi_image_open(path, &f->image, &err) == 0 &&
			      hi_symtab_new(f->image, &f->symtab, &err) == 0 &&
			      hi_reloc_read(f->image, &f->relocs, &n_relocs,
					    &err) == 0 &&
			      hi_text_new(f->image, f->symtab, NULL, &f->text,
					  &err) == 0 &&
			      hi_sites_find(f->text, f->relocs, n_relocs,
					    &f->sites, &err) == 0,
		      "%s", err.sentence);
	functions = hi_symtab_get_functions(f->symtab, &n);
	while (i < n && strcmp(functions[i].name, "f") != 0)
		i++;
	ck_assert_uint_lt(i, n);
	ck_assert_int_eq(hi_uses_new(f->image, &functions[i], f->sites.sites,
				     f->sites.n_sites, &f->uses, &err),
			 0);
	ck_assert(hi_uses_known(f->uses));
}

static void close_code(struct followed *f)
{
	hi_uses_free(f->uses);
	hi_sites_done(&f->sites);
	hi_text_free(f->text);
	free(f->relocs);
	hi_symtab_free(f->symtab);
	hi_image_free(f->image);
}

/* The uses of site SITE as words, in the order in which they are seen. */
static void assert_uses(const char *code, size_t site, const char *expected)
{
	static const char *const kinds[] = { "access", "index", "compare",
					     "pass", "store" };
	struct hi_fixture fx;
	struct followed f;
	struct hi_use *uses;
	struct hi_err err;
	struct hi_buf got = { 0 };
	size_t n;

	hi_fixture_init(&fx);
	open_code(&f, &fx, "libworker.so", code);
	ck_assert_uint_lt(site, f.sites.n_sites);
	ck_assert_int_eq(hi_uses_follow(f.uses, site, &uses, &n, &err), 0);
	for (size_t i = 0; i < n; i++) {
		hi_buf_printf(&got, "%s%s", i ? " " : "", kinds[uses[i].kind]);
		if (uses[i].known)
			hi_buf_printf(&got, "%s%ld", uses[i].moved ? "+" : "@",
				      (long)uses[i].offset);
		else
			hi_buf_printf(&got, "?");
	}
	ck_assert_str_eq(hi_buf_str(&got), expected);
	hi_buf_done(&got);
	free(uses);
	close_code(&f);
	hi_fixture_done(&fx);
}

START_TEST(what_is_read_at_an_address_is_seen)
{
	assert_uses("lea two(%rip),%rdx\\nmov 8(%rdx),%ecx\\nret", 0,
		    "access@8");
	assert_uses("lea two(%rip),%rdx\\nmov (%rdx,%rdi,4),%ecx\\nret", 0,
		    "index?");
}
END_TEST

START_TEST(an_address_is_followed_through_registers_and_the_frame)
{
	assert_uses("push %rbp\\nmov %rsp,%rbp\\nlea two(%rip),%rax\\n"
		    "mov %rax,-8(%rbp)\\nxor %eax,%eax\\n"
		    "mov -8(%rbp),%rdx\\nmovb $1,(%rdx)\\npop %rbp\\nret",
		    0, "access@0");
	assert_uses("lea two(%rip),%rax\\nmov %rax,%rdx\\n"
		    "sub $4,%rdx\\nmovl $1,(%rdx)\\nxor %eax,%eax\\nret",
		    0, "access+-4");
}
END_TEST

START_TEST(half_a_register_is_enough_to_lose_an_address)
{
	assert_uses("lea two(%rip),%rdx\\nmov (%rdx,%rdi,4),%ecx\\n"
		    "lea 1(%rdi),%edx\\nmov %dl,(%rsi)\\nret",
		    0, "index?");
}
END_TEST

START_TEST(an_address_that_leaves_the_function_is_passed_or_stored)
{
	assert_uses("lea two(%rip),%rdi\\ncall g@PLT\\nret", 0, "pass@0");
	assert_uses("lea two(%rip),%rax\\nret", 0, "store@0");
	assert_uses("lea two(%rip),%rax\\nmov %rax,(%rdi)\\n"
		    "xor %eax,%eax\\nret",
		    0, "store@0");
	/* nobody knows where a jump through a table leads */
	assert_uses("lea two(%rip),%rbx\\njmp *%rax\\n", 0, "store@0");
}
END_TEST

START_TEST(a_walk_to_the_end_is_a_compare_with_the_walker)
{
	struct hi_fixture fx;
	struct followed f;
	struct hi_use *uses;
	struct hi_err err;
	size_t n, n_walked = 0;

	hi_fixture_init(&fx);
	open_code(&f, &fx, "libworker.so",
		  "lea one(%rip),%rax\\nlea two(%rip),%rdx\\n"
		  "1: incb (%rax)\\nadd $1,%rax\\ncmp %rdx,%rax\\n"
		  "jne 1b\\nret");
	ck_assert_int_eq(hi_uses_follow(f.uses, 1, &uses, &n, &err), 0);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(uses[i].kind, HI_USE_COMPARE);
		ck_assert_uint_eq(uses[i].other, 0);
		ck_assert(!uses[i].moved);
		n_walked += uses[i].other_moved;
	}
	ck_assert_uint_ge(n_walked, 2);
	free(uses);
	close_code(&f);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_path_that_a_compare_rules_out_is_not_walked)
{
	/* the walker stands at the end from the start: nothing is read */
	assert_uses("lea two(%rip),%rax\\nmov %rax,%rdx\\n"
		    "cmp %rax,%rdx\\nje 1f\\nmovb $1,(%rdx)\\n"
		    "1: xor %eax,%eax\\nret",
		    0, "compare@0 compare@0");
}
END_TEST

/* What a counter was in the first round does not say where the last one ends. */
START_TEST(a_counter_is_not_known_behind_its_loop)
{
	assert_uses("mov $9,%edx\\n1: dec %rdx\\njne 1b\\n"
		    "lea two(%rip),%rsi\\nmov (%rsi,%rdx,4),%ecx\\nret",
		    0, "index?");
	/* though it is in the first round itself */
	assert_uses("lea two(%rip),%rsi\\nmov $-32,%rdx\\n"
		    "mov (%rsi,%rdx),%ecx\\nret",
		    0, "access+-32");
}
END_TEST

START_TEST(a_gather_reads_nobody_knows_where)
{
	assert_uses("lea two(%rip),%rax\\n"
		    "vpgatherdd %ymm1,4(%rax,%ymm2,4),%ymm0\\nret",
		    0, "index? store@0");
}
END_TEST

static bool are_alike(const char *one, const char *other, bool near)
{
	struct hi_fixture fx;
	struct followed f, g;
	bool alike;

	hi_fixture_init(&fx);
	open_code(&f, &fx, "one.so", one);
	open_code(&g, &fx, "other.so", other);
	alike = near ? hi_uses_are_alike_near(f.uses, 0, g.uses, 0, 1, 1) :
		       hi_uses_are_alike(f.uses, g.uses);
	close_code(&f);
	close_code(&g);
	hi_fixture_done(&fx);
	return alike;
}

START_TEST(the_place_that_is_named_makes_no_difference)
{
	static const char code[] =
		"xor %eax,%eax\\nlea two(%rip),%rdx\\ninc %eax\\nret";
	static const char other[] =
		"xor %eax,%eax\\nlea one+4(%rip),%rdx\\ninc %eax\\nret";
	static const char longer[] =
		"nop\\nmov $1,%ecx\\nxor %eax,%eax\\nnop\\n"
		"lea one(%rip),%rdx\\ninc %eax\\nret";
	static const char changed[] =
		"xor %eax,%eax\\nlea two(%rip),%rdx\\ndec %eax\\nret";

	ck_assert(are_alike(code, other, false));
	ck_assert(!are_alike(code, longer, false));
	ck_assert(are_alike(code, longer, true));
	ck_assert(!are_alike(code, changed, false));
	ck_assert(!are_alike(code, changed, true));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("uses");
	TCase *tcase = tcase_create("uses");

	tcase_add_test(tcase, what_is_read_at_an_address_is_seen);
	tcase_add_test(tcase,
		       an_address_is_followed_through_registers_and_the_frame);
	tcase_add_test(tcase, half_a_register_is_enough_to_lose_an_address);
	tcase_add_test(tcase,
		       an_address_that_leaves_the_function_is_passed_or_stored);
	tcase_add_test(tcase, a_walk_to_the_end_is_a_compare_with_the_walker);
	tcase_add_test(tcase, a_path_that_a_compare_rules_out_is_not_walked);
	tcase_add_test(tcase, a_counter_is_not_known_behind_its_loop);
	tcase_add_test(tcase, a_gather_reads_nobody_knows_where);
	tcase_add_test(tcase, the_place_that_is_named_makes_no_difference);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
