#include <check.h>
#include <stdio.h>
#include <string.h>

#include "elfscan/signature.h"
#include "elfscan/units.h"
#include "tests/unit/fixture.h"

static const char *const compilers[] = {
	"gcc -g -O0 -gdwarf-4",   "gcc -g -O2 -gdwarf-5",
	"gcc -g -O2 -flto -gz",   "gcc -g -O0 -fdebug-types-section",
	"clang -g -O0 -gdwarf-4", "clang -g -O2 -gdwarf-5",
};
#define N_COMPILERS (sizeof(compilers) / sizeof(*compilers))

struct build {
	struct hi_build_facts facts;
	struct hi_symtab *symtab;
};

static void build_open(struct build *build, const char *path)
{
	struct hi_err err = { 0 };

	memset(build, 0, sizeof(*build));
	ck_assert_msg(hi_image_open(path, &build->facts.image, &err) == 0 &&
			      hi_symtab_new(build->facts.image, &build->symtab,
					    &err) == 0,
		      "%s", err.sentence);
	build->facts.symtab = build->symtab;
}

static void build_done(struct build *build)
{
	hi_units_free(build->facts.units);
	hi_symtab_free(build->symtab);
	hi_image_free(build->facts.image);
}

struct report {
	char text[2048];
	size_t len;
};

static void add(void *context, const struct hi_symbol *symbol, const char *text)
{
	struct report *report = context;

	report->len += snprintf(report->text + report->len,
				sizeof(report->text) - report->len, "%s %s\n",
				symbol->name, text);
}

/* What is carried over from the old build must not change a word. */
static void compare_carried(struct build *old, struct build *new,
			    const struct report *expected)
{
	const struct hi_units *before[1] = { NULL };
	struct report report = { "", 0 };
	struct hi_err err;

	ck_assert_int_eq(hi_units_new(old->facts.image, old->symtab, before, 1,
				      &old->facts.units, &err),
			 0);
	before[0] = old->facts.units;
	ck_assert_int_eq(hi_units_new(new->facts.image, new->symtab, before, 1,
				      &new->facts.units, &err),
			 0);
	ck_assert_int_eq(hi_variable_types_compare(&old->facts, &new->facts,
						   add, &report, &err),
			 0);
	ck_assert_str_eq(report.text, expected->text);
}

/* The variables' texts for two sources of one file. */
static void compare(const char *compiler, const char *old_source,
		    const char *new_source, struct report *ret_report)
{
	struct build old, new;
	struct hi_fixture fx;
	struct hi_err err;

	memset(ret_report, 0, sizeof(*ret_report));
	hi_fixture_init(&fx);
	hi_fixture_library(&fx, "worker.so", compiler, old_source);
	hi_fixture_run(&fx, "mv worker.so old.so");
	build_open(&old, hi_fixture_path(&fx, "old.so"));
	build_open(&new,
		   hi_fixture_library(&fx, "worker.so", compiler, new_source));
	ck_assert_int_eq(hi_variable_types_compare(&old.facts, &new.facts, add,
						   ret_report, &err),
			 0);
	compare_carried(&old, &new, ret_report);
	build_done(&old);
	build_done(&new);
	hi_fixture_done(&fx);
}

static void expect(int at, const char *old_source, const char *new_source,
		   const char *expected)
{
	struct report report;

	compare(compilers[at], old_source, new_source, &report);
	ck_assert_msg(!strcmp(report.text, expected), "%s:\n%sin place of\n%s",
		      compilers[at], report.text, expected);
}

START_TEST(another_type_of_the_same_size_is_found)
{
	expect(_i, "static int v = 1; int *f(void) { return &v; }\n",
	       "static float v = 1; float *f(void) { return &v; }\n",
	       "v changed from 'int' to 'float'\n");
	expect(_i, "int v = 1;\n", "float v = 1;\n",
	       "v changed from 'int' to 'float'\n");
	expect(_i, "__thread long v = 1;\n", "__thread double v = 1;\n",
	       "v changed from 'long' to 'double'\n");
	expect(_i, "long v = 1;\n", "char *v = 0;\n",
	       "v changed from 'long' to 'char *'\n");
}
END_TEST

START_TEST(a_variable_of_a_function_is_compared)
{
	struct report report;

	compare(compilers[_i],
		"int f(int a) { { static int n = 1; return n += a; } }\n",
		"int f(int a) { { static float n = 1; return n += a; } }\n",
		&report);
	/* the compilers decorate the name */
	ck_assert_ptr_nonnull(strstr(report.text, "n"));
	ck_assert_ptr_nonnull(
		strstr(report.text, " changed from 'int' to 'float'\n"));
}
END_TEST

START_TEST(a_moved_member_is_found)
{
	expect(_i, "struct s { int x, y, pad; } v = { 1, 2, 3 };\n",
	       "struct s { int x, z, y; } v = { 1, 2, 3 };\n",
	       "v changed its layout: member y moved from offset 4 to 8\n");
	expect(_i, "struct s { int x, y; } v[3] = { { 1, 2 } };\n",
	       "struct s { int x; float y; } v[3] = { { 1, 2 } };\n",
	       "v changed its layout: member y changed from 'int' to "
	       "'float'\n");
	expect(_i, "struct s { unsigned a : 3, b : 5; } v = { 1, 2 };\n",
	       "struct s { unsigned a : 4, b : 4; } v = { 1, 2 };\n",
	       "v changed its layout: member b moved from bit 3 to 4\n");
}
END_TEST

