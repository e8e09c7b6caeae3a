#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/sites.h"
#include "tests/unit/fixture.h"

static const char *const compilers[] = { "gcc -O0",  "gcc -O2",   "gcc -Os",
					 "gcc -O3",  "clang -O0", "clang -O2",
					 "clang -Os" };
#define N_COMPILERS (sizeof(compilers) / sizeof(*compilers))

struct searched {
	struct hi_image *image;
	struct hi_symtab *symtab;
	struct hi_reloc *relocs;
	size_t n_relocs;
	struct hi_text *text;
	struct hi_sites sites;
};

static void search(struct searched *s, const char *path)
{
	struct hi_err err = { 0 };

	memset(s, 0, sizeof(*s));
	ck_assert_msg(hi_image_open(path, &s->image, &err) == 0 &&
			      hi_symtab_new(s->image, &s->symtab, &err) == 0 &&
			      hi_reloc_read(s->image, &s->relocs, &s->n_relocs,
					    &err) == 0 &&
			      hi_text_new(s->image, s->symtab, NULL, &s->text,
					  &err) == 0 &&
			      hi_sites_find(s->text, s->relocs, s->n_relocs,
					    &s->sites, &err) == 0,
		      "%s", err.sentence);
}

static void searched_done(struct searched *s)
{
	hi_sites_done(&s->sites);
	hi_text_free(s->text);
	free(s->relocs);
	hi_symtab_free(s->symtab);
	hi_image_free(s->image);
}

static uint64_t variable_addr(const struct searched *s, const char *base)
{
	size_t n;
	const struct hi_symbol *all = hi_symtab_get_variables(s->symtab, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].base, base))
			return all[i].addr_link;
	ck_abort_msg("no variable %s", base);
	return 0;
}

static size_t count(const struct searched *s, enum hi_site_kind kind,
		    uint64_t target)
{
	size_t n = 0;

	for (size_t i = 0; i < s->sites.n_sites; i++)
		n += s->sites.sites[i].kind == kind &&
		     s->sites.sites[i].target_link == target;
	return n;
}

/* Both ways to search must find the same; the linker's is the truth. */
static void assert_same_both_ways(const char *compiler, const char *source)
{
	struct hi_fixture fx;
	struct searched exact, scan;
	char command[128];
	const char *path;

	hi_fixture_init(&fx);
	path = hi_fixture_library(&fx, "scan.so", compiler, source);
	search(&scan, path);
	snprintf(command, sizeof(command), "%s -Wl,--emit-relocs", compiler);
	path = hi_fixture_library(&fx, "exact.so", command, source);
	search(&exact, path);
	ck_assert(exact.sites.exact);
	ck_assert(!scan.sites.exact);
	ck_assert_uint_eq(scan.sites.n_unproven, 0);
	for (size_t i = 0; i < exact.sites.n_sites; i++) {
		const struct hi_site *a = &exact.sites.sites[i];
		const struct hi_site *b = &scan.sites.sites[i];

		ck_assert_msg(i < scan.sites.n_sites &&
				      a->place_link == b->place_link &&
				      a->next_link == b->next_link &&
				      a->target_link == b->target_link &&
				      a->kind == b->kind,
			      "%s: site %zu at %#lx kind %d not found "
			      "(%#lx kind %d instead)",
			      compiler, i, (long)a->place_link, a->kind,
			      (long)b->place_link, b->kind);
		ck_assert_msg(!b->ambiguous, "%s: %#lx is ambiguous", compiler,
			      (long)b->place_link);
		ck_assert(a->kind != HI_SITE_TLS || b->base_place_link);
		ck_assert_ptr_nonnull(b->function);
	}
	ck_assert_uint_eq(exact.sites.n_sites, scan.sites.n_sites);
	/* without optimization gcc takes the general model for statics too */
	ck_assert(scan.sites.n_sites || !strncmp(compiler, "gcc -O0", 7));
	searched_done(&scan);
	searched_done(&exact);
	hi_fixture_done(&fx);
}

