/*
 * support_scan - elfscan as a user runs it, and a small library to run it on.
 *
 * The library has a public header, game.h, and a private struct; what differs
 * between two builds is chosen with -D: WORLD and SCORE are more members of the
 * two structs, SECONDS is the type of a parameter, MORE are more declarations
 * and LESS takes a function away.
 *
 * Ownership: output stays valid until support_free().
 * Errors:    as support.h.
 */
#ifndef HI_TESTS_SUPPORT_SCAN_H
#define HI_TESTS_SUPPORT_SCAN_H

#include "tests/support.h"

/* A scene with game.h and game.c, in which `elfscan` is found in PATH. */
struct support *support_scan_new(const char *name);
/* Compile game.c as NAME. FLAGS: "-g -DWORLD='int depth;'". */
void support_scan_compile(struct support *scene, const char *name,
			  const char *flags);
/* Run "elfscan ..."; returns the exit status. Output is in out.txt and err.txt. */
int support_scan(struct support *scene, const char *format, ...)
	HI_PRINTF(2, 3);
/* The same with STATUS expected. */
void support_scan_expect(struct support *scene, int status, const char *format,
			 ...) HI_PRINTF(3, 4);
/* What the last run printed to standard output and standard error. */
const char *support_scan_output(struct support *scene);
const char *support_scan_errors(struct support *scene);
/* Fails unless TEXT, output of elfscan, holds PART. */
void support_scan_holds(struct support *scene, const char *text,
			const char *part);
void support_scan_lacks(struct support *scene, const char *text,
			const char *part);
/* The output as JSON; the caller ends it with json_decref(). */
json_t *support_scan_json(struct support *scene);

#endif
