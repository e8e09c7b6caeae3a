#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/abi.h"
#include "elfscan/units.h"
#include "tests/unit/fixture.h"

static const char *const c_compilers[] = {
	"gcc -g -O0 -gdwarf-4",   "gcc -g -O2 -gdwarf-5",
	"gcc -g -O2 -flto -gz",   "gcc -g -O0 -fdebug-types-section",
	"gcc -g -gsplit-dwarf",   "clang -g -O0 -gdwarf-4",
	"clang -g -O2 -gdwarf-5", "clang -g -gsplit-dwarf",
};
#define N_C_COMPILERS (sizeof(c_compilers) / sizeof(*c_compilers))

static const char *const cxx_compilers[] = {
	"g++ -g -O0 -gdwarf-4",
	"g++ -g -O2 -gdwarf-5",
	"clang++ -g -O0 -gdwarf-4",
	"clang++ -g -O2 -gdwarf-5",
};
#define N_CXX_COMPILERS (sizeof(cxx_compilers) / sizeof(*cxx_compilers))

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

/* The host of these tests uses everything but what is called "unused...". */
static bool is_used(void *context, const char *symbol)
{
	(void)context;
	return !strstr(symbol, "unused");
}

/* "kind symbol: text (where)\n" for each finding, "?" when not verified. */
static void find(const struct build *old, const struct build *new, char *text,
		 size_t size)
{
	struct hi_abi_findings findings;
	struct hi_err err;
	size_t len = 0;

	ck_assert_int_eq(hi_abi_compare(&old->facts, &new->facts, is_used, NULL,
					&findings, &err),
			 0);
	*text = '\0';
	for (size_t i = 0; i < findings.n; i++)
		len += snprintf(text + len, size - len, "%s %s: %s (%s)\n",
				findings.list[i].kind, findings.list[i].symbol,
				findings.list[i].text, findings.list[i].where);
	if (findings.could_not_verify)
		snprintf(text + len, size - len, "?");
	hi_abi_findings_done(&findings);
}

/* What is carried over from the old build must not change a word; the second
   time, what was remembered of entries is used. */
static void compare(const char *old_path, const char *new_path, char *text,
		    size_t size)
{
	const struct hi_units *before[1] = { NULL };
	struct build old, new;
	struct hi_err err;
	char again[4096];

	build_open(&old, old_path);
	build_open(&new, new_path);
	find(&old, &new, text, size);
	ck_assert_int_eq(hi_units_new(old.facts.image, old.symtab, before, 1,
				      &old.facts.units, &err),
			 0);
	before[0] = old.facts.units;
	ck_assert_int_eq(hi_units_new(new.facts.image, new.symtab, before, 1,
				      &new.facts.units, &err),
			 0);
	for (int i = 0; i < 2; i++) {
		find(&old, &new, again, sizeof(again));
		ck_assert_str_eq(again, text);
	}
	build_done(&old);
	build_done(&new);
}

static void expect(const char *compiler, const char *old_source,
		   const char *new_source, const char *expected)
{
	const char *old, *new;
	struct hi_fixture fx;
	char text[4096];

	hi_fixture_init(&fx);
	old = hi_fixture_library(&fx, "old.so", compiler, old_source);
	new = hi_fixture_library(&fx, "worker.so", compiler, new_source);
	compare(old, new, text, sizeof(text));
	ck_assert_msg(!strcmp(text, expected), "%s:\n%sin place of\n%s",
		      compiler, text, expected);
	hi_fixture_done(&fx);
}

static void expect_c(int at, const char *old_source, const char *new_source,
		     const char *expected)
{
	expect(c_compilers[at], old_source, new_source, expected);
}

START_TEST(another_parameter_type_is_found)
{
	expect_c(_i, "int update(int a, float dt) { return a + (int)dt; }\n",
		 "\nint update(int a, double dt) { return a + (int)dt; }\n",
		 "parameter-type update: parameter 2 changed from 'float' to "
		 "'double' (worker.c:2)\n");
}
END_TEST

START_TEST(a_pointer_in_place_of_an_integer_is_found)
{
	expect_c(_i, "int f(long a) { return a != 0; }\n",
		 "int f(const char *a) { return a != 0; }\n",
		 "parameter-type f: parameter 1 changed from 'long' to "
		 "'const char *' (worker.c:1)\n");
}
END_TEST

