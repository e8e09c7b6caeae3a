#include "injector/answers.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/buf.h"
#include "common/own.h"

static bool needs_answer(const struct hi_function *function)
{
	return function->symbol->exported && !function->patchable;
}

/* The answers that are there already: of another worker. */
static int read_old(const struct hi_host *host,
		    const struct hi_shim_place *place,
		    struct hi_shim_answer **ret_answers, uint64_t *ret_n,
		    struct hi_err *err)
{
	uint64_t words[2];
	int code = hi_remote_read(host, place->shim_remote + HI_SHIM_ANSWERS_AT,
				  words, sizeof(words), err);

	if (code < 0 || words[0] == 0) {
		*ret_n = 0;
		return code;
	}
	*ret_n = words[1];
	*ret_answers = calloc(words[1] + 1, sizeof(**ret_answers));
	if (!*ret_answers)
		return hi_fail(err, HI_E_NOMEM, "no memory for dlsym()");
	return hi_remote_read(host, words[0], *ret_answers,
			      words[1] * sizeof(**ret_answers), err);
}

static int write_answers(struct hi_host *host,
			 const struct hi_shim_place *place, uint64_t at,
			 const struct hi_buf *bytes, uint64_t n,
			 struct hi_err *err)
{
	uint64_t words[2] = { at, n };
	int code = hi_remote_write(host, at, bytes->data, bytes->len, err);

	/* the count first: the shim looks at the address before it */
	if (code == 0)
		code = hi_remote_write(
			host, place->shim_remote + HI_SHIM_ANSWERS_AT + 8,
			&words[1], 8, err);
	if (code == 0)
		code = hi_remote_write(host,
				       place->shim_remote + HI_SHIM_ANSWERS_AT,
				       &words[0], 8, err);
	return code;
}

int hi_answers_publish(const struct hi_worker *worker, struct hi_host *host,
		       struct hi_thread *thread,
		       const struct hi_shim_place *place, struct hi_err *err)
{
	struct hi_shim_answer *HI_FREE old = NULL;
	struct hi_buf bytes = HI_BUF_INIT, names = HI_BUF_INIT;
	uint64_t n_old = 0, n_new = 0, at = 0, names_at;
	int code;

	for (size_t i = 0; i < worker->n_functions; i++)
		n_new += needs_answer(worker->functions[i]);
	if (n_new == 0)
		return 0;
	code = read_old(host, place, &old, &n_old, err);
	names_at = (n_old + n_new) * sizeof(struct hi_shim_answer);
	if (code == 0)
		code = hi_remote_map(host, thread, place, 0,
				     names_at + n_new * 1024,
				     PROT_READ | PROT_WRITE, &at, err);
	if (code < 0)
		return code;
	hi_buf_add(&bytes, old, n_old * sizeof(*old));
	for (size_t i = 0; i < worker->n_functions; i++) {
		const struct hi_function *function = worker->functions[i];
		const char *name = function->symbol->name;
		struct hi_shim_answer answer = {
			function->home_remote,
			function->slot.trampoline_remote,
			at + names_at + names.len,
		};

		if (!needs_answer(function) || strlen(name) >= 1024)
			continue;
		hi_buf_add(&bytes, &answer, sizeof(answer));
		hi_buf_add(&names, name, strlen(name) + 1);
	}
	n_new = bytes.len / sizeof(struct hi_shim_answer);
	while (bytes.len < names_at)
		hi_buf_add(&bytes, "", 1);
	hi_buf_add(&bytes, names.data, names.len);
	if (bytes.failed || names.failed)
		code = hi_fail(err, HI_E_NOMEM, "no memory for dlsym()");
	else
		code = write_answers(host, place, at, &bytes, n_new, err);
	hi_buf_done(&bytes);
	hi_buf_done(&names);
	return code;
}