static const char state_source[] =
	"#include <string.h>\n"
	"static int counter; static long table[100] = { 1 };\n"
	"static short narrow; static char byte; double ratio = 1.5;\n"
	"static struct { int a, b[8]; char text[64]; } box = { 3 };\n"
	"static int less(const void *a, const void *b)"
	"{ return *(int *)a - *(int *)b; }\n"
	"void *keep; extern void sort(void *, int (*)(const void *,"
	" const void *)) __attribute__((weak));\n"
	"int update(int a) {\n"
	"	counter += a; narrow = 7; byte = 1; counter = 70000;\n"
	"	for (int i = 0; i < 100; i++) table[i] += i;\n"
	"	memset(box.text, a, sizeof(box.text));\n"
	"	box.b[a & 7]++; ratio *= 1.25; keep = &box;\n"
	"	if (sort) sort(box.b, less);\n"
	"	return counter + (int)table[a & 63] + strlen(box.text);\n"
	"}\n"
	"long total(void) { long sum = 0; const long *p;"
	" for (p = table; p < table + 100; p++) sum += *p; return sum; }\n"
	"void *where(int i) { return i ? (void *)&counter : (void *)&narrow;"
	" }\n"
	"int *set(int v) { static int last; counter = v; narrow = v;"
	" byte = v; last = counter > 3; return &last; }\n";

START_TEST(operands_that_name_state_are_found_exactly)
{
	assert_same_both_ways(compilers[_i], state_source);
}
END_TEST

static const char tls_source[] =
	"static __thread int first = 1; static __thread int second;\n"
	"static __thread char text[200]; static __thread long far = 5;\n"
	"static __thread int list[40]; static __thread short tail;\n"
	"extern void out(void *, int);\n"
	"int update(int a) {\n"
	"	first += a; second ^= first; far += second; tail = a;\n"
	"	return first + second + (int)far + text[a & 127];\n"
	"}\n"
	"void touch(int a) {\n"
	"	for (int i = 0; i < a; i++) { list[i] += i; out(&list[i], i);\n"
	"		far++; if (list[i] > 3) { tail++; second = tail; } }\n"
	"	switch (a) { case 0: out(&first, 0); break;\n"
	"	case 1: out(&far, tail); break; case 2: out(text, 9); break;\n"
	"	case 3: out(&tail, second); break; case 4: second++; break;\n"
	"	case 5: out(list, 1); far--; break; }\n"
	"	out(&second, tail);\n"
	"}\n"
	"char *get(int i) { text[i] = 'a'; return &text[i]; }\n"
	"struct big { char pad[300]; int x; };\n"
	"int mix(struct big *b) { b->x += far; far = b->x + tail;"
	" return b->x + list[b->x & 31]; }\n"
	"extern void rare(int) __attribute__((cold));\n"
	"extern int work(int);\n"
	"int split(int a) { first += a; far += work(a);\n"
	"	if (__builtin_expect(a == 7, 0)) { rare(1); far = work(2) + a;\n"
	"		rare(far); first = 3; }\n"
	"	return first + text[a] + far; }\n";

START_TEST(offsets_of_thread_locals_are_found_exactly)
{
	assert_same_both_ways(compilers[_i], tls_source);
}
END_TEST

START_TEST(offsets_are_found_without_a_plt)
{
	char compiler[64];

	snprintf(compiler, sizeof(compiler), "%s -fno-plt", compilers[_i]);
	assert_same_both_ways(compiler, tls_source);
}
END_TEST

