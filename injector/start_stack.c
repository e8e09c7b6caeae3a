#include "injector/start_stack.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "injector/remote.h"

#define STACK_WORDS_MAX (1 << 20)

/* Index behind AT_NULL, or 0 when the vectors do not end in the words so far. */
static size_t find_end(struct hi_start_stack *stack, size_t n_words)
{
	size_t i = 1 + stack->words[0] + 1;

	stack->env_at = i;
	while (i < n_words && stack->words[i] != 0)
		i++;
	stack->env_end = i;
	stack->aux_at = ++i;
	for (; i + 1 < n_words; i += 2)
		if (stack->words[i] == AT_NULL)
			return i + 2;
	return 0;
}

int hi_start_stack_read(const struct hi_host *host, uint64_t sp_remote,
			struct hi_start_stack *ret_stack, struct hi_err *err)
{
	struct hi_start_stack stack = { NULL, 0, 0, 0, 0 };
	size_t n_words = 0;

	while (n_words < STACK_WORDS_MAX) {
		/* the last page may be where it ends */
		size_t more = (4096 - ((sp_remote + n_words * 8) & 4095)) / 8;
		uint64_t *words = realloc(stack.words, (n_words + more) * 8);
		int code;

		if (!words)
			break;
		stack.words = words;
		code = hi_remote_read(host, sp_remote + n_words * 8,
				      words + n_words, more * 8, err);
		if (code < 0) {
			free(stack.words);
			return code;
		}
		n_words += more;
		stack.n_words = find_end(&stack, n_words);
		if (stack.n_words) {
			*ret_stack = stack;
			return 0;
		}
	}
	free(stack.words);
	hi_fail(err, HI_E_HOST, "the host's start stack has no end");
	return HI_E_HOST;
}

void hi_start_stack_done(struct hi_start_stack *stack)
{
	free(stack->words);
	stack->words = NULL;
}

uint64_t hi_start_stack_get_aux(const struct hi_start_stack *stack,
				uint64_t type)
{
	for (size_t i = stack->aux_at; i + 1 < stack->n_words; i += 2)
		if (stack->words[i] == type)
			return stack->words[i + 1];
	return 0;
}

/*
 * The string at AT_REMOTE, at most LIMIT bytes of it. It is read page by page,
 * because the last one may end with the stack.
 */
static size_t read_string(const struct hi_host *host, uint64_t at_remote,
			  char *text, size_t limit)
{
	size_t len = 0;

	while (len < limit) {
		size_t step = 4096 - ((at_remote + len) & 4095);

		step = step < limit - len ? step : limit - len;
		if (hi_remote_read(host, at_remote + len, text + len, step,
				   NULL) < 0)
			break;
		if (memchr(text + len, 0, step))
			return len + strlen(text + len);
		len += step;
	}
	return len;
}

size_t hi_start_stack_find_variable(const struct hi_host *host,
				    const struct hi_start_stack *stack,
				    const char *name, char *ret_value)
{
	const size_t len = strlen(name);
	char begin[32];

	ret_value[0] = '\0';
	for (size_t i = stack->env_at; i < stack->env_end; i++) {
		uint64_t at = stack->words[i];

		if (read_string(host, at, begin, len) < len ||
		    memcmp(begin, name, len) != 0)
			continue;
		ret_value[read_string(host, at + len, ret_value,
				      HI_START_STRING_MAX - 1)] = '\0';
		return i;
	}
	return stack->env_end;
}

/*
 * The kernel leaves 128 KiB of room (setup_arg_pages), and the stack grows when more is
 * written.
 */
int hi_start_stack_write(const struct hi_host *host, uint64_t sp_remote,
			 const struct hi_start_stack *stack, size_t at,
			 const char *text, uint64_t *ret_sp_remote,
			 struct hi_err *err)
{
	const size_t size = strlen(text) + 1;
	size_t extra = at == stack->env_end;
	size_t n_words = stack->n_words + extra;
	uint64_t *HI_FREE words = malloc(n_words * 8);
	uint64_t new_sp = (sp_remote - size - n_words * 8) & ~15ULL;
	uint64_t text_remote = new_sp + n_words * 8;
	int code;

	if (!words)
		return hi_fail(err, HI_E_NOMEM, "no memory for %zu words",
			       n_words);
	memcpy(words, stack->words, at * 8);
	memcpy(words + at + extra, stack->words + at,
	       (stack->n_words - at) * 8);
	words[at] = text_remote;
	code = hi_remote_poke(host, new_sp, words, n_words * 8, err);
	if (code == 0)
		code = hi_remote_poke(host, text_remote, text, size, err);
	if (code == 0)
		*ret_sp_remote = new_sp;
	return code;
}
