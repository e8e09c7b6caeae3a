#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/changes.h"
#include "tests/unit/fixture.h"

static const char *const compilers[] = {
	"gcc -O0",
	"gcc -O2",
	"gcc -Os",
	"gcc -O3",
	"clang -O0",
	"clang -O2",
	"clang -Os",
	"gcc -O2 -fcf-protection",
	"gcc -O2 -g",
	"gcc -O2 -fno-plt",
	"clang -O2 -fuse-ld=lld",
};
#define N_COMPILERS (sizeof(compilers) / sizeof(*compilers))

struct build {
	struct hi_build_facts facts;
	struct hi_symtab *symtab;
	struct hi_reloc *relocs;
};

static void build_open(struct build *build, const char *path)
{
	struct hi_err err = { 0 };

	memset(build, 0, sizeof(*build));
	ck_assert_msg(hi_image_open(path, &build->facts.image, &err) == 0 &&
			      hi_symtab_new(build->facts.image, &build->symtab,
					    &err) == 0 &&
			      hi_reloc_read(build->facts.image, &build->relocs,
					    &build->facts.n_relocs, &err) == 0,
		      "%s", err.sentence);
	build->facts.symtab = build->symtab;
	build->facts.relocs = build->relocs;
}

static void build_done(struct build *build)
{
	free(build->relocs);
	hi_symtab_free(build->symtab);
	hi_image_free(build->facts.image);
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "name name", sorted. */
static void list(char *text, size_t size, const struct hi_symbol **symbols,
		 size_t n)
{
	const char *names[64] = { NULL };

	ck_assert_uint_lt(n, 64);
	for (size_t i = 0; i < n; i++)
		names[i] = symbols[i]->name;
	qsort(names, n, sizeof(*names), compare_text);
	*text = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), size - strlen(text), "%s%s",
			 i ? " " : "", names[i]);
}

/* What differs between two sources: "changed: ... added: ... removed: ...". */
static void diff(char *text, size_t size, const char *compiler,
		 const char *old_source, const char *new_source)
{
	char changed[512], added[512], removed[512];
	struct hi_changes changes;
	struct hi_fixture fx;
	struct build old, new;
	struct hi_err err;
	const char *path;

	hi_fixture_init(&fx);
	(void)hi_fixture_library(&fx, "worker.so", compiler, old_source);
	hi_fixture_run(&fx, "mv worker.so old.so");
	build_open(&old, hi_fixture_path(&fx, "old.so"));
	path = hi_fixture_library(&fx, "worker.so", compiler, new_source);
	build_open(&new, path);
	ck_assert_int_eq(
		hi_changes_find(&old.facts, &new.facts, &changes, &err), 0);
	list(changed, sizeof(changed), changes.changed, changes.n_changed);
	list(added, sizeof(added), changes.added, changes.n_added);
	list(removed, sizeof(removed), changes.removed, changes.n_removed);
	snprintf(text, size, "changed: %s; added: %s; removed: %s; same: %zu",
		 changed, added, removed, changes.n_same);
	hi_changes_done(&changes);
	build_done(&old);
	build_done(&new);
	hi_fixture_done(&fx);
}

/* A worker with a hole for each thing that a test changes. */
#define WORKER(statics, constant, literal, extra, table)                         \
	"#include <stdio.h>\n#include <string.h>\n" statics                      \
	"static int counter; static long list[50]; int shared = 3;\n"            \
	"static const char *const names[] = { \"red\", \"green\", \"blue\" };\n" \
	"static const int weights[] = { 4, 9, " table ", 25 };\n"                \
	"static __attribute__((noinline)) int helper(int a)\n"                   \
	"{ counter += a; return a * " constant "; }\n"                           \
	"static int less(int a) { return a - counter; }\n"                       \
	"int (*callback(void))(int) { return less; }\n" extra                    \
	"int update(int a) { printf(\"%d green\\n\", a);"                        \
	" return helper(a) + shared; }\n"                                        \
	"const char *name(int i) { return names[i]; }\n"                         \
	"const char *hello(void) { return \"" literal "\"; }\n"                  \
	"const char *other(void) { return \"unchanged\"; }\n"                    \
	"double scale(double x) { return x * 1.5 + 0.25; }\n"                    \
	"int weight(int i) { return weights[i]; }\n"                             \
	"long total(void) { long sum = 0; for (long *p = list;"                  \
	" p < list + 50; p++) sum += *p; return sum; }\n"                        \
	"int choose(int a) { switch (a) { case 0: return helper(3);\n"           \
	"case 1: puts(\"one\"); return 7; case 2: return shared;\n"              \
	"case 3: return helper(a) * 7; case 4: puts(\"four\"); break;\n"         \
	"case 5: list[a] = 2; break; case 6: return counter * 3; }\n"            \
	"return a; }\n"

