/*
 * fold - what many processes say is said once.
 *
 * The first message of a kind is passed on as it is; equal ones of other processes are
 * counted, and told in one line a moment after the last of them:
 *
 *     hotinject: libworker.so #2 live: update changed, 11 same (1.9 ms, ...)
 *     hotinject: libworker.so #2 live in 7 more processes (4243, 4244, ...)
 *     hotinject: game (4250): libworker.so #2 refused: ...
 *
 * A process that tells another outcome than those who have told theirs gets its
 * name in its line. What has no short form is no outcome.
 *
 * Units:     times are CLOCK_MONOTONIC nanoseconds.
 * Ownership: hi_fold_new() gives a fold that hi_fold_free() ends; what is
 *            taken is copied.
 * Errors:    without memory, messages are passed on as they are.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_FOLD_H
#define HI_INJECTOR_FOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* One message: whole lines, each with its end. */
struct hi_said {
	pid_t pid;
	const char *host;  /* the name of that process */
	const char *key;   /* equal where the outcome is; "": all of the text */
	const char *brief; /* "libworker.so #2 live"; "": none */
	const char *text;
};

/* TEXT is to be written; a line end is still to be added when BARE. */
typedef void hi_fold_sink(void *context, const char *text, bool bare);

struct hi_fold;

struct hi_fold *hi_fold_new(hi_fold_sink *sink, void *context);
void hi_fold_free(struct hi_fold *fold);
void hi_fold_take(struct hi_fold *fold, const struct hi_said *said,
		  uint64_t now_ns);
/* When hi_fold_flush() is due; 0: nothing waits. */
uint64_t hi_fold_get_due_ns(const struct hi_fold *fold);
void hi_fold_flush(struct hi_fold *fold);

#endif
