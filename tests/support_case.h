/*
 * support_case - reload stories: a folder of tests/cases, run as its file
 * "expect" says.
 *
 * The language of "expect" is described in tests/cases/README.md. A failure names the
 * file and line.
 *
 * Ownership: nothing is handed over.
 * Errors:    the running test fails.
 * Threads:   one.
 */
#ifndef HI_TESTS_SUPPORT_CASE_H
#define HI_TESTS_SUPPORT_CASE_H

#include "tests/support.h"

/* How the programs of a story are made, beside what the story itself says. */
struct support_variant {
	const char *name;
	const char *cc;     /* "gcc" or "clang" */
	const char *linker; /* "bfd", "lld" or "mold" */
	const char *flags;  /* for worker and host */
	const char *worker_flags;
	const char *host_flags;
};

/* gcc, bfd, -O2 -g */
extern const struct support_variant support_plain_variant;

/* The path of a story's folder is tests/cases/NAME. */
void support_case_run(const char *name, const struct support_variant *variant);

/*
 * Compile build NUMBER of the story in FOLDER (worker.NUMBER.c, or worker.c with
 * BUILD defined as NUMBER; .cc and .rs likewise) and return its file's name.
 */
const char *support_compile_worker(struct support *scene, const char *folder,
				   const struct support_variant *variant,
				   const char *flags, unsigned int number);
/* Compile host.c or host.cc of the story, or the common host, as "host". */
void support_compile_host(struct support *scene, const char *folder,
			  const struct support_variant *variant,
			  const char *flags);

#endif
