#include "injector/message.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "injector/event.h"

char *hi_message_write(json_t *message, size_t *ret_len)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;

	json_decref(message);
	if (!text || len > HI_MESSAGE_MAX) {
		free(text);
		return NULL;
	}
	*ret_len = len;
	return text;
}

/* An object, or NULL. A string in it never holds a NUL (JSON_ALLOW_NUL is off). */
static json_t *read_object(const void *bytes, size_t len)
{
	json_t *message = NULL;

	if (len > 0 && len <= HI_MESSAGE_MAX)
		message = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(message))
		return message;
	json_decref(message);
	return NULL;
}

json_t *hi_request_new(const struct hi_request *request)
{
	json_t *object = json_object();

	json_object_set_new(object, "command",
			    json_string(request->command->name));
	if (request->worker[0])
		json_object_set_new(object, "worker",
				    hi_event_text(request->worker));
	if (request->build)
		json_object_set_new(object, "build",
				    json_integer(request->build));
	if (request->content[0])
		json_object_set_new(object, "content",
				    hi_event_text(request->content));
	if (request->thread)
		json_object_set_new(object, "thread",
				    json_integer(request->thread));
	return object;
}

/* 0 when it is absent; false when it is anything but a number from 1 on. */
static bool read_number(const json_t *object, const char *key, int *ret_number)
{
	const json_t *value = json_object_get(object, key);
	json_int_t number = json_integer_value(value);

	if (value && (number < 1 || number > INT_MAX))
		return false;
	*ret_number = (int)number;
	return true;
}

/* As above, of a string that fits into SIZE bytes. */
static bool read_text(const json_t *object, const char *key, char *text,
		      size_t size)
{
	const json_t *value = json_object_get(object, key);
	const char *given = json_string_value(value);

	if (value && (!given || strlen(given) >= size))
		return false;
	if (given)
		memcpy(text, given, strlen(given) + 1);
	return true;
}

/* What goes with the command, each of which may be absent. */
static int read_rest(const json_t *object, struct hi_request *request,
		     struct hi_err *err)
{
	int number = 0, thread = 0;

	if (!read_text(object, "worker", request->worker,
		       sizeof(request->worker)) ||
	    !read_text(object, "content", request->content,
		       sizeof(request->content)) ||
	    !read_number(object, "build", &number) ||
	    !read_number(object, "thread", &thread))
		return hi_fail(err, HI_E_USAGE,
			       "the request's \"worker\" is not a file's name, "
			       "or its \"build\" or \"thread\" not a number "
			       "from 1 on");
	request->build = (unsigned int)number;
	request->thread = thread;
	return 0;
}

int hi_request_read(const void *bytes, size_t len,
		    struct hi_request *ret_request, struct hi_err *err)
{
	json_t *object = read_object(bytes, len);
	const char *name =
		json_string_value(json_object_get(object, "command"));
	struct hi_request request = {
		.command = name ? hi_commands_find(name) : NULL,
	};
	int code = 0;

	if (!name)
		code = hi_fail(err, HI_E_USAGE,
			       "the request is not one JSON object of at most "
			       "%u bytes with a \"command\"",
			       HI_MESSAGE_MAX);
	else if (!request.command || !request.command->help ||
		 request.command->id == HI_COMMAND_RUN)
		code = hi_fail(err, HI_E_USAGE,
			       "this version of hotinject has no command '%s'",
			       name);
	else
		code = read_rest(object, &request, err);
	if (code == 0)
		*ret_request = request;
	json_decref(object);
	return code;
}

json_t *hi_answer_error(const struct hi_err *err)
{
	json_t *answer = json_object();

	json_object_set_new(answer, "error", hi_event_text(err->sentence));
	json_object_set_new(answer, "hint", hi_event_text(err->hint));
	return answer;
}

json_t *hi_answer_text(const char *text)
{
	json_t *answer = json_object();

	json_object_set_new(answer, "text", hi_event_text(text));
	return answer;
}

int hi_answer_read(const void *bytes, size_t len, json_t **ret_answer,
		   struct hi_err *err)
{
	json_t *answer = read_object(bytes, len);
	const char *error = json_string_value(json_object_get(answer, "error"));
	const char *hint = json_string_value(json_object_get(answer, "hint"));

	if (!answer)
		return hi_fail(err, HI_E_USAGE,
			       "the answer of hotinject is not one JSON object "
			       "of at most %u bytes",
			       HI_MESSAGE_MAX);
	if (error) {
		hi_fail(err, HI_E_HOST, "%s", error);
		if (hint && *hint)
			hi_err_hint(err, "%s", hint);
		json_decref(answer);
		return HI_E_HOST;
	}
	*ret_answer = answer;
	return 0;
}