#define PLAIN WORKER("", "3", "hello", "", "16")

#define ck_diff(old_source, new_source, expected)                   \
	do {                                                        \
		char text[2048];                                    \
		diff(text, sizeof(text), compilers[_i], old_source, \
		     new_source);                                   \
		ck_assert_msg(!strcmp(text, expected), "%s: %s",    \
			      compilers[_i], text);                 \
	} while (0)

START_TEST(the_same_source_has_no_changes)
{
	ck_diff(PLAIN, PLAIN, "changed: ; added: ; removed: ; same: 11");
}
END_TEST

START_TEST(a_changed_constant_marks_its_function_only)
{
	ck_diff(PLAIN, WORKER("", "5", "hello", "", "16"),
		"changed: helper; added: ; removed: ; same: 10");
}
END_TEST

START_TEST(a_function_in_the_middle_is_added_and_marks_no_other)
{
	static const char more[] =
		WORKER("", "3", "hello",
		       "int extra(int a) { puts(\"a new string\"); return"
		       " helper(a) + helper(a + 1) * counter; }\n",
		       "16");

	ck_diff(PLAIN, more, "changed: ; added: extra; removed: ; same: 11");
	ck_diff(more, PLAIN, "changed: ; added: ; removed: extra; same: 11");
}
END_TEST

START_TEST(a_changed_string_marks_its_user_only)
{
	ck_diff(PLAIN, WORKER("", "3", "hullo", "", "16"),
		"changed: hello; added: ; removed: ; same: 10");
	ck_diff(PLAIN,
		WORKER("", "3", "a much longer text than before", "", "16"),
		"changed: hello; added: ; removed: ; same: 10");
}
END_TEST

/* The linker puts "integer" into the end of the longer one, or no longer. */
#define ENDINGS(text)                                          \
	"const int numbers[] = { 3, 7, 11 };\n"                \
	"const char *f(void) { return \"not an integer\"; }\n" \
	"const char *g(void) { return \"" text "\"; }\n"

START_TEST(a_string_that_ends_another_marks_its_user_only)
{
	ck_diff(ENDINGS("integer"), ENDINGS("INTEGER"),
		"changed: g; added: ; removed: ; same: 1");
	ck_diff(ENDINGS("INTEGER"), ENDINGS("integer"),
		"changed: g; added: ; removed: ; same: 1");
}
END_TEST

/* Counted from 1, which compilers take as an address before the table. */
#define COUNTED(before)                                                           \
	before "int one(void) { return 1; }\n"                                    \
	       "int two(void) { return 2; }\n"                                    \
	       "static int zero(void) { return 0; }\n"                            \
	       "int (*const only[])(void) = { zero };\n"                          \
	       "void put(int (*)(void)); void note(long);\n"                      \
	       "void each(void)\n"                                                \
	       "{ static int (*const all[])(void) = { one, two, one, two, 0 };\n" \
	       "for (int i = 0; all[i]; i++)\n"                                   \
	       "{ note(-2); put(all[i]); note(i + 1); } }\n"

START_TEST(a_table_that_is_counted_from_one_marks_nothing)
{
	ck_diff(COUNTED(""), COUNTED("int more(int a) { return a * 5; }\n"),
		"changed: ; added: more; removed: ; same: 4");
}
END_TEST

