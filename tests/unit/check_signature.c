#include <check.h>
#include <string.h>

#include "elfscan/dies.h"
#include "elfscan/signature.h"
#include "tests/unit/fixture.h"

static const char *const compilers[] = { "gcc -g -O0 -gdwarf-4",
					 "clang -g -O2 -gdwarf-5" };
#define N_COMPILERS (sizeof(compilers) / sizeof(*compilers))

struct build {
	struct hi_image *image;
	struct hi_symtab *symtab;
	struct hi_dies dies;
};

static void build_open(struct build *build, const char *path)
{
	struct hi_err err = { 0 };
	size_t n;
	const struct hi_symbol *symbols;

	ck_assert_msg(hi_image_open(path, &build->image, &err) == 0 &&
			      hi_symtab_new(build->image, &build->symtab,
					    &err) == 0,
		      "%s", err.sentence);
	hi_dies_init(&build->dies, build->image, NULL);
	symbols = hi_symtab_get_functions(build->symtab, &n);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(hi_dies_want(&build->dies, &symbols[i], &err),
				 0);
	hi_dies_find(&build->dies);
}

static void build_done(struct build *build)
{
	hi_dies_done(&build->dies);
	hi_symtab_free(build->symtab);
	hi_image_free(build->image);
}

static Dwarf_Die get_die(const struct build *build, const char *name)
{
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(build->symtab, &n);
	Dwarf_Die die = { 0 };

	for (size_t i = 0; i < n; i++)
		if (!strcmp(symbols[i].name, name))
			ck_assert(hi_dies_get(&build->dies, &symbols[i], &die));
	ck_assert_ptr_nonnull(die.addr);
	return die;
}

/* Functions a, b, c, ...: EXPECTED has the letters of those that differ. */
static void expect(const char *compiler, const char *old_source,
		   const char *new_source, size_t n, const char *expected)
{
	struct hi_signature_pair pairs[16];
	struct build old, new;
	struct hi_fixture fx;
	char found[17] = "";
	struct hi_err err;

	hi_fixture_init(&fx);
	build_open(&old,
		   hi_fixture_library(&fx, "old.so", compiler, old_source));
	build_open(&new,
		   hi_fixture_library(&fx, "new.so", compiler, new_source));
	for (size_t i = 0; i < n; i++) {
		char name[2] = { (char)('a' + i), '\0' };

		pairs[i] = (struct hi_signature_pair){ get_die(&old, name),
						       get_die(&new, name),
						       false };
	}
	ck_assert_int_eq(hi_signatures_compare(pairs, n, &err), 0);
	for (size_t i = 0, at = 0; i < n; i++)
		if (pairs[i].differs)
			found[at++] = (char)('a' + i);
	ck_assert_msg(!strcmp(found, expected), "%s: '%s' in place of '%s'",
		      compiler, found, expected);
	build_done(&old);
	build_done(&new);
	hi_fixture_done(&fx);
}

START_TEST(what_is_passed_otherwise_differs)
{
	expect(compilers[_i],
	       "struct s { int x, y; };\n"
	       "int a(int n) { return n; }\n"
	       "int b(int n, int m) { return n + m; }\n"
	       "int c(int n) { return n; }\n"
	       "int d(struct s s) { return s.x; }\n"
	       "int e(int n, ...) { return n; }\n"
	       "struct s f(int n) { return (struct s){ n, n }; }\n"
	       "int g(int n) { return n + 7; }\n",
	       "struct s { int x; float y; };\n"
	       "int a(float n) { return n; }\n"
	       "int b(int n) { return n; }\n"
	       "long c(int n) { return n; }\n"
	       "int d(struct s s) { return s.x; }\n"
	       "int e(int n) { return n; }\n"
	       "struct s f(int n) { return (struct s){ n, n }; }\n"
	       "int g(int n) { return n + 8; }\n",
	       7, "abcdef");
}
END_TEST

START_TEST(what_pointers_lead_to_and_names_do_not_matter)
{
	expect(compilers[_i],
	       "struct s { struct s *next; int x; };\n"
	       "typedef struct { int x; } t;\n"
	       "int a(struct s *s) { return s->x; }\n"
	       "int b(int (*call)(int)) { return call(1); }\n"
	       "int c(t n) { return n.x; }\n"
	       "int d(const char *n) { return *n; }\n",
	       "struct s { struct s *next; int y, x; };\n"
	       "typedef struct { int z; } t;\n"
	       "int a(struct s *s) { return s->x; }\n"
	       "int b(int (*call)(int, int)) { return call(1, 2); }\n"
	       "int c(const t n) { return n.z; }\n"
	       "int d(int *n) { return *n; }\n",
	       4, "");
}
END_TEST

START_TEST(nothing_is_compared_with_nothing)
{
	struct hi_err err;

	ck_assert_int_eq(hi_signatures_compare(NULL, 0, &err), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("signature");
	TCase *tcase = tcase_create("signature");

	tcase_add_loop_test(tcase, what_is_passed_otherwise_differs, 0,
			    N_COMPILERS);
	tcase_add_loop_test(tcase,
			    what_pointers_lead_to_and_names_do_not_matter, 0,
			    N_COMPILERS);
	tcase_add_test(tcase, nothing_is_compared_with_nothing);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
