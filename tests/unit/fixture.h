/*
 * fixture - a folder of real files for one test.
 *
 *     START_TEST(a_library_opens)
 *     {
 *             struct hi_fixture fx;
 *             const char *path;
 *
 *             hi_fixture_init(&fx);
 *             path = hi_fixture_library(&fx, "libworker.so", "gcc -O2 -g",
 *                                       "int update(int a) { return a; }\n");
 *             ...
 *             hi_fixture_done(&fx);
 *     }
 *     END_TEST
 *
 * Ownership: paths live until hi_fixture_done(). A test that fails leaves its
 *            folder behind; hi_fixture_main() removes all of them at the end.
 * Errors:    whatever fails here fails the test, with the compiler's output.
 */
#ifndef HI_TESTS_UNIT_FIXTURE_H
#define HI_TESTS_UNIT_FIXTURE_H

#include <check.h>
#include <stddef.h>

#include "common/err.h"

struct hi_fixture {
	char folder[256];
	char **paths; /* what hi_fixture_path() handed out */
	size_t n_paths;
};

/* Run SUITE, remove the tests' folders; the exit status for main(). */
int hi_fixture_main(Suite *suite) HI_MUST_USE;

void hi_fixture_init(struct hi_fixture *fx);
void hi_fixture_done(struct hi_fixture *fx);

/* The path of NAME in the folder; nothing needs to be there. */
const char *hi_fixture_path(struct hi_fixture *fx, const char *name);

/* Write the file NAME; its path. */
const char *hi_fixture_write(struct hi_fixture *fx, const char *name,
			     const char *text);
const char *hi_fixture_write_bytes(struct hi_fixture *fx, const char *name,
				   const void *bytes, size_t len);
/* The bytes of the file at PATH, for free(); its length in *ret_len. */
unsigned char *hi_fixture_read(const char *path, size_t *ret_len);

/* Run a shell command in the folder; it must succeed. */
void hi_fixture_run(struct hi_fixture *fx, const char *format, ...)
	HI_PRINTF(2, 3);
/* Run a shell command in the folder; its exit status, output thrown away. */
int hi_fixture_try(struct hi_fixture *fx, const char *format, ...)
	HI_PRINTF(2, 3);

/*
 * Compile SOURCE with COMPILER (words: "gcc -O2", "clang++ -g -O1 -flto") into
 * the shared library NAME; its path. -shared -fPIC are added; the source file
 * is NAME with ".so" turned into ".c" (".cc" for a compiler named ...++).
 */
const char *hi_fixture_library(struct hi_fixture *fx, const char *name,
			       const char *compiler, const char *source);

#endif