START_TEST(more_and_fewer_parameters_are_found)
{
	expect_c(_i,
		 "int f(int a) { return a; }\n"
		 "int g(int a, int b) { return a * b; }\n",
		 "int f(int a, int b) { return a - b; }\n"
		 "int g(void) { return 7; }\n",
		 "parameter-count f: took 1 parameter and now takes 2 "
		 "(worker.c:1)\n"
		 "parameter-count g: took 2 parameters and now takes 0 "
		 "(worker.c:2)\n");
}
END_TEST

START_TEST(another_return_type_is_found)
{
	expect_c(_i, "int f(int a) { return a; }\n",
		 "long f(int a) { return a; }\n",
		 "return-type f: returned 'int' and now returns 'long' "
		 "(worker.c:1)\n");
	expect_c(_i, "void f(int *a) { *a = 1; }\n",
		 "int *f(int *a) { *a = 1; return a; }\n",
		 "return-type f: returned 'void' and now returns 'int *' "
		 "(worker.c:1)\n");
}
END_TEST

START_TEST(a_struct_that_grew_is_found_where_it_is_passed_by_value)
{
	expect_c(_i,
		 "struct pos { float x, y; };\n"
		 "float f(struct pos p) { return p.x; }\n"
		 "float g(const struct pos *p) { return p->x + 1; }\n",
		 "struct pos { float x, y, z; };\n"
		 "float f(struct pos p) { return p.x; }\n"
		 "float g(const struct pos *p) { return p->x + 1; }\n",
		 "parameter-type f: parameter 1 changed: 'struct pos' grew "
		 "from 8 to 12 bytes (worker.c:2)\n");
}
END_TEST

START_TEST(a_moved_member_is_found_through_typedefs_and_nesting)
{
	expect_c(_i,
		 "typedef struct { int x, y; } point;\n"
		 "struct unit { int id; point at; };\n"
		 "int f(const struct unit u) { return u.at.y; }\n",
		 "typedef struct { int y, x; } point;\n"
		 "struct unit { int id; point at; };\n"
		 "int f(const struct unit u) { return u.at.y; }\n",
		 "parameter-type f: parameter 1 changed: 'const struct unit' "
		 "changed its layout: member at changed its layout: member x "
		 "moved from offset 0 to 4 (worker.c:3)\n");
}
END_TEST

START_TEST(a_typedef_that_leads_elsewhere_is_found)
{
	expect_c(_i, "typedef float real;\nreal f(real a) { return a; }\n",
		 "typedef double real;\nreal f(real a) { return a; }\n",
		 "parameter-type f: parameter 1 changed: 'real' changed from "
		 "'float' to 'double' (worker.c:2)\n"
		 "return-type f: returns 'real', which changed from 'float' to "
		 "'double' (worker.c:2)\n");
}
END_TEST

START_TEST(other_words_for_the_same_machine_types_are_no_difference)
{
	expect_c(_i,
		 "#include <stdint.h>\n"
		 "enum mode { A, B };\n"
		 "struct v { int x, y; };\n"
		 "int32_t f(const int32_t a, long b, enum mode m, struct v v)\n"
		 "{ return a + b + m + v.x; }\n"
		 "char *g(int (*call)(int), struct v *v) { return 0; }\n"
		 "static int only_here(int a) { return a; }\n"
		 "int h(int a[4]) { return only_here(a[1]); }\n",
		 "struct w { int left; int top; };\n"
		 "int f(int a, long long b, int m, struct w v)\n"
		 "{ return a + b + m + v.left; }\n"
		 "const void *g(void *call, const int *v) { return 0; }\n"
		 "static int only_here(double a) { return a; }\n"
		 "int h(const int *a) { return only_here(a[1]); }\n",
		 "");
}
END_TEST

START_TEST(a_symbol_that_is_gone_matters_when_the_host_uses_it)
{
	expect_c(
		_i,
		"int f(void) { return 1; }\nint unused_f(void) { return 2; }\n"
		"int v; int unused_v;\n",
		"static int f(void) { return 1; }\nint g(void) { return f(); }\n",
		"symbol-removed f: the host uses it and the new build does "
		"not define it ()\n"
		"symbol-removed v: the host uses it and the new build does "
		"not define it ()\n");
}
END_TEST