START_TEST(variables_that_move_mark_nothing)
{
	ck_diff(PLAIN,
		WORKER("static int before[33]; int *first(void);"
		       "static double late = 3.5;"
		       "int *first(void) { late *= 2; return before; }\n",
		       "3", "hello", "", "16"),
		"changed: ; added: first; removed: ; same: 11");
}
END_TEST

START_TEST(a_changed_constant_table_marks_its_reader)
{
	ck_diff(PLAIN, WORKER("", "3", "hello", "", "17"),
		"changed: weight; added: ; removed: ; same: 10");
}
END_TEST

START_TEST(another_variable_is_a_change)
{
	ck_diff("static int a, b; int f(void) { return a++; }\n"
		"int g(void) { return b++ * 5; }\n",
		"static int a, b; int f(void) { return b++; }\n"
		"int g(void) { return b++ * 5; }\n"
		"int h(void) { return a++ * 7; }\n",
		"changed: f; added: h; removed: ; same: 1");
}
END_TEST

START_TEST(a_renamed_variable_is_a_change)
{
	ck_diff("static int x; static int a[4]; static int b[4];\n"
		"void *f(void) { x++; a[1]++; return b; }\n",
		"static int x; static int a[4]; static int c[4];\n"
		"void *f(void) { x++; a[1]++; return c; }\n",
		"changed: f; added: ; removed: ; same: 0");
}
END_TEST

START_TEST(another_import_is_a_change)
{
	ck_diff("#include <stdlib.h>\n"
		"int f(const char *s) { return atoi(s) + 1; }\n"
		"long g(const char *s) { return atol(s) + 1; }\n",
		"#include <stdlib.h>\n"
		"int f(const char *s) { return rand() + 1; }\n"
		"long g(const char *s) { return atol(s) + 1; }\n",
		"changed: f; added: ; removed: ; same: 1");
}
END_TEST

START_TEST(another_constant_of_one_shape_is_a_change)
{
	ck_diff("double f(double x) { return x * 3.25; }\n"
		"double g(double x) { return x * 4.25; }\n",
		"double f(double x) { return x * 4.25; }\n"
		"double g(double x) { return x * 4.25; }\n",
		"changed: f; added: ; removed: ; same: 1");
}
END_TEST

START_TEST(a_changed_cold_part_is_its_functions_change)
{
	static const char old[] =
		"extern void log_it(int) __attribute__((cold));\n"
		"int hot(int a) { if (a == 7) { log_it(1); log_it(a); }"
		" return a * 3; }\nint same(int a) { return a + 9; }\n";
	static const char new[] =
		"extern void log_it(int) __attribute__((cold));\n"
		"int hot(int a) { if (a == 7) { log_it(2); log_it(a); }"
		" return a * 3; }\nint same(int a) { return a + 9; }\n";

	ck_diff(old, new, "changed: hot; added: ; removed: ; same: 1");
}
END_TEST

START_TEST(a_changed_clone_marks_who_calls_it)
{
	static const char format[] =
		"extern void out(int);\n"
		"static __attribute__((noinline, noipa)) int keep(int a)"
		"{ return a; }\n"
		"static __attribute__((noinline)) int work(int a, int b)"
		"{ for (int i = 0; i < b; i++) { a += keep(i) * %d; out(a); }"
		" return a; }\n"
		"int one(int a) { return work(a, 100) + 1; }\n"
		"int two(int a) { return work(a + 5, 100) * 2; }\n"
		"int three(int a) { return keep(a) + 3; }\n";
	char old[1024], new[1024], text[1024];

	snprintf(old, sizeof(old), format, 5);
	snprintf(new, sizeof(new), format, 9);
	diff(text, sizeof(text), "gcc -O2 -fipa-cp", old, new);
	ck_assert_str_eq(text, "changed: one two; added: ; removed: ; same: 2");
}
END_TEST

