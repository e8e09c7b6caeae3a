/*
 * What the debug information says of results, against what the compiler's code does:
 * every function f_... is called with a room in rdi; it gives that back in rax when its
 * result is in memory, and the x87 stack tells the rest.
 */
#include <check.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/result.h"
#include "elfscan/symtab.h"
#include "tests/unit/fixture.h"

#define ROOM 4096

/* hi_test_call(function, room, &top): rax; top of the x87 stack */
__asm__(".text\n"
	".type hi_test_call, @function\n"
	"hi_test_call:\n"
	"	push %rbx\n"
	"	mov %rdx, %rbx\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	fninit\n"
	"	call *%rax\n"
	"	fnstsw (%rbx)\n"
	"	fninit\n"
	"	pop %rbx\n"
	"	ret\n"
	".size hi_test_call, . - hi_test_call\n");
void *hi_test_call(void *function, void *room, uint16_t *ret_status);

static const char *const c_compilers[] = {
	"gcc -w -g -O0 -gdwarf-4",
	"gcc -w -g -O2 -gdwarf-5",
	"gcc -w -g -O2 -gdwarf-2 -gstrict-dwarf",
	"gcc -w -g -O2 -flto -gdwarf-5",
	"gcc -w -g -O2 -fdebug-types-section",
	"gcc -w -g -O0 -gsplit-dwarf",
	"clang -w -g -O0 -gdwarf-5",
	"clang -w -g -O2 -gdwarf-4",
	"clang -w -g -O2 -gdwarf-4 -gsplit-dwarf",
	"clang -w -g -O0 -fdebug-types-section",
};
#define N_C (sizeof(c_compilers) / sizeof(*c_compilers))

static const char *const cplus_compilers[] = {
	"g++ -w -g -O0 -std=c++17 -gdwarf-4",
	"g++ -w -g -O2 -std=c++20 -gdwarf-5",
	"g++ -w -g -O2 -std=c++17 -fdebug-types-section",
	"clang++ -w -g -O0 -std=c++17 -gdwarf-5",
	"clang++ -w -g -O2 -std=c++20 -gdwarf-4",
	"clang++ -w -g -O0 -std=c++17 -fdebug-types-section",
};
#define N_CPLUS (sizeof(cplus_compilers) / sizeof(*cplus_compilers))

/* --- the truth ------------------------------------------------------------------ */

struct truth {
	struct hi_image *image;
	struct hi_symtab *symtab;
	struct hi_dies dies;
	void *library;
	size_t n, n_unknown;
};

static void truth_open(struct truth *truth, const char *path)
{
	struct hi_err err = { 0 };

	*truth = (struct truth){ 0 };
	ck_assert_msg(hi_image_open(path, &truth->image, &err) == 0 &&
			      hi_symtab_new(truth->image, &truth->symtab,
					    &err) == 0,
		      "%s", err.sentence);
	hi_dies_init(&truth->dies, truth->image, NULL);
	truth->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(truth->library, "%s", dlerror());
}

static void truth_done(struct truth *truth)
{
	dlclose(truth->library);
	hi_dies_done(&truth->dies);
	hi_symtab_free(truth->symtab);
	hi_image_free(truth->image);
}

static const char *name_kind(enum hi_result_kind kind)
{
	static const char *const names[] = { "registers", "x87", "x87 pair",
					     "memory", "unknown" };

	return names[kind];
}

static enum hi_result_kind get_truth(const struct truth *truth,
				     const char *name)
{
	void *function = dlsym(truth->library, name);
	uint16_t status = 0;
	void *room = calloc(1, ROOM), *rax;
	int depth;

	ck_assert_ptr_nonnull(function);
	rax = hi_test_call(function, room, &status);
	depth = (8 - (status >> 11 & 7)) & 7;
	free(room);
	ck_assert_int_le(depth, 2);
	if (rax == room)
		return HI_RESULT_MEMORY;
	return depth ? depth == 1 ? HI_RESULT_X87 : HI_RESULT_X87_PAIR :
		       HI_RESULT_REGISTERS;
}

