/*
 * What is behind a pointer that everybody casts: the host keeps it. In build 2 the struct
 * has grown; in build 3 it is counted otherwise, and what is on a stack alone has grown;
 * in build 4 the members have changed places.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker.h"

struct handle {
	int kind;
};

struct file {
	struct handle handle;
#if BUILD == 4
	float more;
	int count;
#else
	int count;
	float more;
#endif
#if BUILD == 2
	int most[100];
#endif
};

struct request {
	int by;
#if BUILD >= 3
	int again;
#endif
};

void *kept; /* for the host, which knows no more of it */

static int advance(struct file *file, const struct request *request)
{
	file->count += request->by;
	return file->count;
}

void worker_answer(const char *question, char *answer, size_t size)
{
	struct request request = { BUILD };
	struct handle *handle = kept;

	if (!strcmp(question, "open")) {
		struct file *file = calloc(1, sizeof(*file));

		file->handle.kind = 7;
		handle = &file->handle;
		kept = file;
	}
	snprintf(answer, size, "kind=%d count=%d", handle->kind,
		 advance((struct file *)handle, &request));
}
