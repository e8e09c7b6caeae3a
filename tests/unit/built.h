/*
 * built - a library that a test has compiled, and its symbols.
 *
 * Ownership: hi_built_open() and hi_built_compile() give a value that hi_built_close()
 *            ends; symbols live as long as it.
 * Errors:    whatever fails here fails the test.
 */
#ifndef HI_TESTS_UNIT_BUILT_H
#define HI_TESTS_UNIT_BUILT_H

#include <stdbool.h>

#include "elfscan/symtab.h"
#include "tests/unit/fixture.h"

struct hi_built {
	struct hi_image *image;
	struct hi_symtab *symtab;
};

struct hi_built hi_built_open(const char *path);
/* COMPILER with its options makes the library NAME of the text SOURCE. */
struct hi_built hi_built_compile(struct hi_fixture *fx, const char *name,
				 const char *compiler, const char *source);
void hi_built_close(struct hi_built *build);

/* The only symbol of that name, of either kind; NULL when absent. */
const struct hi_symbol *hi_built_find(const struct hi_built *build,
				      const char *name);
/* The same; it is there. */
const struct hi_symbol *hi_built_get(const struct hi_built *build,
				     const char *name);

/* The counterpart in build IN of SYMBOL of build FROM. */
const struct hi_symbol *hi_built_same(const struct hi_built *in,
				      const struct hi_built *from,
				      const struct hi_symbol *symbol,
				      bool *ret_ambiguous);
/* NAME of build FROM has the counterpart EXPECTED in build IN. */
void hi_built_assert_same(const struct hi_built *in,
			  const struct hi_built *from, const char *name,
			  const char *expected);
/* It has none, because there are several or because there is none. */
void hi_built_assert_none(const struct hi_built *in,
			  const struct hi_built *from, const char *name,
			  bool expected_ambiguous);

#endif