static void expect_truth(struct truth *truth, const struct hi_symbol *symbol,
			 const char *what)
{
	struct hi_result result =
		hi_result_find(&truth->dies, symbol->addr_link);
	enum hi_result_kind kind = get_truth(truth, symbol->name);
	char size_name[256];
	const size_t *size;

	truth->n++;
	if (result.kind == HI_RESULT_UNKNOWN) {
		truth->n_unknown++;
		return;
	}
	ck_assert_msg(result.kind == kind, "%s: %s: %s, but it is %s", what,
		      symbol->name, name_kind(result.kind), name_kind(kind));
	snprintf(size_name, sizeof(size_name), "n_%s", symbol->name + 2);
	size = dlsym(truth->library, size_name);
	if (kind == HI_RESULT_MEMORY && size)
		ck_assert_msg(result.size == *size, "%s: %s: %zu bytes not %zu",
			      what, symbol->name, result.size, *size);
	if (kind != HI_RESULT_MEMORY)
		ck_assert_uint_eq(result.size, 0);
}

/* All functions f_...; how many of them are not known is left in TRUTH. */
static void expect_all(struct truth *truth, const char *path, const char *what)
{
	const struct hi_symbol *symbols;
	size_t n;

	truth_open(truth, path);
	symbols = hi_symtab_get_functions(truth->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if (!strncmp(symbols[i].name, "f_", 2) && symbols[i].exported)
			expect_truth(truth, &symbols[i], what);
	ck_assert_uint_gt(truth->n, 0);
	truth_done(truth);
}

/* --- C --------------------------------------------------------------------------- */

#define DEFINE                                                   \
	"#define F(name, ...) typedef __VA_ARGS__ t_##name;\\\n" \
	" const unsigned long n_##name = sizeof(t_##name);\\\n"  \
	" t_##name f_##name(void)"                               \
	" { static t_##name v; return v; }\n"

static const char c_source[] = DEFINE
	"#define PACKED __attribute__((packed))\n"
	"#define VECTOR(n) __attribute__((vector_size(n)))\n"
	"void f_void(void) {}\n"
	"F(int, int) F(bool, _Bool) F(pointer, void *)\n"
	"F(enum, enum { A, B })\n"
	"F(function, __typeof__(void (*)(int))) F(constant, const volatile long)\n"
	"F(chain, t_constant) F(float, float) F(double, double)\n"
	"F(longer, long double) F(longer_const, const t_longer)\n"
	"F(floats, _Complex float) F(doubles, _Complex double)\n"
	"F(longers, _Complex long double) F(ints, _Complex int)\n"
	"F(wide, __int128) F(unsigned_wide, unsigned __int128)\n"
	"F(quad, __float128) F(eight, int VECTOR(8))\n"
	"F(sixteen, float VECTOR(16)) F(chars, char VECTOR(16))\n"
	"F(s1, struct { char a; }) F(s8, struct { long a; })\n"
	"F(s9, struct { char a[9]; }) F(s16, struct { long a, b; })\n"
	"F(mixed, struct { long a; double b; })\n"
	"F(s17, struct { char a[17]; }) F(s24, struct { long a, b, c; })\n"
	"F(big, struct { int a[100]; })\n"
	"F(packed_far, struct { char a[3]; int b; } PACKED)\n"
	"F(packed_near, struct { int b; char a; } PACKED)\n"
	"F(packed_chars, struct { char a[3]; char b[4]; } PACKED)\n"
	"F(packed_double, struct { int a; double b; } PACKED)\n"
	"F(packed_list, struct { struct { int b; char a; } PACKED l[2]; })\n"
	"F(packed_bits, struct { char a; int b : 20; short c : 9; } PACKED)\n"
	"F(packed_vector, struct { float a VECTOR(8); char b; } PACKED)\n"
	"F(packed_floats, struct { int a; _Complex float b; } PACKED)\n"
	"F(packed_floats2, struct { short a; _Complex float b; } PACKED)\n"
	"F(bits, struct { int a : 3; long b : 40; int c : 30; })\n"
	"F(s_longer, struct { long double a; })\n"
	"F(s_s_longer, struct { struct { long double a; } b; })\n"
	"F(a_longer, struct { long double a[1]; })\n"
	"F(a2_longer, struct { long double a[2]; })\n"
	"F(longer_int, struct { long double a; int b; })\n"
	"F(u_longer, union { long double a; })\n"
	"F(u_longer_char, union { long double a; char b; })\n"
	"F(u_longer_double, union { long double a; double b; })\n"
	"F(u_longer_longer, union { long double a; struct { long double b;"
	" } c; })\n"
	"F(u_longer_empty, union { long double a; struct {} b; })\n"
	"F(u_longer_bits, union { long double a; int b : 3; })\n"
	"F(s_longers, struct { _Complex long double a; })\n"
	"F(s_quad, struct { __float128 a; })\n"
	"F(u_quad, union { __float128 a; int b; })\n"
	"F(s_wide, struct { __int128 a; })\n"
	"F(s_doubles, struct { _Complex double a; })\n"
	"F(s_floats, struct { float a; _Complex float b; })\n"
	"F(a_floats, struct { _Complex float a[2]; })\n"
	"F(s_sixteen, struct { float a VECTOR(16); })\n"
	"F(s_two_sixteen, struct { float a VECTOR(16), b VECTOR(16); })\n"
	"F(u_sixteen, union { float a VECTOR(16); int b; })\n"
	"F(empty, struct {}) F(zero, struct { int a[0]; })\n"
	"F(zero_longer, struct { long double a[0]; int b; })\n"
	"F(flexible, struct { int n; long double a[]; })\n"
	"F(flexible2, struct { int n; int a[]; })\n"
	"F(square, struct { short a[2][4]; })\n"
	"F(cube, struct { short a[2][4][2]; })\n"
	"F(u_int_float, union { int a; float b; })\n"
	"F(deep, struct { struct { t_int a; union { float b; enum { C } c;"
	" } d; } e; t_pointer p; })\n"
	"F(aligned, struct { __attribute__((aligned(16))) int a; })\n"
	"F(aligned2, struct { int a; __attribute__((aligned(32))) int b; })\n"
	"int f_old() { return 0; }\n"
	"static t_big hidden(void) { t_big v = { { 1 } }; return v; }\n"
	"t_big (*volatile keep)(void) = hidden;\n";

START_TEST(results_of_c_are_returned_as_they_are_said_to_be)
{
	struct hi_fixture fx;
	struct truth truth;

	hi_fixture_init(&fx);
	expect_all(&truth,
		   hi_fixture_library(&fx, "w.so", c_compilers[_i], c_source),
		   c_compilers[_i]);
	ck_assert_uint_ge(truth.n, 70);
	/* those with a quad inside */
	ck_assert_uint_eq(truth.n_unknown,
			  strstr(c_compilers[_i], "clang") ? 2 : 0);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(decimal_numbers_and_complex_quads_of_gcc)
{
	struct hi_fixture fx;
	struct truth truth;

	hi_fixture_init(&fx);
	expect_all(&truth,
		   hi_fixture_library(
			   &fx, "w.so", "gcc -w -g -O1",
			   DEFINE "F(d32, _Decimal32) F(d64, _Decimal64)\n"
				  "F(d128, _Decimal128)\n"
				  "F(s128, struct { _Decimal128 a; })\n"
				  "F(quads, _Complex _Float128)\n"
				  "F(extended, _Float64x) F(f80, __float80)\n"
				  "F(quad, _Float128) F(half, _Float16)\n"
				  "F(halves, _Complex _Float16)\n"
				  "F(extendeds, _Complex _Float64x)\n"),
		   "gcc");
	ck_assert_uint_eq(truth.n_unknown, 0);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(wide_vectors_are_in_registers)
{
	static const char *const compilers[] = { "gcc -w -g -mavx",
						 "clang -w -g -mavx" };
	struct hi_fixture fx;
	struct truth truth;

	if (!__builtin_cpu_supports("avx"))
		return;
	hi_fixture_init(&fx);
	expect_all(
		&truth,
		hi_fixture_library(
			&fx, "w.so", compilers[_i],
			DEFINE
			"typedef double wide __attribute__((vector_size(32)));\n"
			"F(wide, wide) F(s_wide, struct { wide a; })\n"
			"F(a_wide, struct { wide a[1]; })\n"
			"F(a2_wide, struct { wide a[2]; })\n"
			"F(u_wide, union { wide a; double b; })\n"
			"F(u_wide_long, union { wide a; long b[4]; })\n"
			"F(wide_like, struct { double a[4]; })\n"),
		compilers[_i]);
	/* two in a row, and a union with integers */
	ck_assert_uint_eq(truth.n_unknown, _i ? 2 : 0);
	hi_fixture_done(&fx);
}
END_TEST

/* --- anything ---------------------------------------------------------------------- */

#define N_RANDOM 250
#define N_SEEDS  1

static unsigned int next_random(uint64_t *state, unsigned int n)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return (unsigned int)(*state >> 33) % n;
}

static void write_member(FILE *out, uint64_t *seed, int number, int n_done)
{
	static const char *const types[] = {
		"char",
		"short",
		"int",
		"long",
		"float",
		"double",
		"long double",
		"_Complex float",
		"__int128",
		"void *",
		"_Complex double",
		"char",
		"short",
		"int",
		"float",
		"_Bool",
		"_Complex long double",
		"_Complex short",
	};
	unsigned int n = sizeof(types) / sizeof(*types);

	if (n_done && !next_random(seed, 4)) {
		fprintf(out, " t_r%u m%d", next_random(seed, n_done), number);
	} else if (!next_random(seed, 6)) {
		fprintf(out, " int m%d : %u;", number,
			1 + next_random(
				    seed,
				    31)); /* clang does not tell 32 from a plain int */
		return;
	} else {
		fprintf(out, " %s m%d", types[next_random(seed, n)], number);
	}
	if (!next_random(seed, 4))
		fprintf(out, "[%u]", next_random(seed, 4));
	fprintf(out, ";");
}

/* Structs and unions of anything, also of those before. */
static char *write_random(uint64_t seed)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(out);
	fprintf(out, "%s", DEFINE);
	for (int i = 0; i < N_RANDOM; i++) {
		unsigned int n = 1 + next_random(&seed, 4);

		fprintf(out, "F(r%d, %s {", i,
			next_random(&seed, 4) ? "struct" : "union");
		for (unsigned int k = 0; k < n; k++)
			write_member(out, &seed, (int)k, i);
		fprintf(out, " }%s)\n",
			next_random(&seed, 3) ? "" :
						" __attribute__((packed))");
	}
	fclose(out);
	return text;
}

START_TEST(random_structs_are_returned_as_they_are_said_to_be)
{
	static const char *const compilers[] = { "gcc -w -g -O1",
						 "clang -w -g -O1" };
	const char *compiler = compilers[_i % 2];
	struct hi_fixture fx;
	struct truth truth;
	char *source = write_random((uint64_t)_i / 2 + 1);

	hi_fixture_init(&fx);
	expect_all(&truth, hi_fixture_library(&fx, "w.so", compiler, source),
		   compiler);
	ck_assert_uint_eq(truth.n, N_RANDOM);
	ck_assert_uint_le(truth.n_unknown, N_RANDOM / 20);
	free(source);
	hi_fixture_done(&fx);
}
END_TEST

/* --- C++ -------------------------------------------------------------------------- */

static const char cplus_source[] =
	"#include <array>\n#include <complex>\n#include <functional>\n"
	"#include <memory>\n#include <optional>\n#include <string>\n"
	"#include <string_view>\n#include <tuple>\n#include <utility>\n"
	"#include <variant>\n#include <vector>\n"
	"#define F(name, ...) using t_##name = __VA_ARGS__;\\\n"
	" extern \"C\" { extern const unsigned long n_##name ="
	" sizeof(t_##name);\\\n"
	" t_##name f_##name() { return t_##name(); } }\n"
	"namespace one {\n"
	"struct plain { int a, b; };\n"
	"struct copied { copied() {} copied(const copied &o) : a(o.a) {}"
	" int a = 0; };\n"
	"struct moved { moved() {} moved(moved &&) {} int a = 0; };\n"
	"struct ended { ~ended() {} int a; };\n"
	"struct made { made(int = 0) {} int a; };\n"
	"struct same { same() = default; same(const same &) = default;"
	" same(same &&) = default; ~same() = default;"
	" same &operator=(const same &) { return *this; } int a; };\n"
	"struct late { late() {} late(const late &); int a; };\n"
	"late::late(const late &) = default;\n"
	"struct gone { gone() {} gone(const gone &) = delete; int a; };\n"
	"struct only_moved { only_moved() {} only_moved(const only_moved &) ="
	" delete; only_moved(only_moved &&) = default; int a; };\n"
	"struct assigned { assigned() {} assigned &operator=(assigned &&)"
	" { return *this; } int a; };\n"
	"struct other { other() {} other(const plain &) {} int a; };\n"
	"struct forward { forward() {} template <class T> forward(T &&) {}"
	" int a; };\n"
	"struct seen { virtual void look() {} };\n"
	"struct seen_later { virtual ~seen_later(); long a; };\n"
	"seen_later::~seen_later() {}\n"
	"struct derived : plain { int c; };\n"
	"struct derived_ended : ended { int c; };\n"
	"struct holds { ended a; };\n"
	"struct holds_list { copied a[2]; };\n"
	"struct base_virtual : virtual plain { };\n"
	"struct empty {};\n"
	"struct derived_empty : empty { long double a; };\n"
	"struct two_empty : empty { empty e; double d; };\n"
	"class hidden { public: hidden() {} static ended shared;"
	" static constexpr int size = 3; private: int a = 0; ended *p; };\n"
	"template <class T> struct box { T value; };\n"
	"template <class T> struct copied_box { copied_box() {}"
	" copied_box(const copied_box &) {} T value; };\n"
	"struct outer { struct inner; struct closed; };\n"
	"struct outer::inner { ended e; };\n"
	"struct outer::closed { int e; };\n"
	"}\n"
	"using namespace one;\n"
	"F(plain, plain) F(copied, copied) F(moved, moved) F(ended, ended)\n"
	"F(made, made) F(same, same) F(late, late) F(gone, gone)\n"
	"F(only_moved, only_moved) F(assigned, assigned) F(other, other)\n"
	"F(forward, forward) F(seen, seen) F(seen_later, seen_later)\n"
	"F(derived, derived) F(derived_ended, derived_ended)\n"
	"F(holds, holds) F(holds_list, holds_list)\n"
	"F(base_virtual, base_virtual) F(empty, empty)\n"
	"F(derived_empty, derived_empty) F(two_empty, two_empty)\n"
	"F(hidden, hidden) F(box, box<int>) F(box_ended, box<ended>)\n"
	"F(box_longer, box<long double>) F(copied_box, copied_box<int>)\n"
	"F(inner, outer::inner) F(closed, outer::closed)\n"
	"F(string, std::string) F(view, std::string_view)\n"
	"F(unique, std::unique_ptr<int>) F(shared, std::shared_ptr<int>)\n"
	"F(pair, std::pair<int, int>) F(pair_string, std::pair<std::string,"
	" int>) F(optional, std::optional<int>)\n"
	"F(optional_string, std::optional<std::string>)\n"
	"F(vector, std::vector<int>) F(function, std::function<void()>)\n"
	"F(tuple, std::tuple<int, char>) F(array, std::array<int, 4>)\n"
	"F(tuple_unique, std::tuple<std::unique_ptr<int>>)\n"
	"F(variant, std::variant<int, float>)\n"
	"F(complex, std::complex<float>)\n"
	"F(complex_longer, std::complex<long double>)\n"
	"F(allocator, std::allocator<int>)\n"
	"F(nothing, std::nullptr_t) F(member, int plain::*)\n"
	"F(method, void (plain::*)(int))\n"
	"F(s_method, box<void (plain::*)()>)\n"
	"extern \"C\" {\n"
	"plain kept, *kept_at = &kept; plain &f_reference() { return kept; }\n"
	"plain &&f_rvalue() { return static_cast<plain &&>(*++kept_at); }\n"
	"auto f_auto() { return 3; }\n"
	"auto f_auto_string() { return std::string(\"a\"); }\n"
	"auto f_lambda() { return [] { return 1; }; }\n"
	"auto f_lambda_string() { std::string s; return [s] { return 1; }; }\n"
	"void f_nothing_at_all() {}\n"
	"}\n"
	"namespace two { struct worker { worker(); ~worker(); std::string"
	" name() const; }; worker::worker() {} worker::~worker() {}\n"
	"std::string worker::name() const { return {}; } }\n"
	"namespace { struct unseen { ended e; }; }\n"
	"extern \"C\" unseen f_unseen() { return unseen(); }\n";

START_TEST(results_of_cplus_are_returned_as_they_are_said_to_be)
{
	struct hi_fixture fx;
	struct truth truth;

	hi_fixture_init(&fx);
	expect_all(&truth,
		   hi_fixture_library(&fx, "w.so", cplus_compilers[_i],
				      cplus_source),
		   cplus_compilers[_i]);
	ck_assert_uint_ge(truth.n, 58);
	ck_assert_uint_eq(truth.n_unknown, 0);
	hi_fixture_done(&fx);
}
END_TEST

/* --- what cannot be known --------------------------------------------------------- */

START_TEST(without_types_nothing_is_known)
{
	static const char *const nothing[] = { "gcc -w -g1", "g++ -w -g1",
					       "gcc -w", "clang -w -g1",
					       "clang -w -O2 -g1" };
	static const char source[] =
		"struct big { int a[9]; };\n"
		"struct big f_big(void) { struct big b = { 1 }; return b; }\n"
		"int f_int(int n) { return n; } void f_void(void) {}\n";

	for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++) {
		struct hi_fixture fx;
		struct truth truth;
		const struct hi_symbol *symbols;
		size_t n;

		hi_fixture_init(&fx);
		truth_open(&truth,
			   hi_fixture_library(&fx, "w.so", nothing[i], source));
		symbols = hi_symtab_get_functions(truth.symtab, &n);
		for (size_t k = 0; k < n; k++)
			ck_assert_int_eq(hi_result_get(truth.image,
						       symbols[k].addr_link)
						 .kind,
					 HI_RESULT_UNKNOWN);
		truth_done(&truth);
		hi_fixture_done(&fx);
	}
}
END_TEST

