#include <check.h>
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/units.h"
#include "tests/unit/fixture.h"

static const char *const compilers[] = {
	"gcc -g -O0 -gdwarf-4",
	"gcc -g -O2 -gdwarf-5",
	"clang -g -O0 -gdwarf-4",
};
#define N_COMPILERS (sizeof(compilers) / sizeof(*compilers))

struct build {
	struct hi_image *image;
	struct hi_symtab *symtab;
	struct hi_units *units;
};

/* Two units, a.c and b.c, and what becomes of them. */
struct pair {
	struct hi_fixture fx;
	struct build old, new;
	size_t n, n_shared;
};

static void build_open(struct build *build, const char *path,
		       const struct hi_units *before)
{
	struct hi_err err = { 0 };

	ck_assert_msg(hi_image_open(path, &build->image, &err) == 0 &&
			      hi_symtab_new(build->image, &build->symtab,
					    &err) == 0 &&
			      hi_units_new(build->image, build->symtab, &before,
					   1, &build->units, &err) == 0,
		      "%s", err.sentence);
}

static const char *compile(struct hi_fixture *fx, const char *compiler,
			   const char *name, const char *a, const char *b)
{
	hi_fixture_write(fx, "a.c", a);
	hi_fixture_write(fx, "b.c", b);
	hi_fixture_run(fx, "%s -fPIC -shared -o %s a.c b.c", compiler, name);
	return hi_fixture_path(fx, name);
}

static void pair_open(struct pair *pair, const char *compiler,
		      const char *old_a, const char *old_b, const char *new_a,
		      const char *new_b)
{
	memset(pair, 0, sizeof(*pair));
	hi_fixture_init(&pair->fx);
	build_open(&pair->old,
		   compile(&pair->fx, compiler, "old.so", old_a, old_b), NULL);
	ck_assert(pair->old.units);
	build_open(&pair->new,
		   compile(&pair->fx, compiler, "new.so", new_a, new_b),
		   pair->old.units);
	ck_assert(pair->new.units);
	pair->n_shared = hi_units_count_shared(pair->new.units, &pair->n);
}

static void build_done(struct build *build)
{
	hi_units_free(build->units);
	hi_symtab_free(build->symtab);
	hi_image_free(build->image);
}

static void pair_done(struct pair *pair)
{
	build_done(&pair->new);
	build_done(&pair->old);
	hi_fixture_done(&pair->fx);
}

static const struct hi_symbol *find_symbol(const struct build *build,
					   const char *name)
{
	size_t n[2];
	const struct hi_symbol *symbols[2] = {
		hi_symtab_get_functions(build->symtab, &n[0]),
		hi_symtab_get_variables(build->symtab, &n[1]),
	};

	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < n[k]; i++) {
			const char *base = symbols[k][i].base;
			const char *dot = strrchr(base, '.');

			/* clang: a static of a function is "function.name" */
			if (!strcmp(dot ? dot + 1 : base, name))
				return &symbols[k][i];
		}
	ck_abort_msg("no symbol %s", name);
	return NULL;
}

/* The entry of NAME has that name and, for a function, the symbol's address. */
static void expect_entry(const struct build *build, const char *name)
{
	const struct hi_symbol *symbol = find_symbol(build, name);
	Dwarf_Addr addr;
	Dwarf_Die die;

	ck_assert_msg(hi_units_find(build->units, symbol, &die), "%s", name);
	ck_assert_str_eq(dwarf_diename(&die), name);
	if (symbol->type == HI_SYM_FUNC) {
		ck_assert_int_eq(dwarf_lowpc(&die, &addr), 0);
		ck_assert_uint_eq(addr, symbol->addr_link);
	}
}

static bool are_same(const struct pair *pair, const char *name)
{
	return hi_units_same(pair->old.units, find_symbol(&pair->old, name),
			     pair->new.units, find_symbol(&pair->new, name));
}

#define UNIT_B                                                        \
	"struct point { int x; short y; };\n"                         \
	"static __thread int depth; static struct point last;\n"      \
	"struct point *where(int by)\n"                               \
	"{ static int calls; depth++; calls += by; last.x = calls;\n" \
	"  return &last; }\n"

