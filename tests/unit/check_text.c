#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/prologue.h"
#include "elfscan/sites.h"
#include "elfscan/text.h"
#include "tests/unit/fixture.h"

static const char *const compilers[] = {
	"gcc -O0 -ffunction-sections",
	"gcc -O2 -fcf-protection",
	"clang -O1",
};
#define N_COMPILERS (sizeof(compilers) / sizeof(*compilers))

struct build {
	struct hi_image *image;
	struct hi_symtab *symtab;
	struct hi_text *text;
};

static void build_open(struct build *build, const char *path,
		       const struct hi_text *before)
{
	struct hi_err err = { 0 };

	ck_assert_msg(hi_image_open(path, &build->image, &err) == 0 &&
			      hi_symtab_new(build->image, &build->symtab,
					    &err) == 0 &&
			      hi_text_new(build->image, build->symtab, before,
					  &build->text, &err) == 0,
		      "%s", err.sentence);
}

static void build_done(struct build *build)
{
	hi_text_free(build->text);
	hi_symtab_free(build->symtab);
	hi_image_free(build->image);
}

/* All that is made of a text: one that was carried over must give the same. */
static void assert_same_text(const struct build *build,
			     const struct hi_text *fresh)
{
	const struct hi_text *text = build->text;
	struct hi_prologue *prologues, *fresh_prologues;
	struct hi_sites sites, fresh_sites;
	struct hi_reloc *relocs;
	struct hi_err err;
	size_t n;

	ck_assert_uint_eq(text->n_regions, fresh->n_regions);
	ck_assert_uint_eq(text->n_fields, fresh->n_fields);
	for (size_t i = 0; i < text->n_fields; i++)
		ck_assert_mem_eq(&text->fields[i], &fresh->fields[i],
				 sizeof(text->fields[i]));
	for (size_t i = 0; i < text->n_regions; i++)
		ck_assert_mem_eq(&text->parts[i], &fresh->parts[i],
				 sizeof(text->parts[i]));
	ck_assert_int_eq(hi_reloc_read(build->image, &relocs, &n, &err), 0);
	ck_assert_int_eq(hi_sites_find(text, relocs, n, &sites, &err), 0);
	ck_assert_int_eq(hi_sites_find(fresh, relocs, n, &fresh_sites, &err),
			 0);
	ck_assert_uint_eq(sites.n_sites, fresh_sites.n_sites);
	ck_assert_mem_eq(sites.sites, fresh_sites.sites,
			 sites.n_sites * sizeof(*sites.sites));
	ck_assert_int_eq(
		hi_prologue_check_all(text, relocs, n, &prologues, &err), 0);
	ck_assert_int_eq(hi_prologue_check_all(fresh, relocs, n,
					       &fresh_prologues, &err),
			 0);
	hi_symtab_get_functions(build->symtab, &n);
	ck_assert_mem_eq(prologues, fresh_prologues, n * sizeof(*prologues));
	free(prologues);
	free(fresh_prologues);
	hi_sites_done(&sites);
	hi_sites_done(&fresh_sites);
	free(relocs);
}

/* How many regions with code in them were decoded for the second source. */
static size_t carry(const char *compiler, const char *old_source,
		    const char *new_source, size_t *ret_n)
{
	struct build old, new, fresh;
	struct hi_fixture fx;
	const char *path;
	size_t n_decoded;

	hi_fixture_init(&fx);
	build_open(&old,
		   hi_fixture_library(&fx, "old.so", compiler, old_source),
		   NULL);
	path = hi_fixture_library(&fx, "new.so", compiler, new_source);
	build_open(&new, path, old.text);
	build_open(&fresh, path, NULL);
	fresh.text->symtab = new.symtab;
	for (size_t i = 0; i < fresh.text->n_regions; i++)
		fresh.text->regions[i] = new.text->regions[i];
	assert_same_text(&new, fresh.text);
	n_decoded = new.text->n_decoded;
	*ret_n = fresh.text->n_decoded;
	build_done(&fresh);
	build_done(&new);
	build_done(&old);
	hi_fixture_done(&fx);
	return n_decoded;
}