START_TEST(a_function_that_became_a_variable_is_found)
{
	expect_c(_i, "int f(void) { return 1; }\n", "int f = 3;\n",
		 "symbol-kind f: was a function and is now a variable "
		 "(worker.c:1)\n");
	/* libdw 0.188 cannot read gcc's expression for it */
	if (!strcmp(c_compilers[_i], "gcc -g -gsplit-dwarf"))
		return;
	expect_c(_i, "int v = 1;\n", "__thread int v = 1;\n",
		 "symbol-kind v: was a variable and is now a thread-local "
		 "variable (worker.c:1)\n");
}
END_TEST

START_TEST(a_variable_of_another_size_or_type_matters_when_it_is_used)
{
	expect_c(_i, "int a = 1; int unused_a = 1;\n",
		 "long a = 1; long unused_a = 1;\n",
		 "object-size a: changed from 4 to 8 bytes; the host has a "
		 "copy or knows the size (worker.c:1)\n");
	expect_c(_i, "int b = 1; int unused_b = 1;\n",
		 "float b = 1; float unused_b = 1;\n",
		 "variable-type b: changed from 'int' to 'float' "
		 "(worker.c:1)\n");
}
END_TEST

START_TEST(equal_functions_that_share_one_body_are_verified)
{
	expect_c(_i,
		 "int f(int a) { return a * 3 + 1; }\n"
		 "int g(int b) { return b * 3 + 1; }\n",
		 "int f(int a) { return a * 3 + 1; }\n"
		 "int g(unsigned b) { return b * 3 + 1; }\n",
		 "parameter-type g: parameter 1 changed from 'int' to "
		 "'unsigned int' (worker.c:2)\n");
}
END_TEST

#define CLASSES                                                          \
	"namespace game { struct Vec { float x, y; };\n"                 \
	"class Unit { public: virtual ~Unit(); virtual int move(Vec);\n" \
	"  int id; static int n; };\n"                                   \
	"int Unit::n; Unit::~Unit() {}\n"

START_TEST(methods_and_namespaces_are_compared)
{
	const char *compiler = cxx_compilers[_i];
	const char *old = CLASSES "int Unit::move(Vec v) { return v.x + id; }\n"
				  "long size(const Vec &v) { return v.x; } }\n";

	expect(compiler, old, old, "");
	expect(compiler, old,
	       CLASSES "int Unit::move(Vec v) { return v.x - id; }\n"
		       "int size(const Vec &v) { return v.x; } }\n",
	       "return-type _ZN4game4sizeERKNS_3VecE: returned 'long' and now "
	       "returns 'int' (worker.cc:6)\n");
	expect(compiler, old,
	       "namespace game { struct Vec { float x, y, z; };\n"
	       "class Unit { public: virtual ~Unit(); virtual int move(Vec);\n"
	       "  int id; static int n; };\n"
	       "int Unit::n; Unit::~Unit() {}\n"
	       "int Unit::move(Vec v) { return v.x + id; }\n"
	       "long size(const Vec &v) { return v.x; } }\n",
	       "parameter-type _ZN4game4Unit4moveENS_3VecE: parameter 2 "
	       "changed: 'game::Vec' grew from 8 to 12 bytes (worker.cc:5)\n");
}
END_TEST

START_TEST(without_debug_information_nothing_is_verified_nor_found)
{
	expect("gcc", "int f(int a) { return a; }\n",
	       "int f(float a) { return a; }\n", "?");
	expect("gcc -x assembler-with-cpp -g",
	       ".globl f\n.type f,@function\nf: ret\n.size f,.-f\n",
	       ".globl f\n.type f,@function\nf: ret\n.size f,.-f\n", "?");
}
END_TEST

START_TEST(a_separate_debug_file_serves)
{
	const char *old, *new;
	struct hi_fixture fx;
	char text[512];

	hi_fixture_init(&fx);
	old = hi_fixture_library(&fx, "old.so", "gcc -g",
				 "int f(int a) { return a; }\n");
	new = hi_fixture_library(&fx, "worker.so", "gcc -g",
				 "int f(float a) { return a; }\n");
	hi_fixture_run(&fx, "objcopy --only-keep-debug worker.so worker.debug "
			    "&& strip worker.so && objcopy "
			    "--add-gnu-debuglink=worker.debug worker.so");
	compare(old, new, text, sizeof(text));
	ck_assert_str_eq(text, "parameter-type f: parameter 1 changed from "
			       "'int' to 'float' (worker.c:1)\n");
	hi_fixture_run(&fx, "rm worker.debug");
	compare(old, new, text, sizeof(text));
	ck_assert_str_eq(text, "?");
	hi_fixture_done(&fx);
}
END_TEST