START_TEST(a_unit_that_only_moved_is_carried_over)
{
	struct pair pair;

	pair_open(&pair, compilers[_i], "int one(int a) { return a + 1; }\n",
		  UNIT_B,
		  "struct added { long long_name_of_a_member; } *pointer;\n"
		  "double more(double by) { return by * 3 + 1; }\n"
		  "int one(int a) { return a * (int)more(a) + 1; }\n",
		  UNIT_B);
	ck_assert_uint_eq(pair.n, 2);
	ck_assert_uint_eq(pair.n_shared, 1);
	ck_assert(are_same(&pair, "where"));
	ck_assert(are_same(&pair, "calls"));
	ck_assert(are_same(&pair, "depth"));
	ck_assert(!are_same(&pair, "one"));
	for (int i = 0; i < 2; i++) {
		const struct build *build = i ? &pair.new : &pair.old;

		expect_entry(build, "where");
		expect_entry(build, "last");
		expect_entry(build, "calls");
		expect_entry(build, "depth");
		expect_entry(build, "one");
	}
	expect_entry(&pair.new, "more");
	pair_done(&pair);
}
END_TEST

START_TEST(a_unit_whose_bodies_and_lines_changed_is_carried_over)
{
	struct pair pair;

	pair_open(&pair, "gcc -g -O0",
		  "int one(int a) { return a + 1; }\n"
		  "int two(int a) { return a + 2; }\n",
		  UNIT_B,
		  "\n\nint one(int a) { return a * a * 7 + 1; }\n"
		  "int two(int a) { return a + 2; }\n",
		  UNIT_B);
	ck_assert_uint_eq(pair.n_shared, 2);
	expect_entry(&pair.new, "two");
	pair_done(&pair);
}
END_TEST

START_TEST(a_type_that_changed_behind_a_function_is_seen)
{
	struct pair pair;

	pair_open(
		&pair, compilers[_i],
		"struct in { int a; float b; }; struct out { struct in in; };\n"
		"int get(struct out o) { return o.in.a; }\n",
		UNIT_B,
		"struct in { int a; int   b; }; struct out { struct in in; };\n"
		"int get(struct out o) { return o.in.a; }\n",
		UNIT_B);
	ck_assert_uint_eq(pair.n_shared, 1);
	ck_assert(!are_same(&pair, "get"));
	ck_assert(are_same(&pair, "where"));
	pair_done(&pair);
}
END_TEST

START_TEST(a_member_that_moved_is_seen)
{
	struct pair pair;

	pair_open(&pair, compilers[_i],
		  "struct in { int a; int b; char pad[8]; };\n"
		  "int get(struct in i) { return i.a; }\n",
		  UNIT_B,
		  "struct in { int a; char pad[8]; int b; };\n"
		  "int get(struct in i) { return i.a; }\n",
		  UNIT_B);
	ck_assert_uint_eq(pair.n_shared, 1);
	ck_assert(!are_same(&pair, "get"));
	pair_done(&pair);
}
END_TEST

/* The names stand in .debug_str, at the same offsets in both builds. */
START_TEST(a_change_of_strings_alone_is_seen)
{
	struct pair pair;

	pair_open(&pair, compilers[_i],
		  "struct in { int first_member; int other_member; };\n"
		  "int get(struct in i) { return i.first_member; }\n",
		  UNIT_B,
		  "struct in { int first_nember; int other_member; };\n"
		  "int get(struct in i) { return i.first_nember; }\n",
		  UNIT_B);
	ck_assert_uint_eq(pair.n_shared, 1);
	ck_assert(!are_same(&pair, "get"));
	ck_assert(are_same(&pair, "where"));
	pair_done(&pair);
}
END_TEST

START_TEST(functions_that_changed_places_are_told_apart)
{
	struct pair pair;

	pair_open(&pair, "gcc -g -O0 -ffunction-sections",
		  "int one(int a) { return a + 1; }\n"
		  "int two(int a) { return a + 2; }\n",
		  UNIT_B,
		  "__attribute__((section(\".text.last\")))\n"
		  "int one(int a) { return a + 1; }\n"
		  "int two(int a) { return a + 2; }\n",
		  UNIT_B);
	expect_entry(&pair.new, "one");
	expect_entry(&pair.new, "two");
	expect_entry(&pair.old, "one");
	ck_assert(are_same(&pair, "one"));
	pair_done(&pair);
}
END_TEST

