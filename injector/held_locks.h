/*
 * held_locks - locks that a call holds which never returns: a thread has crashed in
 * it, and goes on in its caller.
 *
 *     hi_held_locks_find     those that nobody but the abandoned call can hold, and
 *                            without which other threads soon wait for ever: of malloc, of
 *                            stdio, of the loader
 *     hi_held_locks_release  unlock these, and wake who waits
 *     hi_held_locks_forget_handlers  what would unlock them when the thread ends
 *     hi_held_locks_look     what else the thread holds: mutexes and rwlocks. To be told
 *                            and left alone: the host may have taken them before the call
 *
 * A lock of malloc does not say whose it is. It is found where the abandoned frames
 * of the C library point to a locked arena. Then all other threads are stopped for a
 * moment: when none of them can be the one that holds it, the crashed thread is. A
 * thread holds an arena only inside the C library, where nothing else is called
 * under this lock but the kernel for memory; so one that is elsewhere, or that waits
 * for that arena, is not it. One that may be is let run on and looked at again. What
 * cannot be settled is not released.
 *
 * A FILE and the locks of the loader name their owner. A FILE is the call's when the
 * abandoned frames of the C library point to it; a lock of the loader when they are
 * inside the loader and the frames that stay are not.
 *
 * Units:     ..._remote are host addresses.
 * Ownership: a call borrows all that it points to; results are plain values.
 * Errors:    to find nothing is no error: memory that cannot be read holds no lock.
 *            hi_held_locks_release() gives those of remote.
 * Threads:   the one that traces. The hooks of the host may run in hi_held_locks_find().
 * Source:    glibc 2.26 to 2.42: malloc/malloc.c (malloc_state), malloc/arena.c,
 *            libio/bits/types/struct_FILE.h, sysdeps/nptl/stdio-lock.h (_IO_lock_t),
 *            sysdeps/nptl/lowlevellock.h (0 free, 1 locked, 2 with waiters),
 *            bits/struct_mutex.h, bits/struct_rwlock.h; futex(2).
 */
#ifndef HI_INJECTOR_HELD_LOCKS_H
#define HI_INJECTOR_HELD_LOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

#include "common/err.h"
#include "injector/host.h"
#include "injector/maps.h"
#include "injector/remote.h"
#include "injector/unwind.h"
#include "injector/worker.h"

#define HI_HELD_LOCKS_MAX 16

/* A crashed thread, and how much of its stack is abandoned. */
struct hi_abandoned {
	struct hi_host *host;
	struct hi_thread *thread;            /* held */
	const struct hi_maps *maps;          /* as they are now */
	const struct hi_worker *worker;      /* or NULL: no variables to name */
	const struct user_regs_struct *regs; /* at the crash */
	const struct hi_frames *frames;      /* of the whole stack */
	size_t n;         /* how many of them are abandoned, the youngest */
	uint64_t host_sp; /* of the frame that goes on, after the call */
};

enum hi_held_kind {
	HI_HELD_ARENA,  /* malloc_state */
	HI_HELD_FILE,   /* _IO_lock_t */
	HI_HELD_MUTEX,  /* pthread_mutex_t */
	HI_HELD_RWLOCK, /* pthread_rwlock_t, for writing */
};

struct hi_held_lock {
	enum hi_held_kind kind;
	uint64_t remote;  /* of the lock */
	bool settled;     /* it is the abandoned call's: it can be released */
	bool in_variable; /* of the worker */
	bool released;
	char what[160]; /* "malloc's lock", "mutex queue_lock" */
};

struct hi_held_locks {
	struct hi_held_lock list[HI_HELD_LOCKS_MAX];
	size_t n;
	bool more; /* than the list holds */
};

/*
 * What must be released, and (not settled) what should be but may be another's. Cheap
 * unless a frame of the C library or of the loader is abandoned; stops other threads for a
 * moment only when an arena is locked.
 */
void hi_held_locks_find(const struct hi_abandoned *call,
			struct hi_held_locks *ret_locks);
/*
 * Release those that are settled, through the held thread of the call, whose
 * registers stay as they are; a signal that it was about to get is dropped.
 */
int hi_held_locks_release(const struct hi_abandoned *call,
			  const struct hi_shim_place *place,
			  struct hi_held_locks *locks,
			  struct hi_err *err) HI_MUST_USE;
/*
 * Take what the abandoned frames have registered with pthread_cleanup_push(3), as
 * printf(3) does for its lock, off the lists of the thread: they are gone when it is
 * cancelled or exits. To be done before it goes on, whether there are locks or not.
 */
int hi_held_locks_forget_handlers(const struct hi_abandoned *call,
				  struct hi_err *err) HI_MUST_USE;
/*
 * What the thread holds now in variables of the worker (these come first) and on the
 * abandoned stack; and then in up to LIMIT bytes of the C library's and the program's
 * variables and of the heap. The thread need not be held.
 */
void hi_held_locks_look(const struct hi_abandoned *call, uint64_t limit,
			struct hi_held_locks *ret_locks);

#endif
