/*
 * message - what goes over the control socket: one request and one answer, each a
 * JSON object in one packet of at most HI_MESSAGE_MAX bytes.
 *
 *     {"command":"status"}
 *     {"command":"rollback","worker":"libworker.so","build":2}   or without the latter
 *     {"command":"rollback","worker":"libworker.so","content":"1f38-..."}   of a fork
 *     {"command":"kick","thread":4250}
 *     {"text":"game (4242) runs on"}    or, instead of "text", what the command gives
 *     {"error":"...","hint":"..."}
 *
 * What is read was written by somebody else and may hold anything.
 *
 * Ownership: results are the caller's; objects that are given to be written are
 *            taken.
 * Errors:    HI_E_USAGE for what is no message; HI_E_HOST for an answer that is an
 *            error, with its sentence and hint; HI_E_NOMEM.
 * Threads:   no state.
 */
#ifndef HI_INJECTOR_MESSAGE_H
#define HI_INJECTOR_MESSAGE_H

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"
#include "injector/commands.h"

#define HI_MESSAGE_MAX     (64U << 10)
#define HI_WORKER_NAME_MAX 256 /* its base name, with the NUL */
#define HI_CONTENT_TEXT    64  /* "length-hash-hash", with the NUL */

/* The bytes of MESSAGE, for free(); NULL when they are too many, or without memory. */
char *hi_message_write(json_t *message, size_t *ret_len);

/* What is asked for. */
struct hi_request {
	const struct hi_command *command;
	char worker[HI_WORKER_NAME_MAX]; /* "": any */
	unsigned int build;              /* 0: none is named */
	pid_t thread;                    /* the same */
	/* what was in the build's file: numbers need not be the same in two
	   processes; "" when none is named */
	char content[HI_CONTENT_TEXT];
};

json_t *hi_request_new(const struct hi_request *request);
int hi_request_read(const void *bytes, size_t len,
		    struct hi_request *ret_request,
		    struct hi_err *err) HI_MUST_USE;

json_t *hi_answer_error(const struct hi_err *err);
/* What TEXT holds is made UTF-8. */
json_t *hi_answer_text(const char *text);
int hi_answer_read(const void *bytes, size_t len, json_t **ret_answer,
		   struct hi_err *err) HI_MUST_USE;

#endif
