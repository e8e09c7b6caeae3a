/*
 * copying - whether the objects of a class of C++ may be copied byte by byte.
 *
 * Those that may not are never passed or returned in registers: the class has a copy
 * constructor, move constructor or destructor that does more, or cannot be copied at
 * all ("non-trivial for the purposes of calls"). Clang writes down what it found; of
 * gcc the methods tell. What members and bases add is the caller's part.
 *
 * Ownership: entries belong to the caller; nothing is kept.
 * Errors:    none: what is not clear is HI_ANSWER_UNKNOWN.
 * Threads:   one at a time per entries.
 * Source:    Itanium C++ ABI 1.1, 3.1.2.3; DWARF 5 ch. 5.7.
 */
#ifndef HI_ELFSCAN_COPYING_H
#define HI_ELFSCAN_COPYING_H

#include <stdbool.h>

#include "elfscan/die.h"

enum hi_answer { HI_ANSWER_NO, HI_ANSWER_YES, HI_ANSWER_UNKNOWN };

/* What the methods of a class tell; starts as zero but for the first three. */
struct hi_copying {
	struct hi_die_units *entries;
	const struct hi_die *class;
	bool is_doubtful; /* what is defaulted is not marked in its unit */
	bool is_non_trivial;
	bool is_unclear;
	unsigned int n_deleted; /* constructors that copy or move */
	unsigned int n_copies;  /* those that are not deleted */
	bool has_move_assignment;
};

/* The words by which a unit's compiler tells what it is and what it was told to do; ""
   when it does not. */
const char *hi_copying_get_producer(const struct hi_die *entry);
/* Whether units of these words do not mark what is defaulted. */
bool hi_copying_is_doubtful(const struct hi_die_unit *unit,
			    const char *producer);

/* DW_LANG_... */
bool hi_copying_is_cplus(int language);

/* Whether the compiler says how objects of the class are passed. */
bool hi_copying_get_convention(const struct hi_die *class,
			       enum hi_answer *ret_is_non_trivial);
/* Take in a method of the class. */
void hi_copying_note(struct hi_copying *copying, const struct hi_die *method);
/* What all methods say; members and bases may say YES to a NO. */
enum hi_answer hi_copying_judge(const struct hi_copying *copying);
/* The answer for a class of which two parts say A and B. */
enum hi_answer hi_copying_join(enum hi_answer a, enum hi_answer b);

#endif
