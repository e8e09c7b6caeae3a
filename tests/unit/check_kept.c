#include <check.h>
#include <stdio.h>
#include <string.h>

#include "elfscan/drift.h"
#include "elfscan/model_new.h"
#include "tests/unit/fixture.h"

static const char *const compilers[] = {
	"gcc -g -O0 -gdwarf-4",   "gcc -g -O2 -gdwarf-5",
	"gcc -g -O2 -flto -gz",   "gcc -g -O0 -fdebug-types-section",
	"clang -g -O0 -gdwarf-4", "clang -g -O2 -gdwarf-5",
};
#define N_COMPILERS (sizeof(compilers) / sizeof(*compilers))

/* Variables are known by their names here, as far as both builds write them. */
static uint64_t get_key(void *context, const struct hi_symbol *symbol)
{
	uint64_t key = 5381;

	(void)context;
	for (const char *at = symbol->base; *at; at++)
		key = key * 33 + (unsigned char)*at;
	return symbol->compiler_made || symbol->exported ? 0 : key;
}

struct build {
	struct hi_image *image;
	struct hi_symtab *symtab;
	struct hi_model *model;
};

static void build_open(struct build *build, const char *path)
{
	struct hi_model_kept kept = { get_key, NULL };
	struct hi_err err = { 0 };

	memset(build, 0, sizeof(*build));
	ck_assert_msg(hi_image_open(path, &build->image, &err) == 0 &&
			      hi_symtab_new(build->image, &build->symtab,
					    &err) == 0 &&
			      hi_model_new_from(build->image, build->symtab,
						&kept, &build->model,
						&err) == 0,
		      "%s", err.sentence);
}

static void build_done(struct build *build)
{
	hi_model_free(build->model);
	hi_symtab_free(build->symtab);
	hi_image_free(build->image);
}

struct report {
	char text[2048];
	size_t len;
};

static void add(struct report *report, const struct hi_finding *finding)
{
	report->len += snprintf(report->text + report->len,
				sizeof(report->text) - report->len,
				"%s%s %s: %s",
				finding->is_stored ? "stored " : "",
				finding->kind, finding->root, finding->text);
	for (size_t i = 0; i < finding->n_exports; i++)
		report->len += snprintf(report->text + report->len,
					sizeof(report->text) - report->len,
					"%s%s", i ? ", " : " <- ",
					finding->exports[i]);
	report->len += snprintf(report->text + report->len,
				sizeof(report->text) - report->len, "\n");
}

