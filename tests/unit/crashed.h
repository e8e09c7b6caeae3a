/*
 * crashed - a host whose threads crash, for the tests of what comes then.
 *
 * The host is a process of this program, with up to two threads that crash:
 *
 *     crasher i  remembers where it is, and calls crash[i]; when the test sets it
 *                back there, it says "b". The second one crashes after the first
 *     main       does what it is told to, and then says "u"
 *     busy ones  use malloc all the time, which has one arena for all
 *
 * Ownership: hi_crashed_begin() fills a value that hi_crashed_end() ends, and the host.
 * Errors:    whatever fails here fails the test.
 */
#ifndef HI_TESTS_UNIT_CRASHED_H
#define HI_TESTS_UNIT_CRASHED_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <ucontext.h>

#include "injector/held_locks.h"

/* The host is this program: with a sanitizer, its malloc and stdio are that one's. */
#ifdef __SANITIZE_ADDRESS__
#define HI_CRASHED_IS_SANITIZED true
#else
#define HI_CRASHED_IS_SANITIZED false
#endif

#define HI_CRASHED_STACK_LEN (64UL << 10)
/* What a thread can have from malloc without a lock, once it has had it. */
#define HI_CRASHED_SMALL 20
/* And what it cannot. */
#define HI_CRASHED_BIG 3000

/* What both see. */
struct hi_crashed_shared {
	ucontext_t back[2];
	volatile pid_t crasher[2];
	pthread_t thread[2];    /* the same */
	volatile bool ready[2]; /* it has memory of its own */
	uint64_t *damaged, saved[2];
	uint64_t mutex; /* of the host */
	int n_cleaned;
	char stack[HI_CRASHED_STACK_LEN];
};

typedef void hi_crashed_deed(struct hi_crashed_shared *shared);

/* What happens in the host. */
struct hi_crashed_story {
	hi_crashed_deed *before; /* by a thread that crashes, before the call */
	hi_crashed_deed *crash[2]; /* NULL: there is no such thread */
	hi_crashed_deed *use;      /* by main, once it is told to */
	bool busy;                 /* others use malloc all the time */
};

struct hi_crashed {
	struct hi_host *host;
	struct hi_crashed_shared *shared;
	struct hi_unwinder *unwinder;
	struct hi_maps maps;
	struct hi_shim_place place;
	int order, second, news;
	pid_t stopped[2];
	size_t n_stopped;
};

/* One that has crashed. */
struct hi_crash {
	struct hi_abandoned call;
	struct user_regs_struct regs;
	struct hi_frames frames;
};

/* Returns once all have crashed that are to. */
void hi_crashed_begin(struct hi_crashed *subject,
		      const struct hi_crashed_story *story);
void hi_crashed_end(struct hi_crashed *subject);
/* What has become of crasher WHICH. */
void hi_crashed_read(struct hi_crashed *subject, int which,
		     struct hi_crash *ret_crash);
/* It goes on after the call. */
void hi_crashed_go_back(const struct hi_crashed *subject,
			const struct hi_crash *crash, int which);
/* Main is to do its deed. */
void hi_crashed_tell(const struct hi_crashed *subject);
/* Whether the host says WORD; false: main waits for LOCK (0: this may not happen). */
bool hi_crashed_await(const struct hi_crashed *subject, char word,
		      uint64_t lock);

#endif