START_TEST(a_function_whose_address_is_taken_is_found)
{
	struct hi_fixture fx;
	struct searched s;
	const struct hi_symbol *function;
	size_t n;

	hi_fixture_init(&fx);
	search(&s,
	       hi_fixture_library(&fx, "libworker.so", "gcc -O2",
				  "static int cb(int a) { return a + 3; }\n"
				  "extern void set(int (*)(int));\n"
				  "void start(void) { set(cb); }\n"
				  "int (*get(void))(int) { return cb; }\n"));
	function = hi_symtab_get_functions(s.symtab, &n);
	while (strcmp(function->name, "cb"))
		function++;
	ck_assert_uint_eq(count(&s, HI_SITE_FUNCTION, function->addr_link), 2);
	ck_assert_uint_eq(s.sites.n_sites, 2);
	searched_done(&s);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(read_only_data_and_the_got_are_no_state)
{
	struct hi_fixture fx;
	struct searched s;

	hi_fixture_init(&fx);
	search(&s,
	       hi_fixture_library(
		       &fx, "libworker.so", "gcc -O2",
		       "#include <stdio.h>\n"
		       "static const int table[] = { 4, 5, 6, 7 };\n"
		       "static const char *const names[] = {\"a\", \"b\"};\n"
		       "int state;\n"
		       "int update(int a) { puts(names[a]); puts(\"x\");"
		       " return table[a] + state; }\n"));
	ck_assert_uint_eq(s.sites.n_sites, 0);
	ck_assert_uint_eq(s.sites.n_unproven, 0);
	searched_done(&s);
	hi_fixture_done(&fx);
}
END_TEST

/* An index that is folded into an address: the compiler's lea, or one by hand. */
#define FAR(name, distance, use)                                      \
	"int " name "(long i) { int *p; __asm__(\"lea table" distance \
	"(%%rip), %0\" : \"=r\"(p)); " use " }\n"

static void find_outside(const char *name, const char *body, size_t n,
			 bool constant)
{
	struct hi_fixture fx;
	struct searched s;
	char source[1000];

	snprintf(source, sizeof(source),
		 "static __attribute__((used)) int table[64] = { 1 };\n"
		 "const int big[20000] = { 1 };\n%s",
		 body);
	hi_fixture_init(&fx);
	search(&s,
	       hi_fixture_library(&fx, "libworker.so",
				  "gcc -O2 -Wl,-z,noseparate-code", source));
	ck_assert_msg(s.sites.n_sites == n, "%s: %zu sites", name,
		      s.sites.n_sites);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(s.sites.sites[i].outside &&
				      s.sites.sites[i].constant == constant,
			      "%s", name);
	searched_done(&s);
	hi_fixture_done(&fx);
}

START_TEST(an_address_that_is_no_variable_s_is_found_where_it_is_indexed)
{
	find_outside("the compiler's own",
		     "void f(int a, int b) {"
		     " for (; a < b; a++) table[a - 100000] = a; }\n",
		     1, false);
	find_outside("before the file", FAR("f", "-400000", "return p[i];"), 1,
		     false);
	find_outside("behind it", FAR("f", "+400000", "return p[i];"), 1,
		     false);
	find_outside("written where constants are",
		     FAR("f", "-40000", "return p[i] = 1;"), 1, true);
	find_outside("read where constants are",
		     FAR("f", "-40000", "return p[i];"), 0, true);
}
END_TEST
START_TEST(exact_sites_lie_outside_as_well)
{
	struct hi_fixture fx;
	struct searched s;

	hi_fixture_init(&fx);
	search(&s, hi_fixture_library(
			   &fx, "libworker.so", "gcc -O2 -Wl,--emit-relocs",
			   "static __attribute__((used)) int table[64] ="
			   " { 1 };\n"
			   "void f(int a, int b) {"
			   " for (; a < b; a++) table[a - 1900] = a; }\n"));
	ck_assert(s.sites.exact);
	ck_assert_uint_eq(s.sites.n_sites, 1);
	ck_assert(s.sites.sites[0].outside);
	searched_done(&s);
	hi_fixture_done(&fx);
}
END_TEST
START_TEST(general_dynamic_thread_locals_are_no_sites)
{
	struct hi_fixture fx;
	struct searched s;

	hi_fixture_init(&fx);
	search(&s, hi_fixture_library(
			   &fx, "libworker.so",
			   "gcc -O2 -ftls-model=global-dynamic",
			   "__thread int shared __attribute__((visibility("
			   "\"hidden\"), tls_model(\"global-dynamic\")));\n"
			   "int update(int a) { return shared += a; }\n"));
	ck_assert_uint_eq(s.sites.n_sites, 0);
	searched_done(&s);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_function_that_does_not_decode_is_unproven)
{
	struct hi_fixture fx;
	struct searched s;

	hi_fixture_init(&fx);
	search(&s, hi_fixture_library(
			   &fx, "libworker.so", "gcc -O2",
			   "static int counter __attribute__((used));\n"
			   "__asm__(\".globl odd\\n.type odd,@function\\n"
			   "odd: mov counter(%rip),%eax\\nret\\n"
			   ".byte 6,6,6,6\\n.size odd,.-odd\\n\");\n"
			   "int fine(int a) { return counter += a; }\n"));
	ck_assert_uint_eq(s.sites.n_unproven, 1);
	ck_assert_str_eq(s.sites.unproven[0].function->name, "odd");
	ck_assert_str_eq(s.sites.unproven[0].reason,
			 "not all of it decodes as instructions");
	ck_assert_uint_eq(s.sites.unproven[0].target_link,
			  variable_addr(&s, "counter"));
	ck_assert_uint_gt(s.sites.n_sites, 0);
	for (size_t i = 0; i < s.sites.n_sites; i++)
		ck_assert_str_eq(s.sites.sites[i].function->name, "fine");
	searched_done(&s);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_stripped_library_gives_the_same_sites)
{
	struct hi_fixture fx;
	struct searched whole, stripped;
	const char *path;
	size_t n = 0;

	hi_fixture_init(&fx);
	path = hi_fixture_library(&fx, "libworker.so", "gcc -O2", state_source);
	search(&whole, path);
	hi_fixture_run(&fx, "strip -o bare.so libworker.so");
	search(&stripped, hi_fixture_path(&fx, "bare.so"));
	ck_assert_uint_eq(stripped.sites.n_unproven, 0);
	for (size_t i = 0; i < stripped.sites.n_sites; i++) {
		while (n < whole.sites.n_sites &&
		       whole.sites.sites[n].kind == HI_SITE_FUNCTION)
			n++;
		ck_assert_uint_lt(n, whole.sites.n_sites);
		ck_assert_uint_eq(stripped.sites.sites[i].place_link,
				  whole.sites.sites[n++].place_link);
	}
	ck_assert_uint_gt(n, 5);
	searched_done(&stripped);
	searched_done(&whole);
	hi_fixture_done(&fx);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sites");
	TCase *tcase = tcase_create("sites");

	tcase_add_loop_test(tcase, operands_that_name_state_are_found_exactly,
			    0, N_COMPILERS);
	tcase_add_loop_test(tcase, offsets_of_thread_locals_are_found_exactly,
			    0, N_COMPILERS);
	tcase_add_loop_test(tcase, offsets_are_found_without_a_plt, 0,
			    N_COMPILERS);
	tcase_add_test(tcase, a_function_whose_address_is_taken_is_found);
	tcase_add_test(tcase, read_only_data_and_the_got_are_no_state);
	tcase_add_test(tcase, exact_sites_lie_outside_as_well);
	tcase_add_test(
		tcase,
		an_address_that_is_no_variable_s_is_found_where_it_is_indexed);
	tcase_add_test(tcase, general_dynamic_thread_locals_are_no_sites);
	tcase_add_test(tcase, a_function_that_does_not_decode_is_unproven);
	tcase_add_test(tcase, a_stripped_library_gives_the_same_sites);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
