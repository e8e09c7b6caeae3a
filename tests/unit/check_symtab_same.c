/*
 * Which symbols of two builds are the same.
 */
#include <stdio.h>

#include "tests/unit/built.h"

/* Two statics of one name, in functions, with MORE behind them: gcc numbers
   from the end of the file. */
static struct hi_built build_counted(struct hi_fixture *fx, const char *name,
				     const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "static int count = 9;\n"
		 "int a(int n) { static int count = 1; return count += n; }\n"
		 "int b(int n) { static int count[2]; return count[1] += n; }\n"
		 "%s\nint c(int n) { return count += n; }\n",
		 more);
	hi_fixture_write(fx, "worker.c", text);
	hi_fixture_run(fx, "gcc -O2 -shared -fPIC -o %s worker.c", name);
	return hi_built_open(hi_fixture_path(fx, name));
}

START_TEST(statics_are_found_again_when_their_numbers_shift)
{
	struct hi_built old, new, more;
	struct hi_fixture fx;
	const struct hi_symbol *symbols;
	size_t n, n_counted = 0;

	hi_fixture_init(&fx);
	old = build_counted(&fx, "old.so", "");
	new = build_counted(&fx, "new.so",
			    "int z(int n) { static int other, again;"
			    " return other += again++ + n; }");
	symbols = hi_symtab_get_variables(old.symtab, &n);
	for (size_t i = 0; i < n; i++) {
		const struct hi_symbol *found;
		bool ambiguous;

		if (strcmp(symbols[i].base, "count") != 0)
			continue;
		n_counted++;
		found = hi_built_same(&new, &old, &symbols[i], &ambiguous);
		ck_assert_ptr_nonnull(found);
		ck_assert_uint_eq(found->size, symbols[i].size);
		ck_assert(!ambiguous);
	}
	ck_assert_uint_eq(n_counted, 3);
	ck_assert_ptr_null(hi_built_find(&new, "count.0"));
	ck_assert_ptr_nonnull(hi_built_find(&old, "count.0"));
	hi_built_assert_same(&new, &old, "count", "count");

	more = build_counted(&fx, "more.so",
			     "int d(int n) { static int count = 4;"
			     " return count += n; }\n");
	hi_built_assert_none(&more, &old, "count.0", true);
	hi_built_assert_none(&more, &old, "count.1", true);
	hi_built_assert_same(&more, &old, "count", "count");
	hi_built_close(&old);
	hi_built_close(&new);
	hi_built_close(&more);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(one_static_among_two_of_its_name_is_ambiguous)
{
	static const char first[] =
		"int a(int i) { static int n; return n += i; }\n";
	static const char both[] =
		"int a(int i) { static int n; return n += i; }\n"
		"int b(int i) { static int n; return n -= i; }\n";
	struct hi_built one, two;
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	one = hi_built_compile(&fx, "worker.so", "gcc -O2", first);
	two = hi_built_compile(&fx, "worker.so", "gcc -O2", both);
	hi_built_assert_none(&two, &one, "n.0", true);
	hi_built_assert_none(&one, &two, "n.0", true);
	hi_built_assert_none(&one, &two, "n.1", true);
	hi_built_close(&one);
	hi_built_close(&two);
	hi_fixture_done(&fx);
}
END_TEST

/* The counters alone would make each the other. */
START_TEST(statics_of_one_name_that_changed_places_are_ambiguous)
{
	static const char before[] =
		"int a(int i) { static int n; return n += i; }\n"
		"int b(int i) { static long n; return n -= i; }\n";
	static const char after[] =
		"int b(int i) { static long n; return n -= i; }\n"
		"int a(int i) { static int n; return n += i; }\n";
	struct hi_built one, two;
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	one = hi_built_compile(&fx, "worker.so", "gcc -O2", before);
	two = hi_built_compile(&fx, "worker.so", "gcc -O2", after);
	hi_built_assert_none(&one, &two, "n.0", true);
	hi_built_assert_none(&one, &two, "n.1", true);
	hi_built_close(&one);
	hi_built_close(&two);
	hi_fixture_done(&fx);
}
END_TEST

/* A library of two files that both have a static of one name. */
static struct hi_built build_two(struct hi_fixture *fx, const char *name,
				 const char *a, const char *b)
{
	hi_fixture_write(fx, a,
			 "static int level = 1; static int only_a;\n"
			 "static __attribute__((noinline)) int step(int n)\n"
			 "{ only_a++; return level += n; }\n"
			 "int a(int n) { return step(n); }\n");
	hi_fixture_write(fx, b,
			 "static int level = 2;\n"
			 "static __attribute__((noinline)) int step(int n)\n"
			 "{ return level -= n; }\n"
			 "int b(int n) { return step(n); }\n");
	hi_fixture_run(fx, "gcc -O2 -shared -fPIC -o %s %s %s", name, a, b);
	return hi_built_open(hi_fixture_path(fx, name));
}

START_TEST(statics_of_one_name_in_two_files_are_two)
{
	const struct hi_symbol *symbols, *found;
	struct hi_built old, new, renamed;
	struct hi_fixture fx;
	bool ambiguous;
	size_t n;

	hi_fixture_init(&fx);
	old = build_two(&fx, "old.so", "a.c", "b.c");
	new = build_two(&fx, "new.so", "b.c", "a.c");
	renamed = build_two(&fx, "renamed.so", "x.c", "y.c");
	for (int kind = 0; kind < 2; kind++) {
		symbols = kind ? hi_symtab_get_variables(old.symtab, &n) :
				 hi_symtab_get_functions(old.symtab, &n);
		for (size_t i = 0; i < n; i++) {
			if (strcmp(symbols[i].base, "level") != 0 &&
			    strcmp(symbols[i].base, "step") != 0)
				continue;
			found = hi_built_same(&new, &old, &symbols[i],
					      &ambiguous);
			ck_assert_ptr_nonnull(found);
			ck_assert_str_eq(found->file, symbols[i].file);
			found = hi_built_same(&renamed, &old, &symbols[i],
					      &ambiguous);
			ck_assert_ptr_null(found);
		}
	}
	/* another file, yet the only one of its name */
	hi_built_assert_same(&renamed, &old, "only_a", "only_a");
	hi_built_close(&old);
	hi_built_close(&new);
	hi_built_close(&renamed);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(removed_and_made_static_functions_are_gone)
{
	struct hi_built old, new;
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	old = hi_built_compile(
		&fx, "old.so", "gcc -O0",
		"int gone(int a) { return a; } int value = 1;\n"
		"int shrunk(int a) { return a; }\n"
		"static int inner(int a) { return a; }\n"
		"int up(int a) { return inner(a) + shrunk(a); }\n");
	new = hi_built_compile(
		&fx, "new.so", "gcc -O0",
		"static int shrunk(int a) { return a; }\n"
		"static int value = 1;\n"
		"int inner(int a) { return a + value++; }\n"
		"int up(int a) { return inner(a) + shrunk(a); }\n");
	hi_built_assert_none(&new, &old, "gone", false);
	hi_built_assert_none(&new, &old, "shrunk", false);
	hi_built_assert_same(&new, &old, "value", "value");
	hi_built_assert_same(&new, &old, "inner", "inner");
	hi_built_assert_same(&new, &old, "up", "up");
	hi_built_close(&old);
	hi_built_close(&new);
	hi_fixture_done(&fx);
}
END_TEST

static void check_versions(struct hi_fixture *fx, const char *linker)
{
	const struct hi_symbol *one, *two;
	struct hi_built build, plain;
	char compiler[128];
	bool ambiguous;

	snprintf(compiler, sizeof(compiler),
		 "gcc -O2 -fuse-ld=%s -Wl,--version-script=map", linker);
	hi_fixture_write(fx, "map", "V1 { global: g; }; V2 { f; } V1;\n");
	build = hi_built_compile(
		fx, "new.so", compiler,
		"int one(void) { return 1; }\n"
		"int two(void) { return 2; }\n"
		"int g(void) { return 3; }\n"
		"__asm__(\".symver one,f@V1\\n.symver two,f@@V2\");\n");
	one = hi_symtab_find_exported(build.symtab, "f", "V1");
	two = hi_symtab_find_exported(build.symtab, "f", "V2");
	ck_assert_ptr_nonnull(one);
	ck_assert_ptr_nonnull(two);
	ck_assert_ptr_ne(one, two);
	ck_assert(!one->default_version);
	ck_assert(two->default_version);
	ck_assert_ptr_eq(hi_symtab_find_exported(build.symtab, "f", NULL), two);
	ck_assert_ptr_null(hi_symtab_find_exported(build.symtab, "f", "V3"));
	ck_assert_ptr_null(hi_built_find(&build, "f@V1"));
	ck_assert_ptr_null(hi_built_find(&build, "f@@V2"));
	ck_assert_ptr_eq(hi_built_same(&build, &build, one, &ambiguous), one);
	ck_assert_ptr_eq(hi_built_same(&build, &build, two, &ambiguous), two);

	plain = hi_built_compile(
		fx, "plain.so", "gcc -O2",
		"int f(void) { return 2; } int g(void) { return 4; }");
	ck_assert_ptr_eq(hi_built_same(&build, &plain,
				       hi_built_get(&plain, "f"), &ambiguous),
			 two);
	ck_assert_ptr_null(hi_built_same(&plain, &build, one, &ambiguous));
	ck_assert_ptr_eq(hi_built_same(&plain, &build, two, &ambiguous),
			 hi_built_get(&plain, "f"));
	ck_assert_str_eq(hi_built_get(&build, "g")->version, "V1");
	hi_built_close(&build);
	hi_built_close(&plain);
}

START_TEST(each_version_of_a_name_is_an_entry)
{
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	check_versions(&fx, "bfd");
	check_versions(&fx, "lld");
	hi_fixture_done(&fx);
}
END_TEST

static const char lto_source[] =
	"static int count = 2; static __thread int stls;\n"
	"__attribute__((visibility(\"hidden\"))) int hidden_var = 4;\n"
	"int update(int a) { return a + count++ + stls++ + hidden_var++; }\n";

START_TEST(link_time_optimization_keeps_identities)
{
	struct hi_built old, new;
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	old = hi_built_compile(&fx, "old.so", "gcc -O2 -flto", lto_source);
	new = hi_built_compile(&fx, "new.so", "gcc -O2 -flto", lto_source);
	ck_assert_str_eq(hi_built_get(&old, "count")->file, "");
	hi_built_assert_same(&new, &old, "count", "count");
	hi_built_assert_same(&new, &old, "stls", "stls");
	hi_built_assert_same(&new, &old, "hidden_var", "hidden_var");
	hi_built_close(&old);
	hi_built_close(&new);
	hi_fixture_done(&fx);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("symtab_same");
	TCase *tc = tcase_create("same");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, statics_are_found_again_when_their_numbers_shift);
	tcase_add_test(tc, one_static_among_two_of_its_name_is_ambiguous);
	tcase_add_test(tc,
		       statics_of_one_name_that_changed_places_are_ambiguous);
	tcase_add_test(tc, statics_of_one_name_in_two_files_are_two);
	tcase_add_test(tc, removed_and_made_static_functions_are_gone);
	tcase_add_test(tc, each_version_of_a_name_is_an_entry);
	tcase_add_test(tc, link_time_optimization_keeps_identities);
	suite_add_tcase(suite, tc);
	return hi_fixture_main(suite);
}