/* The offset of a section in the file. */
static void find_section(const char *path, const char *name,
			 GElf_Shdr *ret_shdr)
{
	struct hi_image *image;
	struct hi_err err;

	ck_assert_int_eq(hi_image_open(path, &image, &err), 0);
	ck_assert(hi_image_find_section(image, name, ret_shdr));
	hi_image_free(image);
}

START_TEST(damaged_debug_information_does_no_harm)
{
	static const char *const names[] = { ".debug_info", ".debug_abbrev",
					     ".debug_str", ".debug_line" };
	const char *old, *cut;
	struct hi_fixture fx;
	unsigned char *bytes;
	unsigned int seed = 1;
	char text[8192];
	GElf_Shdr shdr;
	size_t len;

	hi_fixture_init(&fx);
	old = hi_fixture_library(&fx, "old.so", "g++ -g -O2",
				 CLASSES
				 "int Unit::move(Vec v) { return v.x; } }\n");
	bytes = hi_fixture_read(old, &len);
	for (int i = 0; i < 200; i++) {
		unsigned char *damaged = malloc(len);

		memcpy(damaged, bytes, len);
		find_section(old, names[i % 4], &shdr);
		for (int j = 0; j < 4; j++)
			damaged[shdr.sh_offset + rand_r(&seed) % shdr.sh_size] =
				rand_r(&seed);
		cut = hi_fixture_write_bytes(&fx, "cut.so", damaged, len);
		compare(old, cut, text, sizeof(text));
		compare(cut, old, text, sizeof(text));
		free(damaged);
	}
	find_section(old, ".debug_info", &shdr);
	memset(bytes + shdr.sh_offset, 0xff, shdr.sh_size);
	cut = hi_fixture_write_bytes(&fx, "cut.so", bytes, len);
	compare(old, cut, text, sizeof(text));
	ck_assert_str_eq(text, "?");
	free(bytes);
	hi_fixture_done(&fx);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("abi");
	TCase *c = tcase_create("c"), *cxx = tcase_create("c++");
	TCase *files = tcase_create("files");

	tcase_add_loop_test(c, another_parameter_type_is_found, 0,
			    N_C_COMPILERS);
	tcase_add_loop_test(c, a_pointer_in_place_of_an_integer_is_found, 0,
			    N_C_COMPILERS);
	tcase_add_loop_test(c, more_and_fewer_parameters_are_found, 0,
			    N_C_COMPILERS);
	tcase_add_loop_test(c, another_return_type_is_found, 0, N_C_COMPILERS);
	tcase_add_loop_test(
		c, a_struct_that_grew_is_found_where_it_is_passed_by_value, 0,
		N_C_COMPILERS);
	tcase_add_loop_test(
		c, a_moved_member_is_found_through_typedefs_and_nesting, 0,
		N_C_COMPILERS);
	tcase_add_loop_test(c, a_typedef_that_leads_elsewhere_is_found, 0,
			    N_C_COMPILERS);
	tcase_add_loop_test(
		c, other_words_for_the_same_machine_types_are_no_difference, 0,
		N_C_COMPILERS);
	tcase_add_loop_test(c,
			    a_symbol_that_is_gone_matters_when_the_host_uses_it,
			    0, N_C_COMPILERS);
	tcase_add_loop_test(c, a_function_that_became_a_variable_is_found, 0,
			    N_C_COMPILERS);
	tcase_add_loop_test(
		c, a_variable_of_another_size_or_type_matters_when_it_is_used,
		0, N_C_COMPILERS);
	tcase_add_loop_test(c, equal_functions_that_share_one_body_are_verified,
			    0, N_C_COMPILERS);
	tcase_add_loop_test(cxx, methods_and_namespaces_are_compared, 0,
			    N_CXX_COMPILERS);
	tcase_add_test(files,
		       without_debug_information_nothing_is_verified_nor_found);
	tcase_add_test(files, a_separate_debug_file_serves);
	tcase_add_test(files, damaged_debug_information_does_no_harm);
	tcase_set_timeout(c, 60);
	tcase_set_timeout(cxx, 60);
	tcase_set_timeout(files, 60);
	suite_add_tcase(suite, c);
	suite_add_tcase(suite, cxx);
	suite_add_tcase(suite, files);
	return hi_fixture_main(suite);
}
