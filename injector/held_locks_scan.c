#include "injector/held_locks_parts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/*
 * What a locked one looks like, in 8-byte words (low half, high half):
 *
 *     _IO_lock_t         lock count | owner: the thread's descriptor
 *     pthread_mutex_t    lock count | owner nusers | kind spins,elision | list
 *     pthread_rwlock_t   readers writers | wrphase_futex writers_futex | pads |
 *                        cur_writer shared | rwelision, pad | pad | flags
 */
#define MUTEX_WORDS  5
#define RWLOCK_WORDS 7

#define CHUNK   (256UL << 10)
#define OVERLAP (8UL * RWLOCK_WORDS)

/* One that is waited for by more threads is taken for something else. */
#define USERS_MAX 4096
/* nptl/pthreadP.h: type 0 to 3, robust, PI, PP, shared, and two of lock elision. */
#define KINDS       0x3f3
#define KIND_TYPE   3
#define KIND_ROBUST 0x10
#define KIND_PI     0x20
#define KIND_PP     0x40
#define TID_MASK    0x3fffffff

static uint32_t low(uint64_t word)
{
	return (uint32_t)word;
}

static uint32_t high(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

static bool is_file_lock(const uint64_t *words)
{
	return (low(words[0]) == 1 || low(words[0]) == 2) &&
	       high(words[0]) < USERS_MAX;
}

/* The owner is the thread. */
static bool is_mutex(const uint64_t *words, uint32_t tid)
{
	uint32_t lock = low(words[0]), count = high(words[0]);
	uint32_t kind = low(words[2]);
	bool is_recursive = (kind & KIND_TYPE) == PTHREAD_MUTEX_RECURSIVE;
	bool has_tid = kind & (KIND_PI | KIND_ROBUST);

	if ((kind & ~(uint32_t)KINDS) || high(words[1]) == 0 ||
	    high(words[1]) > USERS_MAX)
		return false;
	if (has_tid ? (lock & TID_MASK) != tid :
		      lock != 1 && lock != 2 && !(kind & KIND_PP))
		return false;
	if (lock == 0 || is_recursive != (count != 0))
		return false;
	return (kind & KIND_ROBUST) || (words[3] == 0 && words[4] == 0);
}

/* The writer is the thread: locked, in the writers' phase. */
static bool is_rwlock(const uint64_t *words)
{
	return (low(words[0]) & 3) == 3 && low(words[1]) <= 3 &&
	       high(words[1]) >= 1 && high(words[1]) <= 3 &&
	       high(words[3]) <= 1 && words[5] == 0 && low(words[6]) <= 3;
}

/* One in whose WORDS[AT] the thread's id is. */
static void judge(const uint64_t *words, size_t n, size_t at, uint64_t base,
		  uint32_t tid, hi_held_sink *sink, void *context)
{
	if (at >= 1 && at - 1 + MUTEX_WORDS <= n &&
	    is_mutex(&words[at - 1], tid))
		sink(context, HI_HELD_MUTEX, base + 8 * (at - 1));
	else if (at >= 3 && at - 3 + RWLOCK_WORDS <= n &&
		 is_rwlock(&words[at - 3]))
		sink(context, HI_HELD_RWLOCK, base + 8 * (at - 3));
}

void hi_held_scan(const uint64_t *words, size_t n, uint64_t base_remote,
		  pid_t tid, uint64_t fs_base, hi_held_sink *sink,
		  void *context)
{
	for (size_t i = 1; i < n; i++) {
		if (low(words[i]) == (uint32_t)tid)
			judge(words, n, i, base_remote, (uint32_t)tid, sink,
			      context);
		if (words[i] == fs_base && is_file_lock(&words[i - 1]))
			sink(context, HI_HELD_FILE, base_remote + 8 * (i - 1));
	}
}

void hi_held_scan_remote(const struct hi_abandoned *call, uint64_t start,
			 uint64_t end, hi_held_sink *sink, void *context)
{
	uint64_t *words = malloc(CHUNK + OVERLAP);

	for (uint64_t at = start; words && at < end; at += CHUNK) {
		/* one that begins in this chunk may end in the next */
		size_t len = end - at < CHUNK + OVERLAP ? end - at :
							  CHUNK + OVERLAP;

		if (hi_remote_read(call->host, at, words, len, NULL) == 0)
			hi_held_scan(words, len / 8, at, call->thread->tid,
				     call->regs->fs_base, sink, context);
	}
	free(words);
}
