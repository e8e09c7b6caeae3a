#include "injector/stacks.h"

#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define STACK_MAX (8UL << 20)
#define CHUNK     16384UL
#define PAGE      4096UL
#define BATCH_LEN (64UL << 10) /* bytes of one call of the kernel */
#define BATCH_MAX 64           /* stacks in it */

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
	stacks->maps_fd = hi_maps_open(host->pid);
	stacks->kept = true;
	stacks->current = true;
	return 0;
}

void hi_stacks_done(struct hi_stacks *stacks)
{
	hi_maps_done(&stacks->maps);
	if (stacks->kept && stacks->maps_fd >= 0)
		close(stacks->maps_fd);
	memset(stacks, 0, sizeof(*stacks));
}

bool hi_stacks_still_holds(const struct hi_stacks *stacks, uint64_t address)
{
	const struct hi_map *kept =
		stacks->kept ? hi_maps_find(&stacks->maps, address) : NULL;
	struct hi_map now;

	return kept && hi_maps_ask(stacks->maps_fd, address, &now) &&
	       now.start == kept->start && now.end == kept->end &&
	       now.inode == kept->inode && now.dev == kept->dev;
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

/* From AT to END. False when that is not the end, unless with TRUST. */
static bool read_to(const struct hi_host *host, uint64_t at, uint64_t end,
		    bool trust, hi_stack_sink *sink, void *context)
{
	uint64_t words[CHUNK / 8];

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

static uint64_t limit(uint64_t at, uint64_t end)
{
	return end - at > STACK_MAX ? at + STACK_MAX : end;
}

bool hi_stacks_read(const struct hi_stacks *stacks, const struct hi_host *host,
		    uint64_t sp, bool trust, hi_stack_sink *sink, void *context)
{
	uint64_t at = sp & ~7ULL;
	const struct hi_map *map = hi_maps_find(&stacks->maps, at);
	uint64_t end = map ? map->end : (at + CHUNK) & ~(PAGE - 1);
	struct hi_map now;

	if (map && read_to(host, at, limit(at, end), trust, sink, context))
		return true;
	/* what was given to the sink so far is given again */
	if (!trust && stacks->kept && hi_maps_ask(stacks->maps_fd, at, &now)) {
		trust = true;
		end = now.end;
	}
	return trust && read_to(host, at, limit(at, end), true, sink, context);
}

/* How many bytes there are up to and with the address that the descriptor holds; 0
   when it is not near, as that of the first thread. */
static size_t get_near(const struct hi_stack *stack)
{
	uint64_t at = stack->sp & ~7ULL;

	if (stack->fs_base < at || stack->fs_base % 8 != 0 ||
	    stack->fs_base - at > CHUNK - 8)
		return 0;
	return stack->fs_base + 8 - at;
}

/* Stacks that are read together. */
struct batch {
	struct iovec here[BATCH_MAX], there[BATCH_MAX];
	struct hi_stack *stacks[BATCH_MAX];
	size_t n, len;
	uint64_t words[BATCH_LEN / 8];
};

static void add_to_batch(struct batch *batch, struct hi_stack *stack,
			 size_t len)
{
	batch->here[batch->n].iov_base = &batch->words[batch->len / 8];
	batch->here[batch->n].iov_len = len;
	batch->there[batch->n].iov_base = (void *)(stack->sp & ~7ULL);
	batch->there[batch->n].iov_len = len;
	batch->stacks[batch->n++] = stack;
	batch->len += len;
}

/* The kernel stops at the first stack that it cannot read. */
static void read_batch(const struct hi_host *host, struct batch *batch,
		       hi_stack_sink *sink)
{
	ssize_t got = batch->n == 0 ?
			      0 :
			      process_vm_readv(host->pid, batch->here, batch->n,
					       batch->there, batch->n, 0);
	size_t rest = got < 0 ? 0 : (size_t)got;

	for (size_t i = 0; i < batch->n; i++) {
		struct hi_stack *stack = batch->stacks[i];
		const uint64_t *words = batch->here[i].iov_base;
		size_t n = batch->here[i].iov_len / 8;

		if (rest < n * 8)
			break;
		rest -= n * 8;
		stack->read = words[n - 1] == stack->fs_base;
		if (stack->read)
			sink(stack->context, words, n);
	}
	batch->n = batch->len = 0;
}

void hi_stacks_read_many(const struct hi_host *host, struct hi_stack *all,
			 size_t n, hi_stack_sink *sink)
{
	struct batch batch;

	batch.n = batch.len = 0;
	for (size_t i = 0; i < n; i++) {
		size_t len = get_near(&all[i]);

		all[i].read = false;
		if (len == 0)
			continue;
		if (batch.n == BATCH_MAX || batch.len + len > BATCH_LEN)
			read_batch(host, &batch, sink);
		add_to_batch(&batch, &all[i], len);
	}
	read_batch(host, &batch, sink);
}