/* The definition of a class that clang puts where its constructor is. */
START_TEST(a_class_of_another_unit_is_found)
{
	struct hi_fixture fx;
	struct truth truth;

	hi_fixture_init(&fx);
	hi_fixture_write(
		&fx, "shape.h",
		"namespace one { struct shape { shape(); long a, b;"
		" ~shape(); }; struct small { small(); long a; }; }\n");
	hi_fixture_write(&fx, "a.cc",
			 "#include \"shape.h\"\n"
			 "extern \"C\" one::shape f_shape() { return {}; }\n"
			 "extern \"C\" one::small f_small() { return {}; }\n");
	hi_fixture_write(&fx, "b.cc",
			 "#include \"shape.h\"\n"
			 "one::shape::shape() {} one::shape::~shape() {}\n"
			 "one::small::small() {}\n");
	hi_fixture_run(&fx, "clang++ -w -g -fPIC -shared -o w.so a.cc b.cc");
	expect_all(&truth, hi_fixture_path(&fx, "w.so"), "two units");
	ck_assert_uint_eq(truth.n, 2);
	ck_assert_uint_eq(truth.n_unknown, 0);
	/* without the other unit there is no telling */
	hi_fixture_run(&fx, "clang++ -w -shared -fPIC -g -c a.cc &&"
			    " clang++ -w -fPIC -c b.cc &&"
			    " clang++ -shared -o v.so a.o b.o");
	expect_all(&truth, hi_fixture_path(&fx, "v.so"), "one unit");
	ck_assert_uint_eq(truth.n_unknown, 2);
	hi_fixture_done(&fx);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("result");
	TCase *tcase = tcase_create("result");

	tcase_add_loop_test(tcase,
			    results_of_c_are_returned_as_they_are_said_to_be, 0,
			    N_C);
	tcase_add_loop_test(tcase,
			    random_structs_are_returned_as_they_are_said_to_be,
			    0, N_SEEDS * 2);
	tcase_add_test(tcase, without_types_nothing_is_known);
	tcase_add_test(tcase, a_class_of_another_unit_is_found);
	tcase_add_test(tcase, decimal_numbers_and_complex_quads_of_gcc);
	tcase_add_loop_test(tcase, wide_vectors_are_in_registers, 0, 2);
	tcase_add_loop_test(
		tcase, results_of_cplus_are_returned_as_they_are_said_to_be, 0,
		N_CPLUS);
	tcase_set_timeout(tcase, 120);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