START_TEST(a_unit_comes_back_from_an_older_build)
{
	static const char *const a[] = {
		"int one(int a) { return a + 1; }\n",
		"long one(long a) { return a + 1; }\n",
	};
	const struct hi_units *before[2];
	struct hi_err err = { 0 };
	struct pair pair;
	struct build third = { 0 };
	size_t n;

	pair_open(&pair, compilers[_i], a[0], UNIT_B, a[1], UNIT_B);
	ck_assert_uint_eq(pair.n_shared, 1);
	before[0] = pair.new.units;
	before[1] = pair.old.units;
	build_open(&third,
		   compile(&pair.fx, compilers[_i], "3.so", a[0], UNIT_B),
		   NULL);
	hi_units_free(third.units);
	ck_assert_int_eq(hi_units_new(third.image, third.symtab, before, 2,
				      &third.units, &err),
			 0);
	ck_assert_uint_eq(hi_units_count_shared(third.units, &n), 2);
	expect_entry(&third, "one");
	build_done(&third);
	pair_done(&pair);
}
END_TEST

/* Whoever still reads the first image dies of it. */
START_TEST(units_may_outlive_the_image_that_they_come_from)
{
	struct pair pair;
	struct build third = { 0 };
	size_t n;

	/* names that push the others about */
	pair_open(&pair, compilers[_i], "int one(int a) { return a; }\n",
		  UNIT_B,
		  "struct abc { int abd; } abe;\n"
		  "int abf(struct abc *abg) { return abg->abd; }\n",
		  UNIT_B);
	ck_assert_uint_eq(pair.n_shared, 1);
	ck_assert(hi_units_need(pair.new.units, pair.old.image));
	ck_assert(hi_units_move(pair.new.units, pair.old.image));
	ck_assert(!hi_units_need(pair.new.units, pair.old.image));
	build_done(&pair.old);
	memset(&pair.old, 0, sizeof(pair.old));
	build_open(&third,
		   compile(&pair.fx, compilers[_i], "3.so",
			   "long other(void) { return 1; }\n", UNIT_B),
		   pair.new.units);
	ck_assert_uint_eq(hi_units_count_shared(third.units, &n), 1);
	expect_entry(&third, "where");
	expect_entry(&third, "last");
	expect_entry(&pair.new, "where");
	build_done(&third);
	pair_done(&pair);
}
END_TEST

/* Their entries lead out of the unit, or stand in another file. */
START_TEST(what_cannot_be_carried_over_is_left_alone)
{
	static const char *const others[] = {
		"gcc -g -gz",
		"gcc -g -fdebug-types-section",
		"gcc -g -gsplit-dwarf",
		"clang -g -gdwarf-5",
		"gcc -g0",
	};
	struct hi_fixture fx;
	struct build build = { 0 };

	hi_fixture_init(&fx);
	build_open(&build, compile(&fx, others[_i], "l.so", "int a;\n", UNIT_B),
		   NULL);
	ck_assert_ptr_null(build.units);
	build_done(&build);
	hi_fixture_done(&fx);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("units");
	TCase *tcase = tcase_create("units");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, a_unit_that_only_moved_is_carried_over, 0,
			    N_COMPILERS);
	tcase_add_test(tcase,
		       a_unit_whose_bodies_and_lines_changed_is_carried_over);
	tcase_add_loop_test(tcase,
			    a_type_that_changed_behind_a_function_is_seen, 0,
			    N_COMPILERS);
	tcase_add_loop_test(tcase, a_member_that_moved_is_seen, 0, N_COMPILERS);
	tcase_add_loop_test(tcase, a_change_of_strings_alone_is_seen, 0,
			    N_COMPILERS);
	tcase_add_test(tcase, functions_that_changed_places_are_told_apart);
	tcase_add_loop_test(tcase, a_unit_comes_back_from_an_older_build, 0,
			    N_COMPILERS);
	tcase_add_loop_test(tcase,
			    units_may_outlive_the_image_that_they_come_from, 0,
			    N_COMPILERS);
	tcase_add_loop_test(tcase, what_cannot_be_carried_over_is_left_alone, 0,
			    5);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
