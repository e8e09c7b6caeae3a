#include "injector/held_locks_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "common/own.h"
#include "injector/clock.h"

/*
 * struct malloc_state: the mutex is its first word. Where the rest begins differs:
 *
 *     top  last_remainder  bins[254]
 *
 * bins are pairs of pointers, each the head of a list; an empty list's point to the head
 * itself, counted as if it began two words earlier: the first at top. Large bins are empty
 * nearly all, however damaged the heap is.
 */
#define N_BINS     127
#define N_EMPTY    32 /* that show that it is one */
#define STATE_READ 2144

static const size_t tops[] = {
	96, /* glibc 2.27: mutex, flags, have_fastchunks, 10 fast bins */
	88, /* 2.26: without have_fastchunks */
	8,  /* without fast bins */
};

/* How long to wait for another thread to show that a lock is its own: in all some
   20 ms, when it does not. */
#define TRIES  20
#define NAP_US 500

/* Where malloc keeps what it needs of a thread that holds an arena. */
#define NEAR_WORDS 256

enum holder { HELD_BY_US, HELD_BY_NONE, HELD_BY_OTHER };

static bool has_bins(const unsigned char *state, size_t top, uint64_t remote)
{
	size_t n_empty = 0;

	for (size_t i = 0; i < N_BINS; i++) {
		size_t at = top + 16 + 16 * i;
		uint64_t pair[2], head = remote + top + 16 * i;

		if (at + 16 > STATE_READ)
			break;
		memcpy(pair, state + at, 16);
		n_empty += pair[0] == head && pair[1] == head;
	}
	return n_empty >= N_EMPTY;
}

static bool is_locked(const struct hi_host *host, uint64_t remote)
{
	uint32_t lock = 0;

	return hi_remote_read(host, remote, &lock, 4, NULL) == 0 &&
	       (lock == 1 || lock == 2);
}

static bool is_arena(const struct hi_host *host, uint64_t remote)
{
	unsigned char state[STATE_READ];

	if (hi_remote_read(host, remote, state, sizeof(state), NULL) < 0)
		return false;
	for (size_t i = 0; i < sizeof(tops) / sizeof(*tops); i++)
		if (has_bins(state, tops[i], remote))
			return true;
	return false;
}

/* --- whose is it --------------------------------------------------------------- */

/*
 * What malloc calls under its lock: for memory, and when it has found damage, to say
 * so and to end the process; and where fork(2) waits that has locked some arenas and
 * wants the next.
 */
static bool may_call_with_lock(long number)
{
	static const long calls[] = {
		SYS_brk,    SYS_mmap,    SYS_munmap, SYS_mprotect,
		SYS_mremap, SYS_madvise, SYS_openat, SYS_write,
		SYS_writev, SYS_getpid,  SYS_gettid, SYS_rt_sigprocmask,
		SYS_tgkill, SYS_futex,
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (number == calls[i])
			return true;
	return false;
}

static bool points_to(const struct hi_host *host,
		      const struct user_regs_struct *regs, uint64_t remote)
{
	const uint64_t values[] = { regs->rax, regs->rbx, regs->rcx, regs->rdx,
				    regs->rsi, regs->rdi, regs->rbp, regs->r8,
				    regs->r9,  regs->r10, regs->r11, regs->r12,
				    regs->r13, regs->r14, regs->r15 };
	uint64_t words[NEAR_WORDS];
	size_t n = NEAR_WORDS;

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		if (values[i] == remote)
			return true;
	/* the stack may end before */
	while (n && hi_remote_read(host, regs->rsp, words, n * 8, NULL) < 0)
		n /= 2;
	for (size_t i = 0; i < n; i++)
		if (words[i] == remote)
			return true;
	return false;
}

/* Whether the held thread can be inside the arena. */
static bool may_hold(const struct hi_abandoned *call, pid_t tid,
		     uint64_t remote)
{
	struct user_regs_struct regs;

	if (hi_tracee_get_regs(tid, &regs, NULL) < 0)
		return hi_host_owns(call->host, tid);
	if (!hi_held_is_libc(call->maps, regs.rip))
		return false;
	if ((long)regs.orig_rax >= 0) {
		if (!may_call_with_lock((long)regs.orig_rax))
			return false;
		if (regs.orig_rax == SYS_futex && regs.rdi == remote)
			return false;
	}
	return points_to(call->host, &regs, remote);
}

/* With all others stopped, of which none goes on meanwhile. */
static enum holder ask_stopped(const struct hi_abandoned *call, uint64_t remote)
{
	struct hi_thread *thread, *next;

	if (!is_locked(call->host, remote))
		return HELD_BY_NONE;
	HASH_ITER(hh, call->host->threads, thread, next) {
		if (thread == call->thread)
			continue;
		if (!thread->held || may_hold(call, thread->tid, remote))
			return HELD_BY_OTHER;
	}
	return HELD_BY_US;
}

/* Only those that run are let go again. */
static enum holder ask_once(const struct hi_abandoned *call, uint64_t remote)
{
	struct hi_host *host = call->host;
	struct hi_thread *thread, *next;
	enum holder holder;
	pid_t *HI_FREE stopped =
		calloc(HASH_COUNT(host->threads) + 1, sizeof(*stopped));
	size_t n = 0;

	if (!stopped)
		return HELD_BY_OTHER;
	HASH_ITER(hh, host->threads, thread, next)
		if (!thread->held && hi_host_ask(host, thread, NULL) == 0)
			stopped[n++] = thread->tid;
	for (size_t i = 0; i < n; i++) {
		thread = hi_host_find_thread(host, stopped[i]);
		if (thread)
			(void)!hi_host_await(host, thread, NULL);
	}
	holder = ask_stopped(call, remote);
	for (size_t i = 0; i < n; i++) {
		thread = hi_host_find_thread(host, stopped[i]);
		if (thread)
			hi_host_release(host, thread);
	}
	return holder;
}

/* A lock that is free, once, was not the crashed thread's. */
static enum holder ask(const struct hi_abandoned *call, uint64_t remote)
{
	enum holder holder = HELD_BY_OTHER;

	for (int i = 0; holder == HELD_BY_OTHER && i < TRIES; i++) {
		if (i > 0)
			hi_clock_nap_us(NAP_US);
		if (!is_locked(call->host, remote))
			return HELD_BY_NONE;
		holder = ask_once(call, remote);
	}
	return holder;
}

/* The crash is inside malloc only when the youngest frame is the C library's. */
void hi_held_find_arenas(const struct hi_abandoned *call,
			 const struct hi_pointers *pointers,
			 struct hi_held_locks *locks)
{
	if (call->n == 0 ||
	    !hi_held_is_libc(call->maps, call->frames->frames[0].pc))
		return;
	for (size_t i = 0; i < pointers->n; i++) {
		uint64_t remote = pointers->list[i];
		struct hi_held_lock *lock;
		enum holder holder;

		if (!is_locked(call->host, remote) ||
		    !is_arena(call->host, remote))
			continue;
		holder = ask(call, remote);
		lock = holder == HELD_BY_NONE ?
			       NULL :
			       hi_held_add(locks, HI_HELD_ARENA, remote);
		if (!lock)
			continue;
		lock->settled = holder == HELD_BY_US;
		snprintf(lock->what, sizeof(lock->what),
			 "a lock of malloc at %#lx", remote);
	}
}