START_TEST(a_vtable_that_moves_marks_nothing)
{
	char text[1024];

	diff(text, sizeof(text), "gcc -O2",
	     "extern int a(int), b(int); struct ops { int (*f)(int),"
	     " (*g)(int); const char *name; };\n"
	     "static const struct ops ops = { a, b, \"ops\" };\n"
	     "const struct ops *get(void) { return &ops; }\n"
	     "int a(int x) { return x; } int b(int x) { return x + 1; }\n",
	     "extern int a(int), b(int); struct ops { int (*f)(int),"
	     " (*g)(int); const char *name; };\n"
	     "static const struct ops more = { b, a, \"more\" };\n"
	     "const struct ops *get2(void) { return &more; }\n"
	     "static const struct ops ops = { a, b, \"ops\" };\n"
	     "const struct ops *get(void) { return &ops; }\n"
	     "int a(int x) { return x; } int b(int x) { return x + 1; }\n");
	ck_assert_str_eq(text, "changed: ; added: get2; removed: ; same: 3");
}
END_TEST

START_TEST(a_changed_vtable_marks_its_user)
{
	char text[1024];

	diff(text, sizeof(text), "gcc -O2",
	     "static int a(int x) { return x; }\n"
	     "static int b(int x) { return x + 1; }\n"
	     "static int (*const ops[])(int) = { a, b, a };\n"
	     "int call(int i) { return ops[i](i); }\n",
	     "static int a(int x) { return x; }\n"
	     "static int b(int x) { return x + 1; }\n"
	     "static int (*const ops[])(int) = { a, b, b };\n"
	     "int call(int i) { return ops[i](i); }\n");
	ck_assert_str_eq(text, "changed: call; added: ; removed: ; same: 2");
}
END_TEST

START_TEST(an_initializer_is_no_function_that_was_added)
{
	static const char *const initialized[] = { "g++ -O0", "g++ -O2",
						   "clang++ -O0",
						   "clang++ -O2" };
	char text[1024];

	diff(text, sizeof(text), initialized[_i],
	     "extern \"C\" int get() { return 1; }\n",
	     "extern \"C\" int rand(); static int seed = rand();\n"
	     "static thread_local int own = rand();\n"
	     "extern \"C\" int more() { return seed + own; }\n"
	     "extern \"C\" int get() { return 1; }\n");
	ck_assert_str_eq(text, "changed: ; added: more; removed: ; same: 1");
}
END_TEST

START_TEST(without_symbols_a_static_function_is_part_of_its_callers)
{
	char text[1024];

	diff(text, sizeof(text), "gcc -O2 -s", PLAIN, PLAIN);
	ck_assert_str_eq(text, "changed: ; added: ; removed: ; same: 9");
	diff(text, sizeof(text), "gcc -O2 -s", PLAIN,
	     WORKER("", "5", "hello", "", "16"));
	ck_assert_str_eq(text,
			 "changed: choose update; added: ; removed: ; same: 7");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("changes");
	TCase *tcase = tcase_create("changes");

#define EACH(test) tcase_add_loop_test(tcase, test, 0, N_COMPILERS)
	EACH(the_same_source_has_no_changes);
	EACH(a_changed_constant_marks_its_function_only);
	EACH(a_function_in_the_middle_is_added_and_marks_no_other);
	EACH(a_changed_string_marks_its_user_only);
	EACH(a_string_that_ends_another_marks_its_user_only);
	EACH(a_table_that_is_counted_from_one_marks_nothing);
	EACH(variables_that_move_mark_nothing);
	EACH(a_changed_constant_table_marks_its_reader);
	EACH(another_variable_is_a_change);
	EACH(a_renamed_variable_is_a_change);
	EACH(another_import_is_a_change);
	EACH(another_constant_of_one_shape_is_a_change);
	EACH(a_changed_cold_part_is_its_functions_change);
#undef EACH
	tcase_add_test(tcase, a_changed_clone_marks_who_calls_it);
	tcase_add_test(tcase, a_vtable_that_moves_marks_nothing);
	tcase_add_test(tcase, a_changed_vtable_marks_its_user);
	tcase_add_loop_test(tcase, an_initializer_is_no_function_that_was_added,
			    0, 4);
	tcase_add_test(
		tcase,
		without_symbols_a_static_function_is_part_of_its_callers);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
