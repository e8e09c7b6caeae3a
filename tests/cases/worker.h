/* What the common host wants of a worker. */
#ifndef HI_TESTS_WORKER_H
#define HI_TESTS_WORKER_H

#include <stddef.h>

#ifdef __cplusplus
extern "C"
#endif
	/* Write the answer, words like "name=value" with blanks between them. */
	void
	worker_answer(const char *question, char *answer, size_t len);

#endif
