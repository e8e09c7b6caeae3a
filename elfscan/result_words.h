/*
 * The classes that each eight bytes of a type have, for result_class.c.
 */
#ifndef HI_ELFSCAN_RESULT_WORDS_H
#define HI_ELFSCAN_RESULT_WORDS_H

#include "elfscan/result_parts.h"

#define HI_WORD      8UL
#define HI_WORDS_MAX 8UL /* more are in memory */

enum hi_word_class {
	HI_CLASS_NONE,
	HI_CLASS_INTEGER,
	HI_CLASS_SSE,
	HI_CLASS_SSEUP,
	HI_CLASS_X87,
	HI_CLASS_X87UP,
	HI_CLASS_COMPLEX_X87,
};

enum hi_verdict { HI_IN_CLASSES, HI_IN_MEMORY, HI_NOT_KNOWN };

struct hi_words {
	uint8_t of[HI_WORDS_MAX];
	bool is_mixed; /* of classes that end in memory */
	bool is_wide;  /* there is a vector of more than two words */
};

/* One more thing that is in the WORD. */
void hi_words_merge(struct hi_words *classes, uint64_t word, uint8_t class);

/* The bytes from AT on: FIRST, then REST for the words behind. */
enum hi_verdict hi_words_cover(struct hi_words *classes, uint64_t at,
			       uint64_t len, uint8_t first, uint8_t rest);

/* Half of an extended number, or a complex one that is not alone. */
bool hi_words_have_stray(const struct hi_words *classes);

/* How a type of SIZE bytes is returned. Clang has unions of wide vectors and other
   things in registers, some of them. */
struct hi_result hi_words_conclude(const struct hi_result_reader *reader,
				   const struct hi_words *classes,
				   uint64_t size);

/* Put the classes of TYPE, which begins AT bytes from the start, into CLASSES. */
enum hi_verdict hi_words_collect(struct hi_result_reader *reader,
				 const struct hi_die *type, uint64_t at,
				 struct hi_words *classes);

/* The bytes of any type; UINT64_MAX: it is not known. */
uint64_t hi_words_measure(struct hi_result_reader *reader,
			  const struct hi_die *type);

#endif
