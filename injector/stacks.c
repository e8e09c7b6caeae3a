#include "injector/stacks.h"

#include <string.h>
#include <sys/uio.h>

#define STACK_MAX (8UL << 20)
#define CHUNK     16384UL
#define PAGE      4096UL

void hi_stacks_stale(struct hi_stacks *stacks)
{
	stacks->current = false;
}

int hi_stacks_refresh(struct hi_stacks *stacks, const struct hi_host *host,
		      struct hi_err *err)
{
	struct hi_maps maps;
	int code;

	if (stacks->kept && stacks->current)
		return 0;
	code = hi_maps_read(host->pid, &maps, err);
	if (code < 0)
		return code;
	hi_stacks_done(stacks);
	stacks->maps = maps;
	stacks->kept = true;
	stacks->current = true;
	return 0;
}

void hi_stacks_done(struct hi_stacks *stacks)
{
	hi_maps_done(&stacks->maps);
	memset(stacks, 0, sizeof(*stacks));
}

/* Read LEN bytes and try one word more: how many bytes came. */
static size_t read_beyond(const struct hi_host *host, uint64_t from, size_t len,
			  uint64_t *words)
{
	uint64_t beyond;
	struct iovec here[2] = { { words, len }, { &beyond, sizeof(beyond) } };
	struct iovec there[2] = {
		{ (void *)from, len },
		{ (void *)(from + len), sizeof(beyond) },
	};
	ssize_t got = process_vm_readv(host->pid, here, 2, there, 2, 0);

	return got < 0 ? 0 : (size_t)got;
}

bool hi_stacks_read(const struct hi_stacks *stacks, const struct hi_host *host,
		    uint64_t sp, bool trust, hi_stack_sink *sink, void *context)
{
	uint64_t at = sp & ~7ULL;
	const struct hi_map *map = hi_maps_find(&stacks->maps, at);
	uint64_t end = map ? map->end : (at + CHUNK) & ~(PAGE - 1);
	uint64_t words[CHUNK / 8];

	if (!map && !trust)
		return false;
	if (end - at > STACK_MAX)
		end = at + STACK_MAX;
	while (at < end) {
		size_t len = end - at < CHUNK ? end - at : CHUNK;
		size_t got = read_beyond(host, at, len, words);

		/* gone, or it goes on beyond what was its end */
		if (!trust && (got < len || (at + len == end && got > len)))
			return false;
		if (got < len)
			return true;
		sink(context, words, len / 8);
		at += len;
	}
	return true;
}