#define LIBRARY                                                            \
	"int count = 1, other = 2; static int hidden = 3;\n"               \
	"int leaf(int a) { hidden += a; return a * 3 + count; }\n"         \
	"int loop(int n) { int s = 0; while (n-- > 0) s += leaf(s);\n"     \
	"  return s + other; }\n"                                          \
	"int (*get(void))(int) { return loop; }\n"                         \
	"int pick(int a) { switch (a) { case 1: return leaf(a);\n"         \
	"  case 2: return loop(4); case 3: return count; case 4: return\n" \
	"  other; case 5: return hidden; case 6: return leaf(other);\n"    \
	"  default: return 0; } }\n"

START_TEST(what_only_moved_is_not_decoded_again)
{
	size_t n, n_decoded;

	n_decoded = carry(compilers[_i], LIBRARY,
			  "double more(double a) { return a * 3 + 1; }\n"
			  "long most(long a, long b) { while (a < b) a *= b;\n"
			  "  return a - b; }\n" LIBRARY,
			  &n);
	/* what was added, and gaps */
	ck_assert_uint_gt(n_decoded, 0);
	ck_assert_uint_lt(n_decoded + 4, n);
}
END_TEST

START_TEST(what_is_equal_is_not_decoded_again)
{
	size_t n;

	ck_assert_uint_eq(carry(compilers[_i], LIBRARY, LIBRARY, &n), 0);
	ck_assert_uint_gt(n, 4);
}
END_TEST

START_TEST(a_changed_body_is_decoded)
{
	size_t n;

	ck_assert_uint_eq(carry(compilers[_i],
				LIBRARY "int end(int a) { return a ^ 5; }",
				LIBRARY "int end(int a) { return a ^ 6; }", &n),
			  1);
}
END_TEST

/* Equal bytes but for a field: the site must lead to where it leads now. */
START_TEST(a_field_that_leads_elsewhere_is_followed)
{
	static const char *const sources[] = {
		"static int a = 1, b = 2; int *keep(void) { return &b; }\n"
		"int *keep_a(void) { return &a; }\n"
		"int get(void) { return a; }\n",
		"static int a = 1, b = 2; int *keep(void) { return &b; }\n"
		"int *keep_a(void) { return &a; }\n"
		"int get(void) { return b; }\n",
	};
	struct build old, new;
	struct hi_fixture fx;
	struct hi_sites sites;
	struct hi_reloc *relocs;
	struct hi_err err;
	const struct hi_symbol *symbol = NULL;
	size_t n, n_found = 0;

	hi_fixture_init(&fx);
	build_open(&old,
		   hi_fixture_library(&fx, "old.so", compilers[_i], sources[0]),
		   NULL);
	build_open(&new,
		   hi_fixture_library(&fx, "new.so", compilers[_i], sources[1]),
		   old.text);
	ck_assert_uint_eq(new.text->n_decoded, 0);
	ck_assert_int_eq(hi_reloc_read(new.image, &relocs, &n, &err), 0);
	ck_assert_int_eq(hi_sites_find(new.text, relocs, n, &sites, &err), 0);
	for (size_t i = 0; i < sites.n_sites; i++) {
		if (!sites.sites[i].function ||
		    strcmp(sites.sites[i].function->name, "get") != 0)
			continue;
		symbol = hi_symtab_find_variable_at(new.symtab,
						    sites.sites[i].target_link);
		n_found++;
	}
	ck_assert_uint_eq(n_found, 1);
	ck_assert_str_eq(symbol ? symbol->name : "", "b");
	hi_sites_done(&sites);
	free(relocs);
	build_done(&new);
	build_done(&old);
	hi_fixture_done(&fx);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("text");
	TCase *tcase = tcase_create("text");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, what_only_moved_is_not_decoded_again, 0,
			    N_COMPILERS);
	tcase_add_loop_test(tcase, what_is_equal_is_not_decoded_again, 0,
			    N_COMPILERS);
	tcase_add_loop_test(tcase, a_changed_body_is_decoded, 0, N_COMPILERS);
	tcase_add_loop_test(tcase, a_field_that_leads_elsewhere_is_followed, 0,
			    N_COMPILERS);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
