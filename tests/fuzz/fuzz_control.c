/*
 * libFuzzer: whatever stands in a packet of the control socket is read as a request
 * and as an answer, or refused with a sentence; what was read is written so that it
 * reads the same again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "injector/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void try_request(const uint8_t *bytes, size_t len)
{
	struct hi_request request = { .command = NULL }, again = request;
	struct hi_err err = { 0 };
	size_t len_again = 0;
	char *text;

	if (hi_request_read(bytes, len, &request, &err) < 0) {
		if (request.command || !err.sentence[0])
			__builtin_trap();
		return;
	}
	text = hi_message_write(hi_request_new(&request), &len_again);
	if (!text || hi_request_read(text, len_again, &again, NULL) < 0 ||
	    again.command != request.command || again.build != request.build ||
	    again.thread != request.thread ||
	    strcmp(again.worker, request.worker) != 0)
		__builtin_trap();
	free(text);
}

static void try_answer(const uint8_t *bytes, size_t len)
{
	json_t *answer = NULL, *again = NULL;
	struct hi_err err = { 0 };
	size_t len_again = 0;
	char *text;

	if (hi_answer_read(bytes, len, &answer, &err) < 0) {
		if (answer)
			__builtin_trap();
		return;
	}
	/* numbers and escapes may grow above the limit when written */
	text = hi_message_write(json_incref(answer), &len_again);
	if (text && (hi_answer_read(text, len_again, &again, NULL) < 0 ||
		     !json_equal(answer, again)))
		__builtin_trap();
	free(text);
	json_decref(answer);
	json_decref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	try_request(bytes, len);
	try_answer(bytes, len);
	return 0;
}
