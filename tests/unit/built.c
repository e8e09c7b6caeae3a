#include "tests/unit/built.h"

#include <string.h>

struct hi_built hi_built_open(const char *path)
{
	struct hi_err err = { .sentence = "" };
	struct hi_built build;

	ck_assert_msg(!hi_image_open(path, &build.image, &err), "%s",
		      err.sentence);
	ck_assert_msg(!hi_symtab_new(build.image, &build.symtab, &err), "%s",
		      err.sentence);
	return build;
}

void hi_built_close(struct hi_built *build)
{
	hi_symtab_free(build->symtab);
	hi_image_free(build->image);
}

struct hi_built hi_built_compile(struct hi_fixture *fx, const char *name,
				 const char *compiler, const char *source)
{
	return hi_built_open(hi_fixture_library(fx, name, compiler, source));
}

const struct hi_symbol *hi_built_find(const struct hi_built *build,
				      const char *name)
{
	const struct hi_symbol *found = NULL;

	for (int kind = 0; kind < 2; kind++) {
		const struct hi_symbol *symbols;
		size_t n;

		symbols = kind ? hi_symtab_get_variables(build->symtab, &n) :
				 hi_symtab_get_functions(build->symtab, &n);
		for (size_t i = 0; i < n; i++) {
			if (strcmp(symbols[i].name, name) != 0)
				continue;
			ck_assert_msg(!found, "%s is there twice", name);
			found = &symbols[i];
		}
	}
	return found;
}

const struct hi_symbol *hi_built_get(const struct hi_built *build,
				     const char *name)
{
	const struct hi_symbol *found = hi_built_find(build, name);

	ck_assert_msg(found, "no symbol %s", name);
	return found;
}

const struct hi_symbol *hi_built_same(const struct hi_built *in,
				      const struct hi_built *from,
				      const struct hi_symbol *symbol,
				      bool *ret_ambiguous)
{
	return hi_symtab_find_same(in->symtab, from->symtab, symbol,
				   ret_ambiguous);
}

void hi_built_assert_same(const struct hi_built *in,
			  const struct hi_built *from, const char *name,
			  const char *expected)
{
	const struct hi_symbol *found;
	bool ambiguous;

	found = hi_built_same(in, from, hi_built_get(from, name), &ambiguous);
	ck_assert_msg(found, "nothing is the same as %s", name);
	ck_assert_str_eq(found->name, expected);
	ck_assert(!ambiguous);
}

void hi_built_assert_none(const struct hi_built *in,
			  const struct hi_built *from, const char *name,
			  bool expected_ambiguous)
{
	bool ambiguous = !expected_ambiguous;

	ck_assert_ptr_null(
		hi_built_same(in, from, hi_built_get(from, name), &ambiguous));
	ck_assert_int_eq(ambiguous, expected_ambiguous);
}
