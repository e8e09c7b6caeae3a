/*
 * phrase - the parts that messages are made of: durations, counts and names.
 *
 * Text that comes from elsewhere (symbols, paths, the loader) can hold anything;
 * hi_phrase_clean() keeps it from breaking a line or steering the terminal.
 *
 * Ownership: everything is added to the caller's buffer.
 * Errors:    lack of memory shows in the buffer.
 * Threads:   independent calls.
 */
#ifndef HI_INJECTOR_PHRASE_H
#define HI_INJECTOR_PHRASE_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* Names that a list shows before it says "and 12 more". */
#define HI_PHRASE_NAMES 4

/* TEXT with every control byte as '?'. */
void hi_phrase_clean(struct hi_buf *buf, const char *text);

/*
 * "41 us" below 1 ms, "1.9 ms" below 100 ms, "120 ms" below half a second, "0.5
 * s" below 100 s, "120 s" from there.
 */
void hi_phrase_duration(struct hi_buf *buf, uint64_t duration_ns);

/* "1 function", "12 functions" */
void hi_phrase_count(struct hi_buf *buf, size_t n, const char *noun);

/* Whether it is the address of a function that has no name (unwind.h). */
bool hi_phrase_is_address(const char *name);
/* NAME as its source has it, and "()" unless it shows its parameters itself, or is an
   address. */
void hi_phrase_function(struct hi_buf *buf, const char *name);

/*
 * "a, b, c, d and 12 more", demangled, in brief (brief.h), and each once; each name is
 * followed by "()" when CALLS is given.
 */
enum hi_phrase_style { HI_PHRASE_BARE, HI_PHRASE_CALLS };
void hi_phrase_names(struct hi_buf *buf, const char *const *names,
		     size_t n_names, enum hi_phrase_style style);

/* The part of PATH behind its last slash. */
const char *hi_phrase_base_name(const char *path);

#endif