/* What breaks of what lives on, for two sources of one file. */
static void compare(const char *compiler, const char *old_source,
		    const char *new_source, struct report *ret_report)
{
	struct build old, new;
	struct hi_drift drift;
	struct hi_fixture fx;
	struct hi_err err;

	memset(ret_report, 0, sizeof(*ret_report));
	hi_fixture_init(&fx);
	hi_fixture_library(&fx, "worker.so", compiler, old_source);
	hi_fixture_run(&fx, "mv worker.so old.so");
	build_open(&old, hi_fixture_path(&fx, "old.so"));
	build_open(&new,
		   hi_fixture_library(&fx, "worker.so", compiler, new_source));
	ck_assert_int_eq(
		hi_drift_find(old.model, new.model, NULL, &drift, &err), 0);
	for (size_t i = 0; i < drift.n_findings; i++)
		if (drift.findings[i].severity == HI_INCOMPATIBLE &&
		    drift.findings[i].scope == HI_SCOPE_LIVE)
			add(ret_report, &drift.findings[i]);
	hi_drift_done(&drift);
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

/* Somebody has to use a static variable. */
#define USE "void *use(int a) { return a ? &v : (void *)&v + a; }\n"

START_TEST(another_type_of_the_same_size_is_found)
{
	expect(_i, "static int v = 1;\n" USE, "static float v = 1;\n" USE,
	       "stored variable-type v: changed from 'int' to 'float'\n");
	expect(_i, "static __thread long v = 1;\n" USE,
	       "static __thread double v = 1;\n" USE,
	       "stored variable-type v: changed from 'long' to 'double'\n");
	expect(_i, "static long v = 1;\n" USE, "static char *v = 0;\n" USE,
	       "stored variable-type v: changed from 'long' to 'char *'\n");
	expect(_i, "static int v[2][3] = { { 1 } };\n" USE,
	       "static int v[3][2] = { { 1 } };\n" USE,
	       "stored variable-type v: changed from 'int[2][3]' to "
	       "'int[3][2]'\n");
}
END_TEST

START_TEST(a_moved_member_is_found)
{
	expect(_i, "static struct s { int x, y, pad; } v = { 1, 2, 3 };\n" USE,
	       "static struct s { int x, z, y; } v = { 1, 2, 3 };\n" USE,
	       "stored layout struct s: member y moved from offset 4 to 8; "
	       "member pad is gone; member z was added at offset 4 <- v\n");
	expect(_i, "static struct s { int x, y; } v[3] = { { 1, 2 } };\n" USE,
	       "static struct s { int x; float y; } v[3] = { { 1, 2 } };\n" USE,
	       "stored layout struct s: member y changed from 'int' to "
	       "'float' <- v\n");
	expect(_i,
	       "static struct s { unsigned a : 3, b : 5; } v = { 1, 2 };\n" USE,
	       "static struct s { unsigned a : 4, b : 4; } v = { 1, 2 };\n" USE,
	       "stored layout struct s: member a changed from 3 to 4 bits; "
	       "member b moved from offset 0.3 to 0.4; member b changed from 5 "
	       "to 4 bits <- v\n");
}
END_TEST

START_TEST(members_that_come_and_go_within_the_size_are_found)
{
	expect(_i, "static struct s { long a; char b; } v = { 1, 2 };\n" USE,
	       "static struct s { long a; char b, c; } v = { 1, 2, 3 };\n" USE,
	       "stored member-added struct s: member c was added at offset 9 "
	       "<- v\n");
	expect(_i,
	       "static struct s { long a; char b, c; } v = { 1, 2, 3 };\n" USE,
	       "static struct s { long a; char b; } v = { 1, 2 };\n" USE,
	       "stored layout struct s: member c is gone <- v\n");
	expect(_i, "static union u { long a; double b; } v = { 1 };\n" USE,
	       "static union u { long a; char c; } v = { 1 };\n" USE,
	       "stored layout union u: member b is gone <- v\n");
}
END_TEST

START_TEST(what_a_variable_leads_to_lives_on)
{
	expect(_i,
	       "struct s { struct s *next; int x; };\n"
	       "static struct s *v;\n" USE,
	       "struct s { struct s *next; int x; int y[2]; };\n"
	       "static struct s *v;\n" USE,
	       "layout struct s: grew from 16 to 24 bytes; member y was added "
	       "at offset 12 <- v\n");
}
END_TEST

START_TEST(names_and_constants_are_no_difference)
{
	expect(_i,
	       "struct node { struct node *next; int v[2]; };\n"
	       "union both { int i; float f; };\n"
	       "static struct { struct node list; int count; union both u;\n"
	       "enum { A, B } mode; } v;\n" USE,
	       "struct node { struct node *next; int w[2]; };\n"
	       "union both { float f; int i; };\n"
	       "static struct { struct node list; volatile int count;\n"
	       "union both u; int mode; } v;\n" USE,
	       "");
}
END_TEST

START_TEST(without_debug_information_nothing_is_said)
{
	struct report report;

	compare("gcc", "static int v = 1;\n" USE, "static float v = 1;\n" USE,
		&report);
	ck_assert_str_eq(report.text, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kept");
	TCase *each = tcase_create("each compiler");
	TCase *one = tcase_create("one compiler");

	tcase_add_loop_test(each, another_type_of_the_same_size_is_found, 0,
			    N_COMPILERS);
	tcase_add_loop_test(each, a_moved_member_is_found, 0, N_COMPILERS);
	tcase_add_loop_test(each,
			    members_that_come_and_go_within_the_size_are_found,
			    0, N_COMPILERS);
	tcase_add_loop_test(each, what_a_variable_leads_to_lives_on, 0,
			    N_COMPILERS);
	tcase_add_loop_test(each, names_and_constants_are_no_difference, 0,
			    N_COMPILERS);
	tcase_add_test(one, without_debug_information_nothing_is_said);
	tcase_set_timeout(each, 60);
	tcase_set_timeout(one, 60);
	suite_add_tcase(suite, each);
	suite_add_tcase(suite, one);
	return hi_fixture_main(suite);
}