START_TEST(members_that_come_and_go_within_the_size_are_found)
{
	expect(_i, "struct s { long a; char b; } v = { 1, 2 };\n",
	       "struct s { long a; char b; char c; } v = { 1, 2, 3 };\n",
	       "v changed its layout: member c is new\n");
	expect(_i, "struct s { long a; char b; char c; } v = { 1, 2, 3 };\n",
	       "struct s { long a; char b; } v = { 1, 2 };\n",
	       "v changed its layout: member c is gone\n");
	expect(_i, "union u { long a; double b; } v = { 1 };\n",
	       "union u { long a; char c; } v = { 1 };\n",
	       "v changed its layout: member b is gone\n");
}
END_TEST

START_TEST(other_counts_of_elements_are_found)
{
	expect(_i, "int v[2][3] = { { 1 } };\n", "int v[3][2] = { { 1 } };\n",
	       "v changed from 'int[2][3]' to 'int[3][2]'\n");
	expect(_i, "int v[4] = { 1 };\n", "short v[8] = { 1 };\n",
	       "v changed from 'int[4]' to 'short[8]'\n");
}
END_TEST

START_TEST(names_constants_and_sizes_are_no_difference_of_type)
{
	expect(_i,
	       "#include <stdint.h>\n"
	       "struct node { struct node *next; int v[2]; };\n"
	       "struct node list = { &list, { 1, 2 } };\n"
	       "int32_t count = 1; const int table[2] = { 1, 2 };\n"
	       "union { int i; float f; } both = { 1 };\n"
	       "enum { A, B } mode = B; int grew = 1;\n",
	       "struct vertex { struct vertex *after; int w[2]; };\n"
	       "struct vertex list = { &list, { 1, 2 } };\n"
	       "volatile int count = 1; const float table[2] = { 1, 2 };\n"
	       "union { float f; int i; } both = { 1 };\n"
	       "int mode = 1; long grew = 1;\n",
	       "");
}
END_TEST

START_TEST(without_debug_information_nothing_is_said)
{
	struct report report;

	compare("gcc", "int v = 1;\n", "float v = 1;\n", &report);
	ck_assert_str_eq(report.text, "");
}
END_TEST

START_TEST(objects_and_thread_locals_of_cxx_are_compared)
{
	struct report report;

	compare("g++ -g -O2",
		"namespace { struct P { int hp; }; }\n"
		"struct Base { int id; };\n"
		"struct Unit : Base { int hp; static int n; } unit = {};\n"
		"int Unit::n = 1; inline thread_local int other = 1;\n"
		"inline int &f() { static int n = 1; return n; }\n"
		"int g() { return f()++ + other++; }\n",
		"struct Base { float id; };\n"
		"struct Unit : Base { int hp; static float n; } unit = {};\n"
		"float Unit::n = 1; inline thread_local float other = 1;\n"
		"inline float &f() { static float n = 1; return n; }\n"
		"int g() { return f()++ + other++; }\n",
		&report);
	ck_assert_ptr_nonnull(strstr(report.text,
				     "unit changed its layout: member Base "
				     "changed its layout: member id changed "
				     "from 'int' to 'float'\n"));
	ck_assert_ptr_nonnull(strstr(report.text, "_ZN4Unit1nE changed from "
						  "'int' to 'float'\n"));
	ck_assert_ptr_nonnull(
		strstr(report.text, "other changed from 'int' to 'float'\n"));
	ck_assert_ptr_nonnull(strstr(report.text, "_ZZ1fvE1n changed from "
						  "'int' to 'float'\n"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("signature");
	TCase *each = tcase_create("each compiler");
	TCase *one = tcase_create("one compiler");

	tcase_add_loop_test(each, another_type_of_the_same_size_is_found, 0,
			    N_COMPILERS);
	tcase_add_loop_test(each, a_variable_of_a_function_is_compared, 0,
			    N_COMPILERS);
	tcase_add_loop_test(each, a_moved_member_is_found, 0, N_COMPILERS);
	tcase_add_loop_test(each,
			    members_that_come_and_go_within_the_size_are_found,
			    0, N_COMPILERS);
	tcase_add_loop_test(each, other_counts_of_elements_are_found, 0,
			    N_COMPILERS);
	tcase_add_loop_test(each,
			    names_constants_and_sizes_are_no_difference_of_type,
			    0, N_COMPILERS);
	tcase_add_test(one, without_debug_information_nothing_is_said);
	tcase_add_test(one, objects_and_thread_locals_of_cxx_are_compared);
	tcase_set_timeout(each, 60);
	tcase_set_timeout(one, 60);
	suite_add_tcase(suite, each);
	suite_add_tcase(suite, one);
	return hi_fixture_main(suite);
}
